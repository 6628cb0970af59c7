import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

test('what is written reads back, however often the block grows', () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
    fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
    fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
  )
  fc.assert(
    fc.property(fc.array(field), fc.uint8Array(), (fields, tail) => {
      const writer = new Writer(1)
      for (const { kind, value } of fields) writer[kind](value)
      writer.octets(tail)
      const reader = new Reader(writer.finish())
      for (const { kind, value } of fields) assert.equal(reader[kind]('field'), value)
      assert.deepEqual(reader.rest(), tail)
    }),
  )
})

test('refuses numbers that do not fit their field', () => {
  const writer = new Writer()
  assert.throws(() => writer.u8(256), RangeError)
  assert.throws(() => writer.u16(-1), RangeError)
  assert.throws(() => writer.u32(2 ** 32), RangeError)
  assert.throws(() => writer.u32(1.5), RangeError)
  assert.equal(writer.length, 0)
})

test('patches only what is written', () => {
  const writer = new Writer()
  writer.zeros(3)
  writer.patchU16(1, 0xabcd)
  assert.deepEqual(writer.finish(), Uint8Array.of(0, 0xab, 0xcd))
  assert.throws(() => writer.patchU16(2, 1), RangeError)
})

test('what finish gave does not change with later writes', () => {
  const writer = new Writer()
  writer.u8(1)
  const before = writer.finish()
  writer.u8(2)
  writer.patchU16(0, 0xffff)
  assert.deepEqual(before, Uint8Array.of(1))
})
