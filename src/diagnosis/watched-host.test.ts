import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { type WatchEffect, WatchedHost } from './watched-host.ts'

const TARGET = ip('10.2.0.1')
const SOURCE = ip('10.1.0.1')

/** Asks every five seconds. */
function rig() {
  const host = new WatchedHost(TARGET)
  let now = 0
  const ask = (source: typeof SOURCE | undefined = SOURCE): readonly WatchEffect[] => {
    now += 5_000
    return host.handle({ kind: 'due', source }, now)
  }
  return {
    host,
    ask,
    /** Asked, and answered so many milliseconds later. */
    answered(after: number): void {
      for (const { id } of ask()) host.handle({ kind: 'answered', id }, now + after)
    },
    lost(times: number): void {
      for (let i = 0; i < times; i++) ask()
    },
    rest(): void {
      now += 5_000
      host.handle({ kind: 'due', source: undefined }, now)
    },
  }
}

test('each question has a number of its own, and the address it is asked from', () => {
  const { ask } = rig()
  assert.deepEqual(ask(), [{ kind: 'ask', id: 1, source: SOURCE }])
  assert.deepEqual(ask(), [{ kind: 'ask', id: 2, source: SOURCE }])
})

test('an answer gives the round trip, and only the answer to the latest question counts', () => {
  const { host, answered, ask } = rig()
  answered(11)
  const expected = { target: TARGET, asked: 1, lost: 0, roundTrip: 11, answeredAt: 5_011 }
  assert.deepEqual(host.facts, expected)
  ask()
  assert.deepEqual(host.handle({ kind: 'answered', id: 1 }, 10_001), [])
  assert.deepEqual(host.facts, expected)
})

test('three without an answer in a row are silence since the first of them, and an answer ends it', () => {
  const { host, answered, lost } = rig()
  answered(11)
  // The third is still waited for.
  lost(3)
  assert.equal(host.facts.silentSince, undefined)
  lost(1)
  assert.equal(host.facts.silentSince, 10_000)
  answered(12)
  assert.equal(host.facts.silentSince, undefined)
  assert.deepEqual([host.facts.asked, host.facts.lost, host.facts.roundTrip], [6, 4, 12])
})

test('a host that has never answered is silent too, without a round trip', () => {
  const { host, lost } = rig()
  lost(4)
  assert.deepEqual(host.facts, { target: TARGET, asked: 3, lost: 3, silentSince: 5_000 })
})

test('the latest sixty are kept', () => {
  const { host, answered, lost } = rig()
  lost(10)
  for (let i = 0; i < 60; i++) answered(1)
  assert.deepEqual([host.facts.asked, host.facts.lost], [60, 0])
})

test('while no SA takes the question nothing is asked, and what was is neither answered nor lost', () => {
  const { host, lost, rest, ask } = rig()
  lost(4)
  rest()
  assert.deepEqual(host.facts, { target: TARGET, asked: 3, lost: 3 })
  assert.deepEqual(host.handle({ kind: 'answered', id: 4 }, 25_001), [])
  assert.equal(host.facts.answeredAt, undefined)
  assert.deepEqual(ask(), [{ kind: 'ask', id: 5, source: SOURCE }])
})
