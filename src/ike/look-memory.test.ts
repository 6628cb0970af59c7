import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChildSa } from './child-table.ts'
import { LookMemory } from './look-memory.ts'

test('a look is not begun where another pair is renewed before it has ended', () => {
  const looks = new LookMemory((besides) => (besides === 0 ? 30_000 : 3_600_000))
  assert.equal(looks.isUndisturbing(0, 5_000), true)
  assert.equal(looks.isUndisturbing(0, 15_000), false)
  assert.equal(looks.isUndisturbing(1, 15_000), true)
})

test('what is to be renewed during a look waits for its end, and for five seconds at most', () => {
  const looks = new LookMemory(() => Number.POSITIVE_INFINITY)
  const child = renewedAt(12_000, 3_600_000)
  assert.equal(looks.renewalAt(child), 12_000)
  looks.begun('refused', 10_000)
  assert.equal(looks.renewalAt(child), 17_000)
  looks.ended()
  assert.equal(looks.renewalAt(child), 12_000)
})

test('what is to be renewed after a look is not held', () => {
  const looks = new LookMemory(() => Number.POSITIVE_INFINITY)
  looks.begun('refused', 10_000)
  assert.equal(looks.renewalAt(renewedAt(60_000, 70_000)), 60_000)
})

test('what is about to end waits for half of the time it has left', () => {
  const looks = new LookMemory(() => Number.POSITIVE_INFINITY)
  looks.begun('refused', 10_000)
  assert.equal(looks.renewalAt(renewedAt(12_000, 14_000)), 13_000)
})

function renewedAt(rekeyAt: number, expiresAt: number): Pick<ChildSa, 'facts' | 'rekeyAt'> {
  return { rekeyAt, facts: { expiresAt } as ChildSa['facts'] }
}
