// Both sides renew their SAs as fast as they may, while packets flow both ways.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

const { gatewayA, gatewayB, hostA, hostB } = ADDRESSES
const TUNNEL = 'site'

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
  await withTunnel({ phase2: { volume: '64MB' } }, async ({ net, a, b }) => {
    // Some 20 megabytes a second each way: from the rekey to the end of the volume it is half a second.
    await net.hostA.ping(hostB.ipv4, { count: 4_500, interval: 0.001, size: 20_000 })
    assert.ok((await a.tunnel(TUNNEL)).rekeys >= 1)
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

type Site = { readonly net: Topology; readonly a: GatewayProcess; readonly b: GatewayProcess }

async function withTunnel(
  more: Partial<TunnelSettings>,
  work: (site: Site) => Promise<void>,
): Promise<void> {
  const both = { psk: 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa', start: 'respond', proof: 'off' } as const
  const net = await buildTopology()
  const running: GatewayProcess[] = []
  const start = async (
    where: 'gatewayA' | 'gatewayB',
    peer: string,
    networks: string,
  ): Promise<GatewayProcess> => {
    const tunnel = { address: ADDRESSES[where].ipv4, peer, networks: [networks], ...both, ...more }
    const gateway = await GatewayProcess.start(net[where], {
      name: where,
      tunnels: { [TUNNEL]: tunnel },
    })
    running.push(gateway)
    return gateway
  }
  try {
    const b = await start('gatewayB', gatewayA.ipv4, '10.2.0.0/16 <-> 10.1.0.0/16')
    const a = await start('gatewayA', gatewayB.ipv4, '10.1.0.0/16 <-> 10.2.0.0/16')
    await a.up(TUNNEL)
    await work({ net, a, b })
  } finally {
    await Promise.all(running.map((one) => one.stop()))
    net.dispose()
  }
}
