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
  type Link,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { StrongSwan } from '../support/strongswan.ts'
import { ADDRESSES, buildTopology } from '../support/topology.ts'

// strongSwan's double-nat-net: the caller is hidden by one NAT, and the called by another that hands on UDP 500 and 4500.

const CALLER = ADDRESSES.gatewayBehindNat.ipv4
const CALLED = ADDRESSES.gatewayBBehindNat.ipv4

for (const role of ['initiator', 'responder'] as const) {
  test(`both ends behind NATs, Causeway as ${role}`, async () => {
    const topology = await buildTopology({ nat: true, natB: true })
    try {
      const { gatewayA, gatewayB, hostA, hostB } = topology
      const [ours, theirs] = role === 'initiator' ? [gatewayA, gatewayB] : [gatewayB, gatewayA]
      const link = linkFor(role)
      const peer = role === 'initiator' ? ADDRESSES.gatewayB.ipv4 : ADDRESSES.gatewayA.ipv4
      const us = role === 'initiator' ? ADDRESSES.gatewayA.ipv4 : ADDRESSES.gatewayB.ipv4
      const strongswan = await StrongSwan.start(theirs)
      await strongswan.load([strongswanSide(link, { remote: us, remoteId: link.causeway })])
      const causeway = await GatewayProcess.start(ours, {
        name: 'gw',
        tunnels: {
          [link.name]: causewaySide(link, { peer, 'peer-id': { sends: link.strongswan } }),
        },
      })
      const capture = await Capture.start(topology.middle, 'site-a')
      if (role === 'initiator') await causeway.up(link.name)
      else await strongswanInitiates(link, causeway, strongswan)
      const { tunnel } = await agreement(link, causeway, strongswan)
      assert.deepEqual(tunnel.ikeSas[0]?.nat, { local: true, remote: true })
      assert.equal(tunnel.childSas[0]?.encapsulation, 'udp')
      await assertPing(hostA, ADDRESSES.hostB.ipv4)
      await assertPing(hostB, ADDRESSES.hostA.ipv4)
      // Both rekey, each from where it stands.
      for (const [kind, rekey] of [
        ['child-sa-established', () => causeway.rekey(link.name, 2)],
        ['child-sa-established', () => strongswan.rekey({ child: childName(link) })],
        ['ike-sa-established', () => causeway.rekey(link.name, 1)],
      ] as const) {
        const from = causeway.events.length
        await rekey()
        await causeway.waitFor(kind, link.name, { from })
        await assertPing(hostA, ADDRESSES.hostB.ipv4)
      }
      const counts = countFrames(await capture.frames())
      assert.deepEqual([counts.esp, counts.plaintext], [0, 0])
      assert.equal((await causeway.status()).defects, 0)
      await causeway.stop()
      await strongswan.stop()
    } finally {
      topology.dispose()
    }
  })
}

function linkFor(role: 'initiator' | 'responder'): Link {
  if (role === 'initiator') return { ...LINK, causeway: CALLER, strongswan: CALLED }
  return {
    ...LINK,
    causeway: CALLED,
    strongswan: CALLER,
    networks: LINK.networks.map(([a, b]) => [b, a] as const),
  }
}
