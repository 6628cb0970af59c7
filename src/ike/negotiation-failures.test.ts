import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '#crypto/node'
import type { Failure } from './events.ts'
import { NegotiationFailures } from './negotiation-failures.ts'

test('a pair that passes takes its own failure away, and not another pair’s', () => {
  const failures = new NegotiationFailures({ actives: [] })
  failures.note(0, failure('CW-404'))
  failures.note(1, failure('CW-401'))
  failures.pairPassed(0)
  assert.equal(failures.ofPair(0), undefined)
  assert.equal(failures.ofPair(1)?.code, 'CW-401')
})

test('the newest is what failed last of what has not passed', () => {
  const failures = new NegotiationFailures({ actives: [] })
  for (const place of [1, 'phase 1', 0, 1] as const) failures.note(place, failure(`CW-${place}`))
  assert.equal(failures.newest?.code, 'CW-1')
  failures.pairPassed(1)
  assert.equal(failures.newest?.code, 'CW-0')
  assert.equal(failures.count, 4)
})

test('phase 1 has passed where it is up, and where a pair came up under it', () => {
  const failures = new NegotiationFailures({ actives: [] })
  failures.note('phase 1', failure('CW-201'))
  failures.phase1Passed()
  assert.equal(failures.newest, undefined)
  failures.note('phase 1', failure('CW-201'))
  failures.pairPassed(0)
  assert.equal(failures.newest, undefined)
})

test('a phase 1 that cannot be renewed stays amiss while pairs come up under the old one', () => {
  const failures = new NegotiationFailures({ actives: [] })
  failures.note('phase 1', failure('CW-603'))
  failures.pairPassed(0)
  assert.equal(failures.newest?.code, 'CW-603')
  failures.phase1Passed()
  assert.equal(failures.newest, undefined)
})

test('each pair waits for its own next attempt, longer each time, until it passes', () => {
  const failures = new NegotiationFailures({ actives: [] })
  for (let i = 0; i < 8; i++) failures.defer(1, 0, nodeCrypto)
  assert.ok(failures.retryAt(1) >= 30_000)
  assert.equal(failures.retryAt(0), Number.NEGATIVE_INFINITY)
  failures.deferAnew(1, 0, nodeCrypto)
  assert.ok(failures.retryAt(1) <= 2_000)
  failures.pairPassed(1)
  assert.deepEqual(failures.retryTimes, [])
})

test('asked for anew, the pairs begin without a past, and phase 1 does not', () => {
  const failures = new NegotiationFailures({ actives: [] })
  for (const place of [0, 'no pair', 'phase 1'] as const) failures.note(place, failure('CW-301'))
  failures.defer(0, 0, nodeCrypto)
  failures.pairsAskedAnew()
  assert.equal(failures.ofPair(0), undefined)
  assert.equal(failures.retryAt(0), Number.NEGATIVE_INFINITY)
  assert.equal(failures.newest?.code, 'CW-301')
  failures.forget()
  assert.equal(failures.newest, undefined)
})

function failure(code: string): Failure {
  return { code, summary: code, evidence: 'x', certainty: 'certain', remedy: 'x' }
}
