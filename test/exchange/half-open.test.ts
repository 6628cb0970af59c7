import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import { assertUp, events, prepare, rehearseUp } from '../support/exchange.ts'
import { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

// What a responder tells of negotiations that the peer began and that got stuck on the way.

test('CW-101: the peer repeats message 1, so our answers do not reach it', () => {
  const { code, summary, remedy } = stuck((side) => side === 'a')
  assert.equal(code, 'CW-101')
  assert.match(summary, /does not get our answers: it sent message 1 again [45] times/)
  assert.match(remedy, /let UDP 500 pass from 198\.51\.100\.7 to 203\.0\.113\.10/)
})

test('CW-101: the same of message 3', () => {
  const { code, summary } = stuck((side, octets) => side === 'a' || !isMessage4(octets))
  assert.equal(code, 'CW-101')
  assert.match(summary, /it sent message 3 again/)
})

test('CW-104: with a NAT between, message 5 comes to UDP 4500, where nothing arrives', () => {
  const { code, summary } = stuck((_side, _octets, port) => port !== 4_500, {
    encapsulation: 'force',
  })
  assert.equal(code, 'CW-104')
  assert.match(summary, /its message 5, which comes to UDP 4500, never arrived/)
})

test('CW-305: without a NAT, a peer that never sends message 5 may have nothing to prove itself with', () => {
  const { code, summary, certainty } = stuck((_side, octets) => !isEncrypted(octets))
  assert.deepEqual([code, certainty], ['CW-305', 'possible'])
  assert.match(summary, /stopped at message 5/)
})

test('CW-104: the peer sends message 5 again and again, so our message 6 does not reach it', () => {
  const rehearsal = disturbed((side, _octets, port) => side === 'a' || port !== 4_500, {
    encapsulation: 'force',
  })
  rehearsal.runFor(20_000)
  const [hinted] = events(rehearsal, 'b', 'refusal-hinted')
  assert.equal(hinted?.failure.code, 'CW-104')
  assert.match(hinted?.failure.summary ?? '', /does not get our message 6/)
})

test('a first message alone, such as a question what we would take, is nothing to speak of', () => {
  let passed = 0
  const rehearsal = disturbed((side) => side === 'a' && passed++ === 0)
  rehearsal.runFor(100_000)
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
})

test('nor is a negotiation of the peer that another has overtaken', () => {
  let dropped = 0
  const rehearsal = disturbed((_side, octets) => !isEncrypted(octets) || dropped++ > 5)
  rehearsal.runFor(20_000)
  rehearsal.command('b', { kind: 'up', tunnel: 'berlin-paris' })
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  rehearsal.runFor(60_000)
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
})

test('nor is, of a tunnel that is up, a first message that comes again and again: anyone can send it', () => {
  const of = sites({}, {}, A_BEGINS)
  const [tunnel] = of.a.tunnels
  assert.ok(tunnel !== undefined)
  const rehearsal = rehearseUp(of)
  const peer = new ScriptedPeer(rehearsal, tunnel)
  peer.sendMessage1()
  const message1 = peer.lastSent
  for (let i = 0; i < 4; i++) peer.sendOctets(message1.slice())
  rehearsal.runFor(100_000)
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
})

type Passes = (side: 'a' | 'b', octets: Uint8Array, port: number) => boolean

/** What side b tells first when only some messages pass. */
function stuck(passes: Passes, changes: Partial<TunnelConfig> = {}): Failure {
  const rehearsal = disturbed(passes, changes)
  rehearsal.runFor(100_000)
  const [failed] = events(rehearsal, 'b', 'negotiation-failed')
  assert.ok(failed !== undefined, 'b tells of a failure')
  return failed.failure
}

function disturbed(passes: Passes, changes: Partial<TunnelConfig> = {}): Rehearsal {
  const rehearsal = prepare(sites(changes, {}, A_BEGINS))
  rehearsal.intercept = ({ side, octets, remote }) =>
    passes(side, octets, remote.port) ? octets : undefined
  rehearsal.start()
  return rehearsal
}

function isMessage4(octets: Uint8Array): boolean {
  const { nextPayload, exchangeType } = decodeHeader(octets)
  return exchangeType === 2 && nextPayload === KE
}

function isEncrypted(octets: Uint8Array): boolean {
  return (decodeHeader(octets).flags & 1) !== 0
}

/** Payload type (RFC 2408 §3.1). */
const KE = 4
