// Four threads: two tunnels to two peers, each with a thread for each direction of its own (docs/decisions/0008).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GatewayProcess, GatewaySettings, TunnelSettings } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { transfer } from '../support/transfer.ts'
import {
  type Gateways,
  networksAt,
  outerAt,
  type Site,
  tunnelAt,
  withGateways,
} from '../support/two-gateways.ts'

/** To the same gateway by its two addresses: for the other end these are two peers. */
const FAMILIES = [
  { name: 'four', version: 'ipv4' },
  { name: 'six', version: 'ipv6' },
] as const
const OCTETS = 4_000_000

describe('a lane for each peer', () => {
  for (const encapsulation of ['auto', 'force'] as const) {
    test(`what belongs to a tunnel comes to its threads: encapsulation ${encapsulation}`, () =>
      withTunnels(encapsulation, async ({ net, a, b }) => {
        await Promise.all([bothWays(net, 'ipv4'), bothWays(net, 'ipv6')])
        await assertNothingStray(a, b)
        const first = await sharesOf(a)
        assert.deepEqual(first, [0, 1])

        await Promise.all([a.rekey('four', 2), b.rekey('six', 2)])
        await Promise.all([bothWays(net, 'ipv4'), bothWays(net, 'ipv6')])
        await assertNothingStray(a, b)
        assert.deepEqual(await sharesOf(a), [0, 1])
        assert.deepEqual(await sharesOf(b), [0, 1])
      }))
  }

  test('a tunnel that goes and comes again gets devices, routes and packets, whatever its lane', () =>
    withTunnels('auto', async ({ net, a }) => {
      const four = configuration('a', 'auto', ['four'])
      await a.reload(four)
      assert.equal((await routes(net)).includes('fd00:2::/64'), false)
      await bothWays(net, 'ipv4')
      await a.reload(configuration('a', 'auto'))
      await a.up('six')
      assert.ok((await routes(net)).includes('fd00:2::/64'))
      await bothWays(net, 'ipv6')
      await a.stop()
      assert.equal((await routes(net)).trim(), '')
    }))
})

async function withTunnels(
  encapsulation: 'auto' | 'force',
  work: (gateways: Gateways & { readonly net: Topology }) => Promise<void>,
): Promise<void> {
  const net = await buildTopology()
  try {
    const settings = {
      a: configuration('a', encapsulation),
      b: configuration('b', encapsulation),
    }
    await withGateways(net, settings, async (gateways) => {
      for (const { name } of FAMILIES) await gateways.a.up(name)
      await work({ net, ...gateways })
    })
  } finally {
    net.dispose()
  }
}

function configuration(
  site: Site,
  encapsulation: 'auto' | 'force',
  names: readonly string[] = FAMILIES.map(({ name }) => name),
): GatewaySettings {
  const tunnels: Record<string, TunnelSettings> = {}
  for (const { name, version } of FAMILIES) {
    if (!names.includes(name)) continue
    const networks = [networksAt(site)[version]]
    tunnels[name] = tunnelAt(site, {
      ...outerAt(site, version),
      networks,
      encapsulation,
      proof: 'auto',
    })
  }
  return { name: site, workers: 4, tunnels }
}

async function bothWays(net: Topology, version: 'ipv4' | 'ipv6'): Promise<void> {
  for (const [from, to, address] of [
    [net.hostA, net.hostB, ADDRESSES.hostB[version]],
    [net.hostB, net.hostA, ADDRESSES.hostA[version]],
  ] as const) {
    const { sent, received } = await transfer(from, to, address, OCTETS)
    assert.deepEqual([received.octets, received.digest], [OCTETS, sent.digest])
  }
}

/** What a socket of another lane got would be of an unknown SPI there. */
async function assertNothingStray(...gateways: readonly GatewayProcess[]): Promise<void> {
  for (const gateway of gateways) {
    const { dropped } = await gateway.status()
    assert.deepEqual([dropped['esp-unknown-spi'], dropped['esp-malformed']], [0, 0])
  }
}

/** What the SPIs of the inbound SAs say of who opens their packets. */
async function sharesOf(gateway: GatewayProcess): Promise<readonly number[]> {
  return eventually('one active Child SA for each tunnel', async () => {
    const found = []
    for (const { name } of FAMILIES) {
      const active = (await gateway.tunnel(name)).childSas.filter((one) => one.state === 'active')
      if (active.length !== 1) return undefined
      found.push(Number(`0x${active[0]?.in.spi}`) % 2)
    }
    return found
  })
}

async function routes(net: Topology): Promise<string> {
  const { stdout } = await net.gatewayA.run(['ip', '-6', 'route', 'show', 'table', '4500'])
  return stdout
}
