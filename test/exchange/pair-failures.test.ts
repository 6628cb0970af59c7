// Of two network pairs one is refused: what failed is kept with the pair, and says nothing of the other.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import type { PairFacts } from '#ike/events'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { arrows, events, rehearse, snapshot } from '../support/exchange.ts'
import { configOf, pair, type Sites, sites, TUNNEL } from '../support/sites.ts'

const FIRST = pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')
const SECOND = pair('10.1.0.0', '10.1.255.255', '10.3.0.0', '10.3.255.255')
const SECOND_AT_B = pair('10.3.0.0', '10.3.0.255', '10.1.0.0', '10.1.255.255')
const WEAK_IKE = { encryption: 'aes128-cbc', hash: 'sha1', keyExchange: 'modp1536' } as const
const OTHER_ESP = {
  suites: [{ encryption: 'aes128-gcm16', integrity: 'none', esn: false }],
  pfs: 'modp2048',
  lifetime: { seconds: 3_600 },
} as const

test('what one pair was refused stands while the other is up, with its diagnosis and when it is tried again', () => {
  const rehearsal = rehearse(mismatching())
  rehearsal.runFor(3_000)
  const { state, pairs, lastFailure } = snapshot(rehearsal, 'a')
  assert.equal(state, 'up')
  assert.deepEqual(states(rehearsal), ['up', 'failed'])
  assert.equal(pairs[1]?.failure?.code, 'CW-401')
  assert.match(pairs[1]?.failure?.summary ?? '', /10\.3\.0\.0\/16/)
  assert.equal(lastFailure, pairs[1]?.failure)
  assert.ok((pairs[1]?.retryAt ?? 0) > rehearsal.now)
  assert.equal(pairs[0]?.failure, undefined)
})

test('the event names the pair and when it is tried again', () => {
  const rehearsal = rehearse(mismatching())
  rehearsal.runFor(3_000)
  const [told] = events(rehearsal, 'a', 'negotiation-failed')
  assert.equal(told?.phase, 2)
  assert.equal(told?.pair, 1)
  assert.ok((told?.retryAt ?? 0) > 0)
})

test('neither the rekey of the pair that is up, nor that of phase 1, takes the diagnosis away', () => {
  const rehearsal = rehearse(mismatching())
  rehearsal.runFor(3_000)
  for (const phase of [2, 1] as const) {
    rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase })
    rehearsal.runFor(10_000)
    assert.deepEqual(states(rehearsal), ['up', 'failed'])
  }
  assert.ok(snapshot(rehearsal, 'a').rekeys >= 2)
})

test('the pair is up, and nothing amiss, once the peer has what was asked for', () => {
  const of = mismatching()
  const rehearsal = rehearse(of)
  rehearsal.runFor(3_000)
  const [tunnel] = of.b.tunnels
  assert.ok(tunnel !== undefined)
  const networks = [FIRST, SECOND].map(({ local, remote }) => ({ local: remote, remote: local }))
  rehearsal.command('b', { kind: 'configure', config: configOf('b', { ...tunnel, networks }) })
  rehearsal.runFor(120_000)
  assert.deepEqual(snapshot(rehearsal, 'a').pairs, [{ state: 'up' }, { state: 'up' }])
  assert.equal(snapshot(rehearsal, 'a').lastFailure, undefined)
})

test('a reload that takes the refused pair away takes its failure along', () => {
  const of = mismatching()
  const rehearsal = rehearse(of)
  rehearsal.runFor(3_000)
  const [tunnel] = of.a.tunnels
  assert.ok(tunnel !== undefined)
  const config = configOf('a', { ...tunnel, networks: [FIRST] })
  rehearsal.command('a', { kind: 'configure', config })
  rehearsal.runFor(10_000)
  const { pairs, lastFailure } = snapshot(rehearsal, 'a')
  assert.deepEqual(pairs, [{ state: 'up' }])
  assert.equal(lastFailure, undefined)
})

test('down leaves nothing wanted and nothing amiss, up asks for every pair anew', () => {
  const rehearsal = rehearse(mismatching())
  rehearsal.runFor(3_000)
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(1_000)
  assert.deepEqual(snapshot(rehearsal, 'a').pairs, [{ state: 'idle' }, { state: 'idle' }])
  assert.equal(snapshot(rehearsal, 'a').lastFailure, undefined)
  rehearsal.command('a', { kind: 'up', tunnel: TUNNEL })
  assert.deepEqual(states(rehearsal), ['connecting', 'connecting'])
  rehearsal.runFor(3_000)
  assert.deepEqual(states(rehearsal), ['up', 'failed'])
})

