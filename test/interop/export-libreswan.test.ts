import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportTunnel } from '#config/export/export-tunnel'
import { memoryFiles } from '#config/files'
import { loadConfig } from '#config/reader'
import { LIBRESWAN } from '../../tools/install-peers.ts'
import { run } from '../support/process.ts'
import { ADDRESSES } from '../support/topology.ts'

// What `causeway export --for libreswan` prints, given to libreswan's own parsers as it is.

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

function exported(text: string): string {
  const files = memoryFiles({ '/c.yaml': text })
  const { config } = loadConfig('/c.yaml', { files, variables: {}, hostName: 'gw-a' })
  const [tunnel] = config?.tunnels ?? []
  assert.ok(tunnel)
  const whole = exportTunnel(tunnel, 'libreswan', { showSecrets: true }).text
  return whole.split('# into ipsec.secrets, mode 600:')[0] ?? ''
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
      const conf = exported(change(OURS))
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
