// Both sides renew their SAs as fast as they may, while packets flow both ways.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayProcess } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES } from '../support/topology.ts'
import { TUNNEL, withTunnel } from '../support/two-gateways.ts'

const { hostA, hostB } = ADDRESSES

test('both sides rekey both phases at the same moment, again and again, and no packet is lost', async () => {
  await withTunnel({}, async ({ net, a, b }) => {
    const flood = { count: 1_500, interval: 0.002 }
    const pings = [net.hostA.ping(hostB.ipv4, flood), net.hostB.ping(hostA.ipv4, flood)]
    for (const phase of [2, 2, 1, 2] as const) {
      const from = a.events.length
      await Promise.all([a.rekey(TUNNEL, phase), b.rekey(TUNNEL, phase)])
      const kind = phase === 1 ? 'ike-sa-established' : 'child-sa-established'
      await a.waitFor(kind, TUNNEL, { from })
    }
    for (const { sent, received } of await Promise.all(pings)) assert.equal(received, sent)
    await assertNothingDropped(a, b)
  })
})

test('an SA whose volume is used up within the second after its replacement hands over before its end', async () => {
  await withTunnel({ tunnel: { phase2: { volume: '64MB' } } }, async ({ net, a, b }) => {
    // Some 20 megabytes a second each way: from the rekey to the end of the volume it is half a second.
    const flood = { count: 4_500, interval: 0.001, size: 20_000 }
    const rekeyed = async () => {
      await net.hostA.ping(hostB.ipv4, flood)
      return (await a.tunnel(TUNNEL)).rekeys >= 1
    }
    // A busy machine loses much of it before the tunnel.
    await eventually('the volume is used up', rekeyed, { patience: 60_000 })
    await assertNothingDropped(a, b)
  })
})

async function assertNothingDropped(...gateways: readonly GatewayProcess[]): Promise<void> {
  for (const gateway of gateways) {
    const { tunnels, dropped } = await gateway.status()
    const [tunnel] = tunnels
    // A full queue is how TCP learns how fast it may be.
    const { queueFull: _, ...causes } = tunnel?.dropped ?? {}
    assert.deepEqual(
      Object.entries(causes).filter(([, packets]) => packets !== 0),
      [],
    )
    assert.deepEqual([tunnel?.state, dropped['esp-unknown-spi']], ['up', 0])
  }
}
