import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from './hex.ts'

test('writes lower case, two digits an octet', () => {
  assert.equal(toHex(Uint8Array.of(0, 0x0a, 0xff)), '000aff')
})

test('reads back what it wrote', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => assert.deepEqual(fromHex(toHex(octets)), octets)),
  )
})

test('reads either case and white space between octets', () => {
  assert.deepEqual(fromHex('DE ad\nBE ef'), Uint8Array.of(0xde, 0xad, 0xbe, 0xef))
})

test('refuses what is not whole octets of hex', () => {
  for (const text of ['a', 'xy', '0x01', '-1', '1 ', 'é0'])
    assert.throws(() => fromHex(text), TypeError)
})
