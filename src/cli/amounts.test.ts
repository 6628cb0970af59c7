import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { grouped, longOctets, shortOctets } from './amounts.ts'

test('short amounts have three digits at most', () => {
  for (const [octets, text] of [
    [0, '0'],
    [999, '999'],
    [1000, '1.0K'],
    [1024, '1K'],
    [10_240, '10K'],
    [224_709_836, '214M'],
    [1_288_490_188, '1.2G'],
  ] as const) {
    assert.equal(shortOctets(octets), text)
  }
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (octets) => {
      assert.match(shortOctets(octets), /^(\d{1,3}|\d\.\d)[KMGTP]?$/)
    }),
  )
})

test('long amounts name their unit', () => {
  assert.equal(longOctets(84), '84 B')
  assert.equal(longOctets(224_709_836), '214.3 MiB')
})

test('counts are grouped in threes', () => {
  assert.deepEqual([0, 999, 1000, 1_234_567].map(grouped), ['0', '999', '1,000', '1,234,567'])
})
