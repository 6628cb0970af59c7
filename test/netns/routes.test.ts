import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Capture, countFrames } from '../support/capture.ts'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Namespace, type Topology } from '../support/topology.ts'

/** Route-based tunnels: `networks: any`, and routes that follow the tunnel. */

const PSK = 'Yq7wLk2mT9xB4vN6cR8pZ1sD3fG5hJ0a'
let net: Topology
let a: GatewayProcess
let b: GatewayProcess

before(async () => {
  net = await buildTopology()
  b = await startOne(net.gatewayB, ADDRESSES.gatewayB.ipv4, {
    berlin: {
      ...any(ADDRESSES.gatewayA.ipv4, 'respond'),
      interface: {
        name: 'cw-b',
        address: '169.254.10.2/30',
        routes: ['10.1.0.0/16', 'fd00:1::/64'],
      },
    },
  })
  a = await startOne(net.gatewayA, ADDRESSES.gatewayA.ipv4, { paris: toParis })
})
after(async () => {
  await Promise.all([a?.stop(), b?.stop()])
  net.dispose()
})

const toParis = {
  ...any(ADDRESSES.gatewayB.ipv4, 'respond'),
  interface: { name: 'cw-a', address: '169.254.10.1/30', routes: ['10.2.0.0/16', 'fd00:2::/64'] },
}

test('while it is down the route is withdrawn, the carrier is off, and nothing leaves in clear', async () => {
  assert.match(await link(), /NO-CARRIER/)
  const routes = await table(4500)
  assert.doesNotMatch(routes, /10\.2\.0\.0\/16 dev/)
  assert.match(routes, /blackhole 10\.2\.0\.0\/16/)
  const capture = await Capture.start(net.middle, 'site-a')
  assert.equal((await net.hostA.ping('10.2.0.2', { count: 2, wait: 1 })).received, 0)
  assert.equal(countFrames(await capture.frames()).plaintext, 0)
})

test('while it is up the listed networks of both families go through it, and the interface has its address', async () => {
  await a.up('paris')
  await b.becomes('berlin', 'up')
  assert.doesNotMatch(await link(), /NO-CARRIER/)
  assert.match(await table(4500), /10\.2\.0\.0\/16 dev cw-a/)
  assert.doesNotMatch(await table(4500), /default|0\.0\.0\.0/)
  await bothPairsUp()
  await assertPings(net.hostA, '10.2.0.2')
  await assertPings(net.hostA, 'fd00:2::2')
  await assertPings(net.gatewayA, '169.254.10.2')
  const pairs = (await a.tunnel('paris')).networks.map(({ local, remote }) => [local, remote])
  assert.deepEqual(pairs, [
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
  ])
})

test('what is not listed stays outside', async () => {
  const before = await sentThrough()
  const capture = await Capture.start(net.middle, 'site-a')
  const outside = await net.gatewayA.ping(ADDRESSES.gatewayB.ipv4, { count: 60, interval: 0.01 })
  assert.equal(outside.received, 60)
  assert.equal(countFrames(await capture.frames()).plaintext, 120)
  assertOnlyProbes((await sentThrough()) - before)
})

test('another tunnel with the same route takes over while this one is down', async () => {
  const backup = {
    ...any('192.0.2.77', 'on-traffic'),
    interface: { name: 'cw-backup', routes: ['10.2.0.0/16'] },
  }
  const settings = gatewayOf(ADDRESSES.gatewayA.ipv4, { paris: toParis, backup })
  assert.equal((await a.reload(settings)).outcome, 'applied')
  assert.match(await table(4500), /10\.2\.0\.0\/16 dev cw-a/)
  await a.down('paris')
  await eventually('the route moves', async () =>
    /10\.2\.0\.0\/16 dev cw-backup/.test(await table(4500)),
  )
  assert.match(await link(), /NO-CARRIER/)
  await a.up('paris')
  await eventually('the route is back', async () =>
    /10\.2\.0\.0\/16 dev cw-a/.test(await table(4500)),
  )
  await bothPairsUp()
  await assertPings(net.hostA, '10.2.0.2')
})

