import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, toJson } from './json-octets.ts'

test('octets survive the way through JSON, wherever they stand', () => {
  const value = { a: Uint8Array.of(0, 255), list: [new Uint8Array(0)], deep: { x: 1, y: 'hex' } }
  assert.deepEqual(fromJson(toJson(value)), value)
})

test('only an object that is nothing but hexadecimal digits becomes octets', () => {
  for (const value of [{ hex: 'zz' }, { hex: 'abc' }, { hex: 1 }, { hex: 'ab', more: 1 }]) {
    assert.deepEqual(fromJson(JSON.stringify(value)), value)
  }
})
