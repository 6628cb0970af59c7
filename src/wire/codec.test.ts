import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decode,
  derived,
  encode,
  list,
  octets,
  octetsOf,
  reserved,
  rest,
  struct,
  tag,
  u8,
  u16,
  u32,
} from './codec.ts'

const sample = struct('S', {
  type: tag('S'),
  size: derived(u8, ({ name }: { name: Uint8Array }) => name.length),
  zero: reserved(1, 'checked'),
  name: octetsOf('size'),
  id: octets(2),
  tail: rest,
})

const value = {
  type: 'S',
  name: Uint8Array.of(7, 8, 9),
  id: Uint8Array.of(1, 2),
  tail: Uint8Array.of(5),
} as const

test('one declaration writes and reads the fields in order, sizes worked out, reserved octets zero', () => {
  const wire = encode(sample, value)
  assert.deepEqual(wire, Uint8Array.of(3, 0, 7, 8, 9, 1, 2, 5))
  assert.deepEqual(decode(sample, wire), value)
})

test('names structure and field of a cut, with the offset where it was', () => {
  assert.throws(() => decode(sample, Uint8Array.of(3, 0, 7, 8)), {
    name: 'MalformedMessage',
    code: 'short',
    field: 'S.name',
    offset: 2,
    detail: 'wanted 3 octets, 2 left',
  })
})

test('a reserved field is judged or not, as declared', () => {
  const wire = Uint8Array.of(1, 9, 7, 1, 2)
  assert.throws(() => decode(sample, wire), { code: 'reserved', field: 'S.zero', offset: 1 })
  const lenient = struct('S', { any: reserved(2, 'ignored'), id: u8 })
  assert.deepEqual(decode(lenient, Uint8Array.of(9, 9, 4)), { id: 4 })
})

test('refuses octets left over', () => {
  assert.throws(() => decode(struct('S', { a: u16 }), new Uint8Array(3)), {
    code: 'trailing',
    offset: 2,
  })
})

test('a list ends with its reader and has a bound in both directions', () => {
  const items = struct('S', { items: list(u32, 2) })
  assert.deepEqual(decode(items, Uint8Array.of(0, 0, 0, 1)), { items: [1] })
  assert.deepEqual(decode(items, new Uint8Array(0)), { items: [] })
  assert.throws(() => decode(items, new Uint8Array(12)), {
    code: 'count',
    field: 'S.items',
    offset: 8,
  })
  assert.throws(() => decode(items, new Uint8Array(7)), {
    code: 'short',
    field: 'S.items[1]',
    offset: 4,
  })
  assert.throws(() => encode(items, { items: [1, 2, 3] }), RangeError)
})

test('refuses to encode what does not fit a field, as our own mistake', () => {
  assert.throws(() => encode(struct('S', { a: u8 }), { a: 256 }), RangeError)
  assert.throws(() => encode(struct('S', { a: octets(4) }), { a: new Uint8Array(3) }), RangeError)
  assert.throws(() => encode(sample, { ...value, name: new Uint8Array(256) }), RangeError)
})
