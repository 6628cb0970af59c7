import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration, parseVolume } from './lifetime.ts'
import { isTextProblem } from './text-problem.ts'

for (const [text, seconds] of [
  ['8h', 28_800],
  ['30m', 1_800],
  ['3600', 3_600],
  ['3h12m', 11_520],
  ['1d 6h', 108_000],
  ['90 seconds', 90],
  ['1 Hour', 3_600],
] as const)
  test(`"${text}" is ${seconds} s`, () => {
    assert.equal(parseDuration(text), seconds)
  })

for (const text of ['', 'h', '8x', '8h!', '-8h', '1.5h', '5constructor', 'eight hours', '8h30'])
  test(`refuses "${text}" as a length of time`, () => {
    const found = parseDuration(text)
    assert.ok(isTextProblem(found))
    assert.match(found.message, /is not a length of time/)
  })

test('prints durations without the units that are zero', () => {
  assert.equal(formatDuration(28_800), '8h')
  assert.equal(formatDuration(11_520), '3h12m')
  assert.equal(formatDuration(86_461), '1d1m1s')
  assert.equal(formatDuration(0), '0s')
})

test('reads back every duration it prints', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seconds) => {
      assert.equal(parseDuration(formatDuration(seconds)), seconds)
    }),
  )
})

for (const [text, kilobytes] of [
  ['unlimited', undefined],
  ['4608000', 4_608_000],
  ['4608000 KB', 4_608_000],
  ['100GB', 104_857_600],
  ['2MiB', 2_048],
] as const)
  test(`"${text}" is ${kilobytes ?? 'no'} limit in kilobytes`, () => {
    assert.deepEqual(parseVolume(text), { kilobytes })
  })

for (const text of ['', 'GB', '1.5GB', '5constructor', '100 XB'])
  test(`refuses "${text}" as an amount of data`, () => {
    assert.ok(isTextProblem(parseVolume(text)))
  })