test('what another tunnel refuses does not slip into one that takes everything', async () => {
  const lyon = {
    peer: '192.0.2.78',
    psk: PSK,
    networks: ['10.9.9.9/32 <-> 10.7.0.0/16'],
    start: 'respond' as const,
    interface: { name: 'cw-lyon' },
  }
  const settings = gatewayOf(ADDRESSES.gatewayA.ipv4, { paris: toParis, lyon })
  assert.equal((await a.reload(settings)).outcome, 'applied')
  await bothPairsUp()
  const before = await sentThrough()
  const capture = await Capture.start(net.middle, 'site-a')
  await net.hostA.ping('10.7.0.1', { count: 60, interval: 0.01, wait: 1 })
  assert.equal(countFrames(await capture.frames()).plaintext, 0)
  assertOnlyProbes((await sentThrough()) - before)
  assert.equal((await a.tunnel('lyon')).dropped.noPolicy, 60)
})

test('with start: on-traffic the first packet brings it up and is not lost', async () => {
  const settings = gatewayOf(ADDRESSES.gatewayA.ipv4, {
    paris: { ...toParis, start: 'on-traffic' },
  })
  assert.equal((await a.reload(settings)).outcome, 'applied')
  await eventually('the peer has heard the delete', async () =>
    (await b.tunnel('berlin')).networks.every(({ state }) => state === 'idle'),
  )
  assert.doesNotMatch(await link(), /NO-CARRIER/)
  assert.match(await table(4500), /10\.2\.0\.0\/16 dev cw-a/)
  const { received } = await net.hostA.ping('10.2.0.2', { count: 1, wait: 5 })
  assert.equal(received, 1)
})

test('a default route into the tunnel leaves local networks and the peer alone', async () => {
  const interfaceKeys = { ...toParis.interface, routes: ['0.0.0.0/0', 'fd00:2::/64'] }
  const settings = gatewayOf(ADDRESSES.gatewayA.ipv4, {
    paris: { ...toParis, interface: interfaceKeys },
  })
  assert.equal((await a.reload(settings)).outcome, 'applied')
  await a.up('paris')
  await bothPairsUp()
  assert.match(await table(4501), /default dev cw-a/)
  const capture = await Capture.start(net.middle, 'site-a')
  await assertPings(net.hostA, '10.2.0.2')
  await assertPings(net.hostA, ADDRESSES.gatewayA.lan)
  const counts = countFrames(await capture.frames())
  assert.equal(counts.plaintext, 0)
  // The host also tells of its multicast groups on the new device.
  assert.ok(counts.esp >= 6, JSON.stringify(counts))
})

test('at its end nothing of it remains on the host', async () => {
  await a.stop()
  for (const number of [4500, 4501, 4502]) assert.equal(await table(number), '')
  const { stdout } = await net.gatewayA.run(['ip', 'rule'])
  assert.equal(stdout.trim().split('\n').length, 3, stdout)
})

function any(peer: string, start: 'respond' | 'on-traffic'): TunnelSettings {
  // The schema takes the word in place of the list.
  return { peer, psk: PSK, start, networks: 'any' as never, 'probe-v2': 'off' }
}

function gatewayOf(address: string, tunnels: Readonly<Record<string, TunnelSettings>>) {
  return { name: 'routes', address, tunnels }
}

function startOne(
  namespace: Namespace,
  address: string,
  tunnels: Readonly<Record<string, TunnelSettings>>,
): Promise<GatewayProcess> {
  return GatewayProcess.start(namespace, gatewayOf(address, tunnels))
}

async function bothPairsUp(): Promise<void> {
  await eventually('both pairs are up', async () => {
    const tunnels = await Promise.all([a.tunnel('paris'), b.tunnel('berlin')])
    return tunnels.every(({ networks }) => networks.every(({ state }) => state === 'up'))
  })
}

/** Besides, the gateways ask each other how large packets may be. */
function assertOnlyProbes(packets: number): void {
  assert.ok(packets < 30, `${packets}`)
}

/** Packets of IPv4; of IPv6 the host itself tells its multicast groups now and then. */
async function sentThrough(): Promise<number> {
  return (await a.tunnel('paris')).traffic.out.packets
}

async function table(number: number): Promise<string> {
  const { stdout } = await net.gatewayA.run(['ip', 'route', 'show', 'table', `${number}`])
  return stdout
}

function link(): Promise<string> {
  return net.gatewayA.runOk(['ip', 'link', 'show', 'cw-a'])
}

async function assertPings(from: Namespace, to: string): Promise<void> {
  const { sent, received } = await from.ping(to, { count: 3 })
  assert.deepEqual([sent, received], [3, 3], to)
}
