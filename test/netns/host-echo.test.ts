import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ip } from '#bytes/ip'
import { LAN_4, LAN_6, TUNNEL, withLink } from '../support/data-plane-link.ts'
import type { DataPlaneProcess } from '../support/data-plane-process.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

let net: Topology

before(async () => {
  net = await buildTopology()
})
after(() => net?.dispose())

for (const workers of [1, 2] as const) {
  test(`a host is asked through the tunnel, and its answer is not the host's: threads ${workers}`, () =>
    withLink(net, { workers, pairs: [LAN_4, LAN_6] }, async ({ a, b }) => {
      const four = { source: ip(ADDRESSES.gatewayA.lan), target: ip(ADDRESSES.hostB.ipv4) }
      const six = { source: ip(ADDRESSES.gatewayA.lan6), target: ip(ADDRESSES.hostB.ipv6) }
      for (const [id, ends] of [
        [1, four],
        [2, six],
      ] as const) {
        await a.call({ kind: 'ask-host', tunnel: TUNNEL, echo: { id, ...ends } })
        await eventually(`${ends.target} has answered`, async () => answered(a).includes(id))
      }
      // Nobody has this address, and no SA this one.
      const nobody = { ...four, id: 3, target: ip('10.2.0.99') }
      const outside = { ...four, id: 4, target: ip('10.9.0.1') }
      for (const echo of [nobody, outside]) await a.call({ kind: 'ask-host', tunnel: TUNNEL, echo })
      // What a host asks itself is answered to it, though it may have chosen our mark.
      const own = await net.hostA.run([
        'ping',
        '-c2',
        '-i0.2',
        '-W1',
        '-e',
        `${0x4377}`,
        four.target,
      ])
      assert.match(own.stdout, /2 received/)
      assert.deepEqual(answered(a), [1, 2])
      const { sas, tunnels } = await a.counters()
      const sent = sas.filter(({ direction }) => direction === 'outbound')
      assert.deepEqual([sent.map(({ packets }) => packets), tunnels[0]?.probes], [[2 + 2, 1], 3])
      assert.deepEqual(answered(b), [])
    }))
}

function answered({ events }: DataPlaneProcess): readonly number[] {
  return events.flatMap((event) => (event.kind === 'echo-answered' ? [event.id] : []))
}
