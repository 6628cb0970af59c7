import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, ShortReadError } from './reader.ts'

const OCTETS = Uint8Array.of(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xff)

test('reads big-endian numbers one behind the other', () => {
  const reader = new Reader(OCTETS)
  assert.equal(reader.u8('a'), 0x01)
  assert.equal(reader.u16('b'), 0x0203)
  assert.equal(reader.u32('c'), 0x04050607)
  assert.deepEqual([reader.offset, reader.left], [7, 1])
  assert.deepEqual(reader.rest(), Uint8Array.of(0xff))
  assert.equal(reader.left, 0)
})

test('reads numbers with the top bit set as positive', () => {
  assert.equal(new Reader(new Uint8Array(4).fill(0xff)).u32('a'), 0xffff_ffff)
})

test('refuses to give less than asked, and says which field wanted how much and where', () => {
  const reader = new Reader(OCTETS)
  reader.octets('a', 6)
  assert.throws(
    () => reader.u32('KE.data'),
    (error) => {
      assert.ok(error instanceof ShortReadError)
      const { field, wanted, left, offset } = error
      assert.deepEqual(
        { field, wanted, left, offset },
        { field: 'KE.data', wanted: 4, left: 2, offset: 6 },
      )
      return true
    },
  )
  assert.equal(reader.offset, 6)
})

test('a sub-reader ends where it was told and counts offsets from the start of the datagram', () => {
  const reader = new Reader(OCTETS)
  reader.u8('a')
  const sub = reader.sub('b', 3)
  assert.equal(reader.offset, 4)
  assert.equal(sub.offset, 1)
  sub.u16('c')
  assert.throws(() => sub.u16('d'), { name: 'ShortReadError', left: 1, offset: 3 })
})

test('a sub-reader cannot be longer than what is left', () => {
  assert.throws(() => new Reader(OCTETS, 0, 4).sub('b', 5), {
    name: 'ShortReadError',
    wanted: 5,
    left: 4,
  })
})

test('reads a view that does not begin its buffer', () => {
  assert.equal(new Reader(OCTETS.subarray(3)).u16('a'), 0x0405)
})

test('refuses bounds outside the octets as our own mistake', () => {
  assert.throws(() => new Reader(OCTETS, 5, 4), RangeError)
  assert.throws(() => new Reader(OCTETS, 0, 9), RangeError)
  assert.throws(() => new Reader(OCTETS, -1), RangeError)
})
