import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { DatagramSocket } from '#platform/datagram-socket'
import type { SocketError } from '#platform/error-queue'
import { Events } from './events.ts'
import { type FromWorker, GLOBAL_COUNTER_FIELDS } from './messages.ts'
import { SocketErrors } from './socket-errors.ts'

test('a flood of ICMP errors about IKE becomes so many messages a second, and what they say of a path is heard', () => {
  const posted: FromWorker[] = []
  const sizes: number[] = []
  const counters = new Float64Array(GLOBAL_COUNTER_FIELDS)
  const events = new Events((message) => posted.push(message), counters)
  const errors = new SocketErrors(events, (_, mtu) => sizes.push(mtu))
  const error = (mtu: number): SocketError => ({
    origin: 'icmp',
    errno: 111,
    icmpType: 3,
    icmpCode: 3,
    mtu,
    destination: { address: ip('198.51.100.1'), port: 500 },
    reporter: ip('203.0.113.9'),
    quoted: new Uint8Array(28),
  })
  let mtu = 0
  const socket = {
    local: { address: ip('192.0.2.1'), port: 500 },
    receiveError: () => error(mtu),
  } as Partial<DatagramSocket> as DatagramSocket
  for (let turn = 0; turn < 10; turn++) errors.read(socket, 5)
  assert.equal(posted.length, 256)
  mtu = 1400
  errors.read(socket, 900)
  assert.equal(posted.length, 256)
  assert.equal(sizes.length, 64)
  errors.read(socket, 1005)
  assert.equal(posted.length, 320)
})
