import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capture, countFrames } from '../support/capture.ts'
import { GatewayProcess } from '../support/gateway.ts'
import {
  agreement,
  assertPing,
  causewaySide,
  childName,
  LINK,
  meet,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { StrongSwan } from '../support/strongswan.ts'
import { ADDRESSES, buildTopology } from '../support/topology.ts'

const INSIDE = ADDRESSES.gatewayBehindNat.ipv4

test('Causeway behind a NAT moves to port 4500, sends ESP inside UDP and survives rekeys by both sides', async () => {
  const link = { ...LINK, causeway: INSIDE }
  const { topology, causeway, strongswan, end } = await meet(
    { [link.name]: causewaySide(link) },
    [strongswanSide(link, { remote: ADDRESSES.gatewayA.ipv4, remoteId: INSIDE })],
    { nat: true },
  )
  try {
    const capture = await Capture.start(topology.middle, 'site-a')
    await causeway.up(link.name)
    const { tunnel, ikeSa } = await agreement(link, causeway, strongswan)
    assert.equal(tunnel.ikeSas[0]?.nat.local, true)
    assert.equal(tunnel.childSas[0]?.encapsulation, 'udp')
    assert.equal(ikeSa.localPort, 4500)
    assert.notEqual(ikeSa.remotePort, 4500)
    await assertPing(topology.hostA, '10.2.0.2')
    const from = causeway.events.length
    await causeway.rekey(link.name, 2)
    await causeway.waitFor('child-sa-established', link.name, { from })
    await assertPing(topology.hostB, '10.1.0.2')
    const later = causeway.events.length
    await strongswan.rekey({ child: childName(link) })
    await causeway.waitFor('child-sa-established', link.name, { from: later })
    await assertPing(topology.hostA, '10.2.0.2')
    const counts = countFrames(await capture.frames())
    assert.deepEqual([counts.esp, counts.plaintext], [0, 0])
    assert.ok(counts['esp-in-udp'] >= 18 && counts.isakmp >= 9)
  } finally {
    await end()
  }
})

test('strongSwan behind a NAT opens the tunnel; Causeway answers where its packets come from', async () => {
  const link = { ...LINK, causeway: ADDRESSES.gatewayB.ipv4, strongswan: INSIDE }
  const sides = { ...link, networks: [['10.2.0.0/16', '10.1.0.0/16']] as const }
  const topology = await buildTopology({ nat: true })
  try {
    const causeway = await GatewayProcess.start(topology.gatewayB, {
      name: 'gw-b',
      tunnels: {
        [link.name]: causewaySide(sides, {
          peer: ADDRESSES.gatewayA.ipv4,
          'peer-id': { sends: INSIDE },
        }),
      },
    })
    const strongswan = await StrongSwan.start(topology.gatewayA)
    await strongswan.load([strongswanSide(sides)])
    await strongswanInitiates(sides, causeway, strongswan)
    const { tunnel } = await agreement(sides, causeway, strongswan)
    assert.equal(tunnel.ikeSas[0]?.nat.remote, true)
    assert.equal(tunnel.childSas[0]?.encapsulation, 'udp')
    await assertPing(topology.hostB, '10.1.0.2')
    await assertPing(topology.hostA, '10.2.0.2')
    await causeway.stop()
    await strongswan.stop()
  } finally {
    topology.dispose()
  }
})
