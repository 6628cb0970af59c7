import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { GatewayProcess } from '../support/gateway.ts'
import { assertPing } from '../support/interop.ts'
import { undoAtExit } from '../support/leftovers.ts'
import { CausewayCa } from '../support/pki.ts'
import { eventually, stop } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Namespace } from '../support/topology.ts'

// vpnc, an implementation of its own of what Cisco's clients speak: Aggressive mode with a group key, XAUTH, Mode Config.

const GROUP_KEY = 'group key that is long enough, 0123456789'
const USER = { name: 'branch-7', password: 'open sesame' }
const GIVEN = '10.9.0.7'

const folder = mkdtempSync(join(tmpdir(), 'cw-vpnc-'))
const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
after(forget)

for (const [what, behindNat, group] of [
  ['without a NAT', false, 'dh2'],
  ['behind a NAT, by way of UDP 4500', true, 'dh5'],
] as const) {
  test(`vpnc logs in, is given an address and reaches the network, ${what}`, async () => {
    const topology = await buildTopology({ natB: behindNat })
    const gateway = await GatewayProcess.start(topology.gatewayA, {
      name: 'gw-a',
      tunnels: { branch: server() },
    })
    const client = await startVpnc(topology.gatewayB, group)
    try {
      await gateway.becomes('branch', 'up')
      const { ikeSas, childSas } = await gateway.tunnel('branch')
      const [ikeSa] = ikeSas
      assert.equal(ikeSa?.user, USER.name)
      assert.equal(ikeSa?.nat.remote, behindNat)
      assert.equal(childSas[0]?.remote, GIVEN)
      assert.equal(childSas[0]?.encapsulation, behindNat ? 'udp' : 'native')
      await eventually('the interface of vpnc has its address', async () =>
        (await topology.gatewayB.runOk(['ip', '-4', 'addr'])).includes(GIVEN),
      )
      await assertPing(topology.gatewayB, ADDRESSES.hostA.ipv4, { source: GIVEN })
      assert.equal((await gateway.status()).defects, 0)
    } finally {
      await stop(client)
      await gateway.stop()
      topology.dispose()
    }
  })
}

test('vpnc checks our certificate and logs in: hybrid authentication', async () => {
  const ca = await CausewayCa.make(join(folder, 'ca'), 'Example VPN CA', 'rsa3072')
  const id = 'gw-a.example.net'
  const papers = await ca.issue(id, { names: [id] })
  const topology = await buildTopology()
  const { psk: _psk, ...shared } = server()
  const gateway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: { branch: { ...shared, certificate: { ...papers, id } } },
  })
  const client = await startVpnc(topology.gatewayB, 'dh2', [
    'IKE Authmode hybrid',
    `CA-File ${ca.certificate}`,
  ])
  try {
    await gateway.becomes('branch', 'up')
    assert.equal((await gateway.tunnel('branch')).ikeSas[0]?.user, USER.name)
    await assertPing(topology.gatewayB, ADDRESSES.hostA.ipv4, { source: GIVEN })
  } finally {
    await stop(client)
    await gateway.stop()
    topology.dispose()
  }
})

function server() {
  const users = join(folder, 'users')
  writeFileSync(users, `${USER.name}:${USER.password}\n`, { mode: 0o600 })
  return {
    ike: 'v1-aggressive',
    address: ADDRESSES.gatewayA.ipv4,
    peer: 'any',
    'peer-id': 'keyid:branches',
    psk: GROUP_KEY,
    phase1: { propose: ['aes256-sha1-group2', 'aes256-sha1-group5'] },
    phase2: { propose: ['aes256-sha1'], pfs: 'none' },
    xauth: { role: 'server', users },
    'mode-config': { role: 'server', address: GIVEN, dns: '10.1.0.53' },
    networks: [`any <-> ${GIVEN}`],
  }
}

async function startVpnc(namespace: Namespace, group: 'dh2' | 'dh5', more: readonly string[] = []) {
  const script = join(folder, 'script')
  writeFileSync(
    script,
    `#!/bin/sh
[ "$reason" = connect ] || exit 0
ip addr add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
ip link set "$TUNDEV" up mtu 1300
ip route add 10.1.0.0/16 dev "$TUNDEV"
`,
    { mode: 0o700 },
  )
  const configuration = join(folder, 'vpnc.conf')
  writeFileSync(
    configuration,
    `IPSec gateway ${ADDRESSES.gatewayA.ipv4}
IPSec ID branches
IPSec secret ${GROUP_KEY}
Xauth username ${USER.name}
Xauth password ${USER.password}
IKE DH Group ${group}
NAT Traversal Mode natt
${more.join('\n')}
`,
    { mode: 0o600 },
  )
  const pidFile = join(folder, 'pid')
  return namespace.start([
    'vpnc',
    '--no-detach',
    '--script',
    script,
    '--pid-file',
    pidFile,
    configuration,
  ])
}
