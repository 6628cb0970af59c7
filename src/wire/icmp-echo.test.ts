import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addToChecksum, foldChecksum } from './checksum.ts'
import { encodeEchoRequest, readEchoReply } from './icmp-echo.ts'

const ECHO = { identifier: 0xabcd, sequence: 3 }

test('a request is of the size asked for, and its checksum holds', () => {
  for (const octets of [8, 9, 64, 1_480]) {
    const request = encodeEchoRequest(4, ECHO, octets)
    assert.equal(request.length, octets)
    assert.equal(foldChecksum(addToChecksum(0, new DataView(request.buffer), 0, octets)), 0)
    assert.equal(request[0], 8)
    assert.equal(encodeEchoRequest(6, ECHO, octets)[0], 128)
  }
})

test('an answer is read behind its IP header, options and all; a request is none', () => {
  const reply = encodeEchoRequest(4, ECHO, 16)
  reply[0] = 0
  const header = new Uint8Array(24)
  header[0] = 0x46
  assert.deepEqual(readEchoReply(4, Uint8Array.of(...header, ...reply)), ECHO)
  assert.equal(
    readEchoReply(4, Uint8Array.of(...header, ...encodeEchoRequest(4, ECHO, 16))),
    undefined,
  )
  const reply6 = encodeEchoRequest(6, ECHO, 16)
  reply6[0] = 129
  assert.deepEqual(readEchoReply(6, reply6), ECHO)
})

test('what is too short is no answer', () => {
  for (let length = 0; length < 28; length++) {
    assert.equal(readEchoReply(4, new Uint8Array(length).fill(0x45, 0, 1)), undefined)
  }
})
