import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { IkeDatagram } from '../port.ts'
import { Events } from './events.ts'
import { type FromWorker, GLOBAL_COUNTER_FIELDS, GlobalCounter } from './messages.ts'
import { WaitingPackets } from './waiting-packets.ts'

const endpoint = { address: ip('192.0.2.1'), port: 500 }
const datagram: IkeDatagram = {
  kind: 'ike-datagram',
  octets: new Uint8Array(28),
  local: endpoint,
  remote: endpoint,
}
const OURS = 0xfedc_ba98_7654_3210n

test('a flood of IKE datagrams is cut off until the main thread has caught up, and counted; who is worth more has more room', () => {
  const posted: FromWorker[] = []
  const counters = new Float64Array(GLOBAL_COUNTER_FIELDS)
  const events = new Events((message) => posted.push(message), counters)
  const flood = (from: Partial<IkeDatagram>): number => {
    const before = posted.length
    for (let i = 0; i < 3000; i++) events.ikeDatagram({ ...datagram, ...from })
    return posted.length - before
  }
  // Of no SA that is known; of strangers; of a peer; of SAs, wherever they come from, as much as one of them may have.
  const peer = { address: ip('192.0.2.2'), port: 500 }
  events.follow([peer.address])
  events.trust([OURS, OURS + 1n], [])
  assert.equal(flood({ octets: header(7n, 0n) }), 1024)
  assert.equal(flood({ octets: header(7n, 9n), remote: peer }), 512)
  assert.equal(flood({ octets: header(7n, 0n), remote: peer }), 0)
  assert.equal(flood({ octets: header(7n, OURS) }), 256)
  assert.equal(flood({ octets: header(OURS, 9n) }), 0)
  assert.equal(flood({ octets: header(OURS + 1n, 9n) }), 256)
  assert.equal(counters[GlobalCounter.ikeOverflow], 6 * 3000 - 2048)
  assert.deepEqual(
    posted.map((message) => message.kind === 'ike' && message.trusted),
    posted.map((_, index) => index >= 1536),
  )
  counters[GlobalCounter.ikeTaken] = 2000
  events.trust([], [OURS])
  assert.equal(flood({ octets: header(7n, OURS), remote: peer }), 1488)
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

function header(initiatorSpi: bigint, responderSpi: bigint): Uint8Array {
  const octets = new Uint8Array(28)
  const view = new DataView(octets.buffer)
  view.setBigUint64(0, initiatorSpi)
  view.setBigUint64(8, responderSpi)
  return octets
}
