import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import {
  assertPings,
  type Link,
  OUTER_4,
  saOf,
  sasOf,
  settings,
  withLink,
} from '../support/data-plane-link.ts'
import { DataPlaneProcess } from '../support/data-plane-process.ts'
import { emulateLink } from '../support/link-emulator.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

/** A thread for each direction (docs/decisions/0008). The other tests of the data plane run with CAUSEWAY_TEST_WORKERS=2 as well. */
const workers = 2

async function withTopology(work: (net: Topology) => Promise<void>): Promise<void> {
  const net = await buildTopology()
  try {
    await work(net)
  } finally {
    net.dispose()
  }
}

for (const encapsulation of ['udp', 'native'] as const) {
  test(`over a link that doubles every packet, each passes once, both ways at once: ${encapsulation}`, () =>
    withTopology(async (net) => {
      const emulated = await emulateLink(net, { delay: 1, loss: 0, reorder: 0, duplicate: 100 })
      await withLink(net, { workers, encapsulation }, async (planes) => {
        await planes.transfer(2_000_000, ADDRESSES.hostB.ipv4)
        await Promise.all([
          assertPings(net.hostA, ADDRESSES.hostB.ipv4, { count: 100, interval: 0.01 }),
          assertPings(net.hostB, ADDRESSES.hostA.ipv4, { count: 100, interval: 0.01 }),
        ])
        for (const [from, to] of [
          [planes.a, planes.b],
          [planes.b, planes.a],
        ] as const) {
          const sent = await saOf(from, 'outbound')
          await eventually('every packet has come twice', async () => {
            const { packets, replayed } = await saOf(to, 'inbound')
            return packets === sent.packets && replayed === sent.packets
          })
          const { unknownSpi, malformed, notSent } = await to.counters()
          assert.deepEqual([unknownSpi, malformed, notSent], [0, 0, 0])
        }
      })
      const { aToB, bToA } = await emulated.stop()
      assert.ok(aToB.doubled > 1000 && bToA.doubled > 200)
    }))
}

test('SAs come and go, and tunnels change their names, in both threads', () =>
  withTopology(async (net) => {
    const link: Link = { workers }
    await withLink(net, link, async ({ a, b }) => {
      await assertPings(net.hostA, ADDRESSES.hostB.ipv4)
      const fresh = sasOf({ generation: 1 }, 0)
      for (const [plane, { inbound }] of [
        [a, fresh.a],
        [b, fresh.b],
      ] as const) {
        await plane.install(inbound)
      }
      await a.install(fresh.a.outbound)
      await b.install(fresh.b.outbound)
      const old = sasOf(link, 0)
      for (const sa of [old.a.inbound, old.a.outbound]) await a.remove(sa)
      for (const sa of [old.b.inbound, old.b.outbound]) await b.remove(sa)
      await assertPings(net.hostA, ADDRESSES.hostB.ipv4)
      await b.remove(fresh.b.inbound)
      assert.equal((await net.hostA.ping(ADDRESSES.hostB.ipv4, { wait: 1 })).received, 0)
      assert.ok((await b.counters()).unknownSpi > 0)

      // Another tunnel under the name of the same device: it must be free in both threads first.
      const before = settings(link, 'a')
      const renamed = before.tunnels.map((tunnel) => ({ ...tunnel, name: 'other' }))
      await a.configure({ ...before, tunnels: renamed })
      const device = await net.gatewayA.runOk(['ip', '-br', 'link', 'show', 'dev', 'cw-test'])
      assert.match(device, /cw-test/)
      await a.configure({ localAddresses: [], tunnels: [] })
      const gone = await net.gatewayA.run(['ip', '-br', 'link', 'show', 'dev', 'cw-test'])
      assert.match(gone.stderr, /does not exist/)
      // Nobody holds the ports either.
      const other = new DataPlaneProcess(net.gatewayA)
      await other.configure({ localAddresses: [OUTER_4.a], tunnels: [] })
      await other.close()
      const wrong = { ...before, localAddresses: [OUTER_4.a, ip('192.0.2.99')] }
      await assert.rejects(a.configure(wrong) as Promise<unknown>, /192\.0\.2\.99/)
      await a.configure(before)
    })
  }))

test('the end of the process leaves nothing on the host', () =>
  withTopology(async (net) => {
    const exiting = new DataPlaneProcess(net.gatewayA, workers)
    await exiting.configure(settings({}, 'a'))
    await assert.rejects(exiting.call({ kind: 'exit' }), /ended with 0/)
    const { stdout: routes } = await net.gatewayA.run(['ip', 'route', 'show', 'table', '4500'])
    const { stdout: devices } = await net.gatewayA.run(['ip', '-br', 'link', 'show', 'type', 'tun'])
    assert.equal(`${routes}${devices}`.trim(), '')
  }))
