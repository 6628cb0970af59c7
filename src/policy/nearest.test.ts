import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestName } from './nearest.ts'

for (const [word, nearest] of [
  ['phase-1', 'phase1'],
  ['pahse1', 'phase1'],
  ['Phase1', 'phase1'],
  ['netwroks', 'networks'],
  ['per', 'peer'],
  ['zebra', undefined],
  ['', undefined],
] as const)
  test(`of phase1, phase2, networks, peer, "${word}" is near ${nearest ?? 'none'}`, () => {
    assert.equal(nearestName(word, ['phase1', 'phase2', 'networks', 'peer']), nearest)
  })

test('takes the first of equally near names', () => {
  assert.equal(nearestName('phase', ['phase2', 'phase1']), 'phase2')
})

test('does bounded work on an absurd word', () => {
  assert.equal(nearestName('x'.repeat(1_000_000), ['phase1']), undefined)
})
