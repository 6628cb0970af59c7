import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectorToPayload } from '#wire/v1/id-payload'
import { pair } from '../../test/support/sites.ts'
import { Refusals } from './refusals.ts'

const asked = [
  pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255'),
  pair('0.0.0.0', '255.255.255.255', '0.0.0.0', '255.255.255.255'),
].map(({ local, remote }) => [local, remote].map(selectorToPayload))
const [ours = [], everything = []] = asked

test('what is asked for within seconds of a refusal, for the same networks or for everything, is asked beside it', () => {
  const refusals = new Refusals()
  assert.equal(refusals.isAskedBeside(ours, 0), false)
  assert.equal(refusals.isAskedBeside(ours, 500), true)
  assert.equal(refusals.isAskedBeside(everything, 1_000), true)
})

test('a peer that asks in vain every three seconds is told of again and again', () => {
  const refusals = new Refusals()
  const told = Array.from({ length: 20 }, (_, i) => refusals.isAskedBeside(ours, i * 3_000))
  assert.ok(told.filter((beside) => !beside).length > 3)
})
