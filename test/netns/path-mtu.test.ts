// A path narrower than it looks: found by probes where routers are silent, believed where they speak, over IPv4 and IPv6, at one end by lanes of their own.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { GatewayProcess } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Namespace, type Topology } from '../support/topology.ts'

const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
/** ESP as a protocol of its own over IPv4, inside UDP over IPv6. */
const TUNNELS = ['over-ipv4', 'over-ipv6'] as const

let net: Topology
let berlin: GatewayProcess
let paris: GatewayProcess

before(async () => {
  net = await buildTopology()
  await narrow(1400)
  await net.middle.runOk(['nft', '-f', '-'], { input: SILENCE })
  ;[berlin, paris] = await Promise.all([
    GatewayProcess.start(net.gatewayA, { name: 'berlin', workers: 4, tunnels: tunnels('a') }),
    GatewayProcess.start(net.gatewayB, { name: 'paris', tunnels: tunnels('b') }),
  ])
  for (const tunnel of TUNNELS) await berlin.up(tunnel)
})

after(async () => {
  await Promise.all([berlin?.stop(), paris?.stop()])
  net.dispose()
})

test('a router that drops large packets in silence is found, told as CW-505, and gone around', async () => {
  for (const tunnel of TUNNELS) {
    const told = await eventually(
      `${tunnel} is limited`,
      () =>
        berlin.events.find(({ event }) => event.kind === 'path-limited' && event.tunnel === tunnel),
      { patience: 60_000, interval: 200 },
    )
    const { path, mtu } = await berlin.tunnel(tunnel)
    assert.ok(path !== undefined && path.octets > 1396 && path.octets <= 1400, JSON.stringify(path))
    assert.deepEqual(
      [path.host, path.blackHole, path.by, path.shown],
      [1500, true, 'inside', 'both-ways'],
    )
    assert.deepEqual(told.event, {
      kind: 'path-limited',
      tunnel,
      octets: path.octets,
      inner: path.inner,
    })
    assert.equal(mtu, path.inner)
    // CW-505 is told like every other degradation.
    const failure = await eventually(
      `${tunnel} is degraded`,
      async () => (await berlin.tunnel(tunnel)).degraded,
      { patience: 20_000, interval: 200 },
    )
    assert.equal(failure.code, 'CW-505')
    assert.match(failure.summary, new RegExp(`MTU ${path.inner} and TCP MSS ${path.inner - 40}`))
  }
})

test('packets of every size pass then: TCP, and those that may not be cut once the sender knows', async () => {
  for (const destination of [ADDRESSES.hostB.ipv4, ADDRESSES.hostB.ipv6]) {
    await transfer(2_000_000, destination)
    await net.hostA.ping(destination, { size: 1400, count: 2, wait: 1 })
    const { sent, received } = await net.hostA.ping(destination, { size: 4000 })
    assert.equal(received, sent, destination)
  }
})

test('the other side has found it too, by itself', async () => {
  for (const tunnel of TUNNELS) {
    await eventually(
      `${tunnel} at the other side`,
      async () => (await paris.tunnel(tunnel)).path?.shown === 'both-ways',
      { patience: 60_000, interval: 200 },
    )
    const { path } = await paris.tunnel(tunnel)
    // A veth device takes four octets more than its MTU, for a VLAN tag.
    assert.ok(path !== undefined && path.octets <= 1404, JSON.stringify(path))
  }
})

test('a router that says how much it takes is believed at once', async () => {
  await net.middle.runOk(['nft', 'flush', 'ruleset'])
  await narrow(1372)
  for (const [tunnel, destination, size] of [
    ['over-ipv4', ADDRESSES.hostB.ipv4, 1300],
    ['over-ipv6', ADDRESSES.hostB.ipv6, 1250],
  ] as const) {
    await net.hostA.ping(destination, { size, count: 2, wait: 1 })
    await eventually(`${tunnel} hears of it`, async () => {
      const { path } = await berlin.tunnel(tunnel)
      return path?.host === 1372 && path.octets === 1372 && !path.blackHole
    })
    await transfer(2_000_000, destination)
  }
})

test('IPv6 packets of 1,280 octets pass a path that has no room for them and what is around them', async () => {
  await narrow(1300)
  await net.gatewayB.ip('link set wan mtu 1300')
  // The first ones teach both where to cut.
  await net.hostA.ping(ADDRESSES.hostB.ipv6, { size: 1232, count: 3, wait: 1 })
  const { sent, received } = await net.hostA.ping(ADDRESSES.hostB.ipv6, { size: 1232 })
  assert.equal(received, sent)
  // Those that the host hands over as long packets too, every segment of them.
  const train = [process.execPath, join(SUPPORT, 'datagram-train-program.ts')]
  const { ipv6: to } = ADDRESSES.hostB
  const lines = linesOf(net.hostB, [...train, 'receive', to, '80', '1232'])
  assert.equal((await lines.next()).value, 'ready')
  await net.hostA.runOk([...train, 'send', ADDRESSES.hostA.ipv6, to, '80', '1232'])
  assert.deepEqual(JSON.parse((await lines.next()).value ?? ''), {
    received: 80,
    whole: 80,
    ordered: true,
  })
})

function tunnels(site: 'a' | 'b') {
  const [here, there] =
    site === 'a'
      ? [ADDRESSES.gatewayA, ADDRESSES.gatewayB]
      : [ADDRESSES.gatewayB, ADDRESSES.gatewayA]
  const [us, them] = site === 'a' ? ['1', '2'] : ['2', '1']
  const rest = { psk: PSK, start: site === 'a' ? 'always' : 'respond' } as const
  return {
    'over-ipv4': {
      ...rest,
      address: here.ipv4,
      peer: there.ipv4,
      networks: [`10.${us}.0.0/16 <-> 10.${them}.0.0/16`],
    },
    'over-ipv6': {
      ...rest,
      address: here.ipv6,
      peer: there.ipv6,
      encapsulation: 'force',
      networks: [`fd00:${us}::/64 <-> fd00:${them}::/64`],
    },
  } as const
}

/** Of the link between the middle and gateway B, which no interface of a gateway shows. */
async function narrow(mtu: number): Promise<void> {
  await net.middle.ip(`link set site-b mtu ${mtu}`)
}

async function transfer(octets: number, destination: string): Promise<void> {
  const program = join(SUPPORT, 'transfer-program.ts')
  const lines = linesOf(net.hostB, [process.execPath, program, 'receive', '::', '5201'])
  assert.equal((await lines.next()).value, 'ready')
  await net.hostA.runOk([process.execPath, program, 'send', destination, '5201', `${octets}`])
  assert.equal(JSON.parse((await lines.next()).value ?? '').octets, octets)
}

function linesOf(node: Namespace, argv: readonly string[]): AsyncIterator<string> {
  const { stdout } = node.start(argv)
  assert.ok(stdout)
  return createInterface({ input: stdout })[Symbol.asyncIterator]()
}

const SUPPORT = join(import.meta.dirname, '..', 'support')
const SILENCE = `
table inet quiet {
  chain output {
    type filter hook output priority 0;
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}
`
