import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { Events } from './events.ts'
import { type FromWorker, GLOBAL_COUNTER_FIELDS, GlobalCounter } from './messages.ts'
import { WaitingPackets } from './waiting-packets.ts'

const endpoint = { address: ip('192.0.2.1'), port: 500 }
const datagram = {
  kind: 'ike-datagram',
  octets: new Uint8Array(28),
  local: endpoint,
  remote: endpoint,
} as const

test('a flood of IKE datagrams is cut off until the main thread has caught up, and counted; peers have room that strangers have not', () => {
  const posted: FromWorker[] = []
  const counters = new Float64Array(GLOBAL_COUNTER_FIELDS)
  const events = new Events((message) => posted.push(message), counters)
  const flood = (from: typeof datagram): void => {
    for (let i = 0; i < 3000; i++) events.ikeDatagram(from)
  }
  flood(datagram)
  assert.equal(posted.length, 1024)
  assert.equal(counters[GlobalCounter.ikeOverflow], 1976)
  const peer = { address: ip('192.0.2.2'), port: 500 }
  events.follow([peer.address])
  flood({ ...datagram, remote: peer })
  assert.equal(posted.length, 2048)
  counters[GlobalCounter.ikeTaken] = 2000
  flood(datagram)
  assert.equal(posted.length, 3024)
})

test('warnings come at most once a second', () => {
  const posted: FromWorker[] = []
  const events = new Events(
    (message) => posted.push(message),
    new Float64Array(GLOBAL_COUNTER_FIELDS),
  )
  for (let i = 0; i < 10; i++) events.warn('no route')
  assert.deepEqual(posted, [{ kind: 'warning', text: 'no route' }])
})

test('what forged ICMP errors say of paths becomes few messages, and what is new is told', () => {
  const posted: FromWorker[] = []
  const events = new Events(
    (message) => posted.push(message),
    new Float64Array(GLOBAL_COUNTER_FIELDS),
  )
  for (let i = 0; i < 10; i++) events.pathMtu(endpoint, 1400)
  events.pathMtu(endpoint, 1300)
  assert.deepEqual(posted, [
    { kind: 'path-mtu', remote: endpoint, mtu: 1400 },
    { kind: 'path-mtu', remote: endpoint, mtu: 1300 },
  ])
  for (let mtu = 2000; mtu < 4000; mtu++) events.pathMtu(endpoint, mtu)
  assert.equal(posted.length, 256)
})

test('packets wait in order, a few of them, and not for ever', () => {
  const waiting = new WaitingPackets()
  const octets = new Uint8Array(4)
  for (let i = 0; i < 20; i++) {
    octets[0] = i
    assert.equal(waiting.add(octets, i * 1000), i < 16)
  }
  assert.equal(waiting.expire(12_500), 3)
  assert.deepEqual(
    waiting.take().map((packet) => packet[0]),
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  )
  assert.deepEqual(waiting.take(), [])
})