test('a pair is asked for when the one before it is up, so that a peer that forgets the rest when it refuses one has nothing to forget', () => {
  const rehearsal = rehearse(sites({ networks: [FIRST, SECOND] }, {}, { start: 'respond' }))
  rehearsal.runFor(1_000)
  const quick = arrows(rehearsal).flatMap(
    (arrow) => /^(a . b) {2}quick (\d)/.exec(arrow)?.slice(1) ?? [],
  )
  const pair = ['a → b', '1', 'a ← b', '2', 'a → b', '3']
  assert.deepEqual(quick, [...pair, ...pair])
})

test('phase 1 that fails is no pair’s failure: those wait for it', () => {
  const of = mismatching({ phase1: { suites: [WEAK_IKE], lifetime: { seconds: 28_800 } } })
  const rehearsal = rehearse(of)
  rehearsal.runFor(60_000)
  const { pairs, lastFailure } = snapshot(rehearsal, 'a')
  assert.match(lastFailure?.code ?? '', /^CW-2/)
  assert.deepEqual(pairs, [{ state: 'connecting' }, { state: 'connecting' }])
})

describe('a pair that only traffic asks for', () => {
  test('is idle and no failure before there was any', () => {
    const rehearsal = rehearse(mismatching({ start: 'on-traffic' }))
    rehearsal.sendData('a', { tunnel: TUNNEL, pair: 0 })
    rehearsal.runFor(3_000)
    assert.deepEqual(snapshot(rehearsal, 'a').pairs, [{ state: 'up' }, { state: 'idle' }])
  })

  test('is idle again after it was refused, and what it was refused for stays known', () => {
    const rehearsal = rehearse(mismatching({ start: 'on-traffic' }))
    rehearsal.sendData('a', { tunnel: TUNNEL, pair: 0 })
    rehearsal.runFor(3_000)
    rehearsal.sendData('a', { tunnel: TUNNEL, pair: 1 })
    rehearsal.runFor(3_000)
    assert.deepEqual(states(rehearsal), ['up', 'idle'])
    assert.equal(snapshot(rehearsal, 'a').pairs[1]?.failure?.code, 'CW-401')
  })

  test('has failed while traffic goes on asking for it', () => {
    const rehearsal = rehearse(mismatching({ start: 'on-traffic' }))
    rehearsal.sendData('a', { tunnel: TUNNEL, pair: 1 })
    rehearsal.runFor(1_000)
    rehearsal.sendData('a', { tunnel: TUNNEL, pair: 1 })
    assert.deepEqual(states(rehearsal), ['idle', 'failed'])
  })
})

describe('the side that only answers', () => {
  test('has its pair failed by what the peer asks for in vain, where no other can be meant', () => {
    const rehearsal = rehearse(mismatching())
    rehearsal.runFor(3_000)
    assert.deepEqual(states(rehearsal, 'b'), ['up', 'failed'])
    const { failure } = snapshot(rehearsal, 'b').pairs[1] ?? {}
    assert.match(failure?.summary ?? '', /is \/16 there and \/24 here|larger there/)
  })

  test('has its pair failed by algorithms it does not accept', () => {
    const of = sites({ networks: [FIRST, SECOND] }, {}, { start: 'respond', phase2: OTHER_ESP })
    const rehearsal = rehearse(of)
    rehearsal.runFor(3_000)
    assert.deepEqual(states(rehearsal, 'b'), ['failed', 'failed'])
    assert.deepEqual(
      snapshot(rehearsal, 'b').pairs.map(({ failure }) => failure?.code),
      ['CW-404', 'CW-404'],
    )
  })
})

function mismatching(ofA: Partial<TunnelConfig> = {}): Sites {
  const mirrored = { local: FIRST.remote, remote: FIRST.local }
  return sites({ networks: [FIRST, SECOND] }, ofA, {
    start: 'respond',
    networks: [mirrored, SECOND_AT_B],
  })
}

function states(rehearsal: Rehearsal, side: Side = 'a'): readonly PairFacts['state'][] {
  return snapshot(rehearsal, side).pairs.map(({ state }) => state)
}
