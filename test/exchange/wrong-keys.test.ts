import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { events, rehearse, snapshot } from '../support/exchange.ts'
import { A_BEGINS, configOf, type Sites, sites } from '../support/sites.ts'

const KEY = 'correct horse battery staple'
const AGGRESSIVE = { ike: 'v1-aggressive' } as const

for (const [theirs, words] of [
  [`${KEY}\n`, /the key .* uses is ours followed by a line end \(LF\)/],
  [`${KEY} `, /ours followed by a space/],
  [`"${KEY}"`, /ours with double quotes around it/],
] as const) {
  test(`CW-301: the initiator has our key as ${JSON.stringify(theirs)}: the responder says so and refuses it`, () => {
    const rehearsal = differing(key(theirs), key(KEY))
    const failure = failureOf(rehearsal, 'b')
    assert.equal(failure.code, 'CW-301')
    assert.equal(failure.certainty, 'certain')
    assert.match(failure.summary, words)
    assertDown(rehearsal)
  })
}

test('CW-301: a key that no slip explains is very likely another one, and that is all that is said', () => {
  const rehearsal = differing(key('something else'), key(KEY))
  const failure = failureOf(rehearsal, 'b')
  assert.deepEqual([failure.code, failure.certainty], ['CW-301', 'very likely'])
  assert.equal(failure.theirs, undefined)
  assertDown(rehearsal)
})

test('CW-301: the peer has the key of another tunnel of ours', () => {
  const { a, b } = sites({}, key('the key of lyon'), { ...A_BEGINS, ...key(KEY) })
  const [tunnel] = b.tunnels
  assert.ok(tunnel !== undefined)
  const lyon = { ...tunnel, name: 'lyon', peer: '192.0.2.77', ...key('the key of lyon') }
  const rehearsal = run({ a, b: configOf('b', tunnel, lyon as TunnelConfig) })
  const { summary, remedy, forPeer } = failureOf(rehearsal, 'b')
  assert.match(summary, /that of our tunnel lyon/)
  assert.match(remedy, /the keys of two tunnels are mixed up/)
  assert.match(forPeer ?? '', /Which key did you mean for 198\.51\.100\.7/)
  assertDown(rehearsal)
})

test('CW-302: in Aggressive mode the initiator finds the slip, before it has shown its own proof', () => {
  const rehearsal = differing(key(KEY), key(`${KEY}\n`), AGGRESSIVE)
  const failure = failureOf(rehearsal, 'a')
  assert.deepEqual([failure.code, failure.certainty], ['CW-302', 'certain'])
  assert.match(failure.summary, /ours followed by a line end/)
  assertDown(rehearsal)
})

test('a flood of wrong messages costs one search a minute, and what it found is told meanwhile', () => {
  const rehearsal = differing(key(`${KEY}\n`), key(KEY))
  rehearsal.runFor(50_000)
  const told = events(rehearsal, 'b', 'negotiation-failed')
  assert.ok(told.length > 1, `${told.length} attempts`)
  for (const { failure } of told) assert.match(failure.summary, /ours followed by a line end/)
})

test('neither key stands in any event', () => {
  const rehearsal = differing(key(`${KEY}\n`), key(KEY))
  for (const side of ['a', 'b'] as const) {
    assert.doesNotMatch(JSON.stringify(rehearsal.gateways[side].events), /horse|battery/)
  }
})

function differing(
  ofA: Partial<TunnelConfig>,
  ofB: Partial<TunnelConfig>,
  both: Partial<TunnelConfig> = {},
): Rehearsal {
  return run(sites(both, ofA, { ...A_BEGINS, ...ofB }))
}

function run(of: Sites): Rehearsal {
  const rehearsal = rehearse(of)
  rehearsal.runFor(5_000)
  return rehearsal
}

function key(text: string): Partial<TunnelConfig> {
  const psk = new Secret(new TextEncoder().encode(text))
  return { authentication: { kind: 'psk', psk } }
}

function failureOf(rehearsal: Rehearsal, side: Side): Failure {
  const [failed] = events(rehearsal, side, 'negotiation-failed')
  assert.ok(failed !== undefined, `side ${side} tells of a failure`)
  return failed.failure
}

function assertDown(rehearsal: Rehearsal): void {
  for (const side of ['a', 'b'] as const) {
    assert.deepEqual(snapshot(rehearsal, side).ikeSas, [])
    assert.deepEqual(rehearsal.gateways[side].dataPlane.inbound, [])
  }
}
