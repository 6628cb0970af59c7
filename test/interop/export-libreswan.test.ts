import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exportTunnel } from '#config/export/export-tunnel'
import { memoryFiles } from '#config/files'
import { loadConfig } from '#config/reader'
import { LIBRESWAN } from '../../tools/install-peers.ts'
import { GatewayProcess } from '../support/gateway.ts'
import { assertPing } from '../support/interop.ts'
import { Libreswan } from '../support/libreswan.ts'
import { eventually, run } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { UmlGuest } from '../support/uml.ts'

// What `causeway export --for libreswan` prints, given to libreswan as it is: to its parsers, and to a pluto in a guest.

const OURS = `version: 1
gateway: {name: gw-a, address: ${ADDRESSES.gatewayA.ipv4}}
tunnels:
  link:
    peer: ${ADDRESSES.gatewayB.ipv4}
    psk: "Vn4LzR7wKc1YfHs5DpAeb6uJ0-x8mQ2v"
    phase1: {propose: aes256-sha256-group14, lifetime: 4h}
    phase2: {propose: aes256-sha256, pfs: group14, lifetime: 30m}
    networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]
    start: respond
`

function exported(text: string): { readonly conf: string; readonly secrets: string } {
  const files = memoryFiles({ '/c.yaml': text })
  const { config } = loadConfig('/c.yaml', { files, variables: {}, hostName: 'gw-a' })
  const [tunnel] = config?.tunnels ?? []
  assert.ok(tunnel)
  const whole = exportTunnel(tunnel, 'libreswan', { showSecrets: true }).text
  // Nothing begins by itself: the tests say who does.
  const [conf = '', secrets = ''] = whole
    .replace('auto=start', 'auto=ignore')
    .split('# into ipsec.secrets, mode 600:\n')
  return { conf, secrets }
}

for (const [what, change] of [
  ['the usual', (text: string) => text],
  [
    'names, ports, several algorithms and no PFS',
    (text: string) =>
      text
        .replace(
          'aes256-sha256-group14',
          '[aes256-sha384-group20, aes128-sha1-group5, 3des-sha512-group19]',
        )
        .replace(
          'propose: aes256-sha256, pfs: group14',
          'propose: [aes256gcm16, aes128gcm8, aes192-sha512, 3des-sha1], pfs: none',
        )
        .replace('10.2.0.0/16"', '10.2.0.0/16 tcp/443", "10.1.0.0/16 <-> 10.9.0.0/16 icmp"')
        .replace(
          'networks',
          'id: "CN=gw-a, O=Example"\n    peer-id: {sends: gw-b.example.net}\n    networks',
        ),
  ],
  ['transport mode', (text: string) => text.replace(/networks.*/, 'mode: transport')],
  [
    'Aggressive mode',
    (text: string) => text.replace('networks', 'ike: v1-aggressive\n    networks'),
  ],
] as const) {
  test(`its parsers accept ${what}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cw-libreswan-'))
    try {
      const file = join(folder, 'ipsec.conf')
      const { conf } = exported(change(OURS))
      writeFileSync(file, `config setup\n  ikev1-policy=accept\n\n${conf}`)
      const programs = `${LIBRESWAN}/usr/libexec/ipsec`
      const checked = await run([`${programs}/addconn`, '--config', file, '--checkconfig'], {})
      assert.equal(checked.code, 0, `${checked.stderr}\n${conf}`)
      for (const [, protocol, proposals] of conf.matchAll(/^ {2}(ike|esp)=(.*)$/gm)) {
        const pfs = conf.includes('pfs=yes') ? ['-pfs=yes'] : []
        const parsed = await run(
          [`${programs}/algparse`, '-v1', ...pfs, `${protocol}=${proposals}`],
          {},
        )
        assert.equal(parsed.code, 0, `${proposals}: ${parsed.stdout}${parsed.stderr}`)
        assert.doesNotMatch(parsed.stdout + parsed.stderr, /ERROR|ignoring/)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

let topology: Topology
let guest: UmlGuest
let libreswan: Libreswan

before(async () => {
  topology = await buildTopology({ siteB: 'none' })
  guest = await UmlGuest.boot(topology.middle)
  libreswan = await Libreswan.start(guest)
})
after(() => {
  guest?.stop()
  topology?.dispose()
})

for (const role of ['initiator', 'responder'] as const) {
  test(`the tunnel comes up from it, Causeway as ${role}`, async () => {
    const { conf, secrets } = exported(OURS)
    await libreswan.addText('link', conf, secrets)
    const causeway = await GatewayProcess.start(topology.gatewayA, OURS)
    try {
      if (role === 'initiator') await causeway.up('link')
      else {
        const { code, stdout, stderr } = await libreswan.up('link')
        assert.equal(code, 0, stdout + stderr + libreswan.log())
      }
      await eventually(
        'the Child SA is there',
        async () => (await causeway.tunnel('link')).childSas.length === 1,
      )
      await assertPing(topology.hostA, ADDRESSES.gatewayB.lan)
      const { ikeSas, childSas } = await causeway.tunnel('link')
      assert.equal(ikeSas[0]?.suite, 'aes256-sha256-group14')
      assert.deepEqual([childSas[0]?.suite, childSas[0]?.pfs], ['aes256-sha256', 'group14'])
    } finally {
      await causeway.down('link')
      await causeway.stop()
      await libreswan.remove('link')
    }
  })
}
