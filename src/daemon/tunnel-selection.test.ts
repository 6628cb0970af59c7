import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectTunnels } from './tunnel-selection.ts'

const names = ['paris-1', 'paris-2', 'tokyo']

test('takes names and globs, each tunnel once, in the order of the configuration', () => {
  assert.deepEqual(selectTunnels(undefined, names), names)
  assert.deepEqual(selectTunnels(['tokyo', 'paris-?'], names), names)
  assert.deepEqual(selectTunnels(['p*2', 'paris-2'], names), ['paris-2'])
  assert.deepEqual(selectTunnels(['*'], names), names)
})

test('names what there is when a pattern matches nothing', () => {
  assert.throws(
    () => selectTunnels(['rome'], names),
    /no tunnel "rome"; there are paris-1, paris-2/,
  )
  assert.throws(
    () => selectTunnels(['r*'], []),
    /no tunnel matches "r\*": the configuration has none/,
  )
})
