import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Openings } from './openings.ts'

const NONE = new Set<number>()
const due = (...pairs: readonly number[]) => pairs.map((pair) => ({ pair, rekeyOf: undefined }))

test('pairs that the peer is not known to take are begun one after the other', () => {
  const openings = new Openings()
  assert.deepEqual(openings.choose(due(0, 1), NONE, 0), due(0))
  assert.deepEqual(openings.choose(due(1), new Set([0]), 10), [])
  openings.passed(0)
  assert.deepEqual(openings.choose(due(1), NONE, 20), due(1))
})

test('one that says nothing keeps the next waiting only for a while', () => {
  const openings = new Openings()
  openings.choose(due(0, 1), NONE, 0)
  const { aloneUntil } = openings
  assert.deepEqual(openings.choose(due(1), new Set([0]), aloneUntil - 1), [])
  assert.deepEqual(openings.choose(due(1), new Set([0]), aloneUntil), due(1))
})

test('those that it has taken are begun together, eight at once', () => {
  const openings = new Openings()
  const pairs = Array.from({ length: 12 }, (_, pair) => pair)
  for (const pair of pairs) openings.passed(pair)
  assert.deepEqual(openings.choose(due(...pairs), NONE, 0), due(...pairs.slice(0, 8)))
  assert.deepEqual(openings.choose(due(8, 9), new Set([0, 1, 2, 3, 4, 5, 6]), 1), due(8))
})

test('one that failed waits for the others, and they for it', () => {
  const openings = new Openings()
  openings.passed(0)
  openings.passed(1)
  openings.failed(1)
  assert.deepEqual(openings.choose(due(1, 0), NONE, 0), due(0))
  assert.deepEqual(openings.choose(due(1), new Set([0]), 1), [])
  assert.deepEqual(openings.choose(due(1), NONE, 2), due(1))
  assert.deepEqual(openings.choose(due(0), new Set([1]), 3), [])
})
