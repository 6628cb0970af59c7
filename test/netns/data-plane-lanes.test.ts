// Four threads: two tunnels to two peers, each with a thread for each direction of its own (docs/decisions/0008).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GatewayProcess, type GatewaySettings, type TunnelSettings } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { transfer } from '../support/transfer.ts'

const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
/** To the same gateway by its two addresses: for the other end these are two peers. */
const FAMILIES = [
  { name: 'four', version: 'ipv4', networks: ['10.1.0.0/16', '10.2.0.0/16'] },
  { name: 'six', version: 'ipv6', networks: ['fd00:1::/64', 'fd00:2::/64'] },
] as const
const OCTETS = 4_000_000

describe('a lane for each peer', () => {
  for (const encapsulation of ['auto', 'force'] as const) {
    test(`what belongs to a tunnel comes to its threads: encapsulation ${encapsulation}`, () =>
      withGateways(encapsulation, async ({ net, a, b }) => {
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
    withGateways('auto', async ({ net, a }) => {
      const four = configuration('A', 'auto', ['four'])
      await a.reload(four)
      assert.equal((await routes(net)).includes('fd00:2::/64'), false)
      await bothWays(net, 'ipv4')
      await a.reload(configuration('A', 'auto'))
      await a.up('six')
      assert.ok((await routes(net)).includes('fd00:2::/64'))
      await bothWays(net, 'ipv6')
      await a.stop()
      assert.equal((await routes(net)).trim(), '')
    }))
})

type Gateways = { readonly net: Topology; readonly a: GatewayProcess; readonly b: GatewayProcess }

async function withGateways(
  encapsulation: 'auto' | 'force',
  work: (gateways: Gateways) => Promise<void>,
): Promise<void> {
  const net = await buildTopology()
  const running: GatewayProcess[] = []
  const start = async (site: 'A' | 'B'): Promise<GatewayProcess> => {
    const gateway = await GatewayProcess.start(
      net[`gateway${site}`],
      configuration(site, encapsulation),
    )
    running.push(gateway)
    return gateway
  }
  try {
    const b = await start('B')
    const a = await start('A')
    for (const { name } of FAMILIES) await a.up(name)
    await work({ net, a, b })
  } finally {
    await Promise.all(running.map((one) => one.stop()))
    net.dispose()
  }
}

function configuration(
  site: 'A' | 'B',
  encapsulation: 'auto' | 'force',
  names: readonly string[] = FAMILIES.map(({ name }) => name),
): GatewaySettings {
  const tunnels: Record<string, TunnelSettings> = {}
  for (const { name, version, networks } of FAMILIES) {
    if (!names.includes(name)) continue
    const [ours, theirs] = site === 'A' ? networks : networks.toReversed()
    tunnels[name] = {
      address: ADDRESSES[`gateway${site}`][version],
      peer: ADDRESSES[`gateway${site === 'A' ? 'B' : 'A'}`][version],
      psk: PSK,
      networks: [`${ours} <-> ${theirs}`],
      start: 'respond',
      encapsulation,
    }
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
