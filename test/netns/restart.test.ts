import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Capture, countFrames } from '../support/capture.ts'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Namespace, type Topology } from '../support/topology.ts'

/** What becomes of tunnels when a gateway is killed, or its peer vanishes. */

const PSK = 'Yq7wLk2mT9xB4vN6cR8pZ1sD3fG5hJ0a'
let net: Topology
let a: GatewayProcess
let b: GatewayProcess

before(async () => {
  net = await buildTopology()
  b = await startB()
  a = await startA()
  await a.becomes('paris', 'up')
})
after(async () => {
  await Promise.all([a?.stop(), b?.stop()])
  net.dispose()
})

test('killed, it leaves no device, and routes that keep the traffic inside', async () => {
  const capture = await Capture.start(net.middle, 'site-a')
  await kill(a, net.gatewayA)
  assert.doesNotMatch(await net.gatewayA.runOk(['ip', '-o', 'link']), /cw-paris/)
  const routes = await net.gatewayA.runOk(['ip', 'route', 'show', 'table', '4500'])
  assert.match(routes, /^blackhole 10\.2\.0\.0\/16 [^\n]*$/m)
  assert.equal((await net.hostA.ping('10.2.0.2', { count: 2, wait: 1 })).received, 0)
  // The host itself tells the peer that nobody hears its IKE any more.
  assert.equal(countFrames((await capture.frames()).filter(isOfHostA)).plaintext, 0)
})

test('started again, it brings the tunnel back without the peer’s help', async () => {
  const before = (await b.tunnel('berlin')).childSas.map((child) => child.in.spi)
  assert.equal(before.length, 1)
  const from = b.events.length
  a = await startA()
  await a.becomes('paris', 'up')
  // The peer only answers; what it had with the one killed is gone, because the new one says that it begins from nothing.
  const { ikeSas } = await eventually('what the one killed had is gone', async () => {
    const now = await b.tunnel('berlin')
    const [child, another] = now.childSas
    const isNew = child !== undefined && !before.includes(child.in.spi)
    return isNew && another === undefined && now.ikeSas.length === 1 ? now : undefined
  })
  assert.equal(ikeSas[0]?.role, 'responder')
  await assertPings()
  const closed = await b.waitFor('child-sa-closed', 'berlin', { from })
  // Nobody waited for dead peer detection.
  assert.equal(closed.why, 'peer-restarted')
})

test('a peer that is killed and only answers is noticed dead, and back as soon as it can answer', async () => {
  const from = a.events.length
  await kill(b, net.gatewayB)
  const { why } = await a.waitFor('ike-sa-closed', 'paris', { from, patience: 20_000 })
  assert.equal(why, 'dead-peer')
  b = await startB()
  await a.becomes('paris', 'up', { patience: 30_000 })
  await b.becomes('berlin', 'up')
  await assertPings()
})

test('a peer that vanishes from the network is noticed, nothing leaves in clear, and it comes back', async () => {
  const from = a.events.length
  const capture = await Capture.start(net.middle, 'site-a')
  await net.middle.ip('link set site-b down')
  const { why } = await a.waitFor('ike-sa-closed', 'paris', { from, patience: 20_000 })
  assert.equal(why, 'dead-peer')
  await eventually('it is not shown as up', async () => (await a.tunnel('paris')).state !== 'up')
  await net.hostA.ping('10.2.0.2', { count: 2, wait: 1 })
  // Whoever has no route for the peer says so: the middle's ICMP is in clear, our packets are not.
  const frames = await capture.frames()
  assert.equal(countFrames(frames.filter(isOfHostA)).plaintext, 0)
  await net.middle.ip('link set site-b up', 'addr replace fd00:b::1/64 dev site-b')
  await a.becomes('paris', 'up', { patience: 40_000 })
  await eventually('hosts reach each other again', async () => {
    const { received } = await net.hostA.ping('10.2.0.2', { count: 1, wait: 1 })
    return received === 1
  })
})

const deadPeer = { 'probe-every': '2s', 'give-up-after': '6s' }
/** Longer than a gateway takes to start, however busy the machine is. */
const patient = { ...deadPeer, 'give-up-after': '1m' }

function startA(): Promise<GatewayProcess> {
  return startOne(net.gatewayA, ADDRESSES.gatewayA.ipv4, 'paris', {
    peer: ADDRESSES.gatewayB.ipv4,
    psk: PSK,
    networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
    start: 'always',
    proof: 'off',
  })
}

function startB(): Promise<GatewayProcess> {
  return startOne(net.gatewayB, ADDRESSES.gatewayB.ipv4, 'berlin', {
    peer: ADDRESSES.gatewayA.ipv4,
    psk: PSK,
    networks: ['10.2.0.0/16 <-> 10.1.0.0/16'],
    start: 'respond',
    'dead-peer': patient,
  })
}

function startOne(
  namespace: Namespace,
  address: string,
  name: string,
  tunnel: TunnelSettings,
): Promise<GatewayProcess> {
  const settings = { 'dead-peer': deadPeer, 'probe-v2': 'off', ...tunnel }
  return GatewayProcess.start(namespace, { name, address, tunnels: { [name]: settings } })
}

/** As the kernel's OOM killer does it: not a word to anybody. */
async function kill(gateway: GatewayProcess, namespace: Namespace): Promise<void> {
  process.kill(gateway.pid, 'SIGKILL')
  await eventually(
    'its devices are gone',
    async () => !/cw-/.test(await namespace.runOk(['ip', '-o', 'link'])),
  )
  await gateway.stop()
}

/** By the source address of the IPv4 header behind the Ethernet header: 10.1.0.2. */
function isOfHostA(frame: Uint8Array): boolean {
  return [10, 1, 0, 2].every((octet, index) => frame[26 + index] === octet)
}

async function assertPings(): Promise<void> {
  const { sent, received } = await net.hostA.ping('10.2.0.2', { count: 3 })
  assert.deepEqual([sent, received], [3, 3])
}
