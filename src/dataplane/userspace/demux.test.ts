import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classify, Datagram } from './demux.ts'

const kind = (port: number, ...octets: number[]): Datagram => {
  const view = new DataView(Uint8Array.from([9, ...octets]).buffer)
  return classify(port, view, 1, octets.length)
}

test('on port 500 everything is IKE', () => {
  assert.equal(kind(500), Datagram.ike)
  assert.equal(kind(500, 0xff), Datagram.ike)
  assert.equal(kind(500, 1, 2, 3, 4), Datagram.ike)
})

test('on port 4500 the first octets tell keepalive, IKE and ESP apart', () => {
  assert.equal(kind(4500, 0xff), Datagram.keepalive)
  assert.equal(kind(4500, 0, 0, 0, 0), Datagram.ike)
  assert.equal(kind(4500, 0, 0, 0, 0, 1, 2), Datagram.ike)
  assert.equal(kind(4500, 0, 0, 1, 0), Datagram.esp)
  assert.equal(kind(4500, 0xff, 0xff, 0xff, 0xff), Datagram.esp)
})

test('what is too short to be told apart is malformed', () => {
  assert.equal(kind(4500), Datagram.malformed)
  assert.equal(kind(4500, 0xfe), Datagram.malformed)
  assert.equal(kind(4500, 0xff, 0xff), Datagram.malformed)
  assert.equal(kind(4500, 0, 0, 0), Datagram.malformed)
})
