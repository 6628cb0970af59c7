import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesName } from './name-pattern.ts'

test('a name stands for itself alone', () => {
  assert.equal(matchesName('paris', 'paris'), true)
  assert.equal(matchesName('paris', 'paris-1'), false)
})

test('matches as the same regular expression would', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 })
  const plain = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(text, plain, (pattern, name) => {
      const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
      assert.equal(matchesName(pattern, name), new RegExp(`^${source}$`).test(name))
    }),
  )
})
