import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ExportTarget, exportTunnel } from '#config/export/export-tunnel'
import { memoryFiles } from '#config/files'
import { importTexts } from '#config/import/import-texts'
import { tunnelYaml } from '#config/import/tunnel-yaml'
import { keyText } from '#config/key-text'
import { loadConfig } from '#config/reader'
import { GatewayProcess } from '../support/gateway.ts'
import { assertPing } from '../support/interop.ts'
import { StrongSwan } from '../support/strongswan.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

// What `causeway export` prints, given to strongSwan as it is; and what `causeway import` makes of the other end of a swanctl.conf.

const KEY = 'Vn4LzR7wKc1YfHs5DpAeb6uJ0-x8mQ2v'
const A = ADDRESSES.gatewayA.ipv4
const B = ADDRESSES.gatewayB.ipv4

/** One tunnel of ours; strongSwan's userspace ESP travels inside UDP only. */
function ours(...more: readonly string[]): string {
  return `version: 1
gateway: {name: gw-a, address: ${A}}
tunnels:
  link:
    peer: ${B}
    psk: "${KEY}"
    id: gw-a.example.net
    peer-id: {sends: gw-b.example.net}
    phase1: {propose: [aes256-sha384-group20, aes128-sha256-group14], lifetime: 4h}
    phase2: {propose: [aes256gcm16, aes128-sha256], pfs: group14, lifetime: 30m}
    networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]
    start: respond
${more.map((line) => `    ${line}\n`).join('')}`
}

function exported(text: string, target: ExportTarget): string {
  const files = memoryFiles({ '/c.yaml': text })
  const { config } = loadConfig('/c.yaml', { files, variables: {}, hostName: 'gw-a' })
  const [tunnel] = config?.tunnels ?? []
  assert.ok(tunnel)
  return exportTunnel(tunnel, target, { showSecrets: true }).text
}

/** As strongSwan's own examples have it: this end first. */
function netToNet(ends: Ends, networks: Ends, ids: Ends): string {
  return `connections {
   gw-gw {
      local_addrs  = ${ends[0]}
      remote_addrs = ${ends[1]}
      encap = yes
      local {
         auth = psk
         id = ${ids[0]}
      }
      remote {
         auth = psk
         id = ${ids[1]}
      }
      children {
         net-net {
            local_ts  = ${networks[0]}
            remote_ts = ${networks[1]}
            esp_proposals = aes128-sha256-modp3072
         }
      }
      version = 1
      reauth_time = 10800
      proposals = aes128-sha256-modp3072
   }
}
secrets {
   ike-1 {
      id-1 = moon.strongswan.org
      id-2 = sun.strongswan.org
      secret = "text that stands for the key of both"
   }
}
`
}

type Ends = readonly [own: string, other: string]

let topology: Topology
let strongswan: StrongSwan

before(async () => {
  topology = await buildTopology()
  strongswan = await StrongSwan.start(topology.gatewayB)
})
after(async () => {
  await strongswan?.stop()
  topology?.dispose()
})

for (const role of ['initiator', 'responder'] as const) {
  test(`strongSwan takes the export as it is, Causeway as ${role}`, async () => {
    const text = ours('encapsulation: force')
    await strongswan.load(
      exported(text, 'strongswan-swanctl').replace('start_action = start', 'start_action = none'),
    )
    const causeway = await GatewayProcess.start(topology.gatewayA, text)
    try {
      if (role === 'initiator') await causeway.up('link')
      else {
        const { code, stdout } = await strongswan.initiate('link')
        assert.equal(code, 0, stdout)
      }
      await assertPing(topology.hostA, '10.2.0.2')
      const { ikeSas, childSas } = await causeway.tunnel('link')
      assert.equal(ikeSas[0]?.suite, 'aes256-sha384-group20')
      assert.deepEqual([childSas[0]?.suite, childSas[0]?.pfs], ['aes256gcm16', 'group14'])
    } finally {
      await causeway.down('link')
      await causeway.stop()
    }
  })
}

test('strongSwan meets what was imported from the other end of its own configuration', async () => {
  const [moon, sun] = ['moon.strongswan.org', 'sun.strongswan.org']
  await strongswan.load(netToNet([B, A], ['10.2.0.0/16', '10.1.0.0/16'], [sun, moon]))
  const causeway = await imported(netToNet([A, B], ['10.1.0.0/16', '10.2.0.0/16'], [moon, sun]))
  try {
    await causeway.up('gw-gw')
    await assertPing(topology.hostA, '10.2.0.2')
    const { childSas } = await causeway.tunnel('gw-gw')
    assert.deepEqual([childSas[0]?.suite, childSas[0]?.pfs], ['aes128-sha256', 'group15'])
  } finally {
    await causeway.down('gw-gw')
    await causeway.stop()
  }
})

test('strongSwan begins two connections between the same gateways, which were imported as one tunnel', async () => {
  const [moon, sun] = ['moon.strongswan.org', 'sun.strongswan.org']
  const both = (text: string, [from, to]: Ends) => {
    const [, first = ''] = /^connections \{\n([\s\S]*?)^\}\nsecrets/m.exec(text) ?? []
    const second = first.replace('gw-gw', 'gw-lab').replace('net-net', 'lab').replace(from, to)
    return text.replace(first, first + second)
  }
  const theirs = netToNet([B, A], ['10.2.0.0/16', '10.1.0.0/16'], [sun, moon])
  await strongswan.load(both(theirs, ['10.1.0.0/16', '10.66.0.0/16']))
  const text = netToNet([A, B], ['10.1.0.0/16', '10.2.0.0/16'], [moon, sun])
  const causeway = await imported(both(text, ['10.1.0.0/16', '10.66.0.0/16']))
  try {
    for (const child of ['net-net', 'lab']) {
      const { code, stdout } = await strongswan.initiate(child)
      assert.equal(code, 0, stdout)
    }
    await assertPing(topology.hostA, '10.2.0.2')
    const { ikeSas, childSas } = await causeway.tunnel('gw-gw')
    assert.deepEqual([ikeSas.length, childSas.length], [1, 2])
  } finally {
    await causeway.down('gw-gw')
    await causeway.stop()
  }
})

/** A gateway with the one tunnel that a swanctl.conf comes to. */
async function imported(text: string): Promise<GatewayProcess> {
  const { imported: read } = importTexts({
    sources: [{ file: '/etc/swanctl/swanctl.conf', text }],
    files: memoryFiles({}),
    options: { ourAddresses: [] },
  })
  const [tunnel, ...others] = read[0]?.tunnels ?? []
  assert.ok(tunnel?.psk && others.length === 0)
  const yaml = tunnelYaml(tunnel).replace(/psk: .*/, `psk: "${keyText(tunnel.psk)}"`)
  return GatewayProcess.start(topology.gatewayA, `version: 1\n${yaml}`)
}
