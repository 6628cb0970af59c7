import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine } from '#ike/engine'
import { ikev1 } from '#ikev1/version'
import { type ChaosResult, runChaos } from '../support/chaos.ts'

const SEEDS = 1_000
const GROUPS = 10

for (let group = 0; group < GROUPS; group++) {
  const first = 1 + (group * SEEDS) / GROUPS
  const last = first + SEEDS / GROUPS - 1
  test(`both sides agree once the network heals, whatever it did before: seeds ${first} to ${last}`, () => {
    for (let seed = first; seed <= last; seed++) {
      const result = simulate(seed)
      assert.deepEqual(result.problems, [], `npm run simulate -- --seed ${seed}`)
    }
  })
}

test('the same seed does the same again', () => {
  assert.deepEqual(simulate(4), simulate(4))
})

function simulate(seed: number): ChaosResult {
  return runChaos(seed, (crypto) => new Engine({ versions: [ikev1], crypto }))
}
