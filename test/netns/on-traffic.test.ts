import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { GatewayProcess } from '../support/gateway.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

/** `start: on-traffic`: the first packet opens the tunnel, and is not lost by it. */

const PSK = 'Yq7wLk2mT9xB4vN6cR8pZ1sD3fG5hJ0a'
let net: Topology
let a: GatewayProcess
let b: GatewayProcess

before(async () => {
  net = await buildTopology()
  b = await GatewayProcess.start(net.gatewayB, {
    name: 'b',
    address: ADDRESSES.gatewayB.ipv4,
    tunnels: {
      berlin: {
        peer: ADDRESSES.gatewayA.ipv4,
        psk: PSK,
        networks: ['10.2.0.0/16 <-> 10.1.0.0/16'],
        start: 'respond',
      },
    },
  })
  a = await GatewayProcess.start(net.gatewayA, {
    name: 'a',
    address: ADDRESSES.gatewayA.ipv4,
    tunnels: {
      paris: {
        peer: ADDRESSES.gatewayB.ipv4,
        psk: PSK,
        networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
        start: 'on-traffic',
      },
    },
  })
})
after(async () => {
  await Promise.all([a?.stop(), b?.stop()])
  net?.dispose()
})

test('nothing is negotiated before there is traffic', async () => {
  assert.equal((await a.tunnel('paris')).state, 'down')
  assert.deepEqual((await a.tunnel('paris')).ikeSas, [])
})

test('the very first ping is answered', async () => {
  const report = await net.hostA.ping('10.2.0.2', { count: 1, wait: 5 })
  assert.equal(report.received, 1)
  assert.equal((await a.tunnel('paris')).state, 'up')
})

test('after down, traffic does not open it again; after up it flows', async () => {
  await a.down('paris')
  assert.equal((await net.hostA.ping('10.2.0.2', { count: 1, wait: 1 })).received, 0)
  assert.equal((await a.tunnel('paris')).state, 'stopped')
  await a.up('paris')
  assert.equal((await net.hostA.ping('10.2.0.2', { count: 1, wait: 5 })).received, 1)
})
