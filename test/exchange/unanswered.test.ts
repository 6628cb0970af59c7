import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { ExchangeType } from '#iana/isakmp'
import { FLAG_ENCRYPTION } from '#ikev1/protect'
import { CLEAN_NETWORK } from '#rehearsal/network'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader, type IkeHeader } from '#wire/ike-header'
import { events, prepare, rehearse, snapshot } from '../support/exchange.ts'
import { A_BEGINS, ADDRESS_A, ADDRESS_B, sites, TUNNEL } from '../support/sites.ts'

/** What a silent peer most likely means is told long before it is given up, and taken back when it answers. */

test('a peer that says nothing at all is told of 3 s after message 1, with the verdict there will be', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS), {
    conditions: { ...CLEAN_NETWORK, partitioned: true },
  })
  const told = toldWithin(rehearsal, 4_000)
  const { phase, exchange, message, sent, waited, remaining, failure } = told
  assert.deepEqual([phase, exchange, message, sent, waited], [1, 'main', 1, 3, 3_000])
  assert.equal(waited + remaining, 31_000)
  assert.match(failure.summary, /has not answered message 1 of Main mode, sent 3 times in 3 s/)
  const verdict = verdictOf(rehearsal)
  assert.equal(verdict.code, failure.code)
  assert.match(verdict.summary, /sent 6 times in 31 s/)
})

test('silence after message 4 is told as another key, in the words of the verdict', () => {
  const rehearsal = losing(isMessage5)
  const { exchange, message, failure } = toldWithin(rehearsal, 4_500)
  assert.deepEqual([exchange, message, failure.code], ['main', 5, 'CW-301'])
  assert.deepEqual(snapshot(rehearsal, 'a').unanswered?.[0]?.failure, failure)
  assert.equal(snapshot(rehearsal, 'a').lastFailure, undefined)
  assert.deepEqual(verdictOf(rehearsal), failure)
  assert.equal(snapshot(rehearsal, 'a').unanswered, undefined)
})

test('message 1 of Quick mode is told of with its network pair', () => {
  const rehearsal = losing(isQuickMode)
  const { phase, pair, exchange, failure } = toldWithin(rehearsal, 4_500)
  assert.deepEqual([phase, pair, exchange, failure.code], [2, 0, 'quick', 'CW-401'])
})

for (const [what, isLost] of [
  ['message 5', isMessage5],
  ['message 1 of Quick mode', isQuickMode],
] as const) {
  test(`an answer to ${what} after all takes it back without a trace`, () => {
    const rehearsal = losing(isLost)
    toldWithin(rehearsal, 4_500)
    rehearsal.intercept = ({ octets }) => octets
    rehearsal.runFor(10_000)
    const { state, unanswered, lastFailure, failures } = snapshot(rehearsal, 'a')
    assert.deepEqual([state, unanswered, lastFailure, failures], ['up', undefined, undefined, 0])
    assert.equal(events(rehearsal, 'a', 'message-unanswered').length, 1)
  })
}

test('a rekey without an answer is told as what it will be', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  rehearsal.runFor(2_000)
  rehearsal.intercept = ({ octets }) => (isQuickMode(decodeHeader(octets)) ? undefined : octets)
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  const { failure } = toldWithin(rehearsal, 4_500)
  assert.equal(failure.code, 'CW-603')
  assert.equal(snapshot(rehearsal, 'a').state, 'up')
})

test('an attempt that the peer has overtaken is told of no more', () => {
  const rehearsal = prepare(sites())
  rehearsal.intercept = ({ side, octets }) =>
    side === 'a' && isMessage1(decodeHeader(octets)) ? undefined : octets
  rehearsal.start()
  assertTakenBack(rehearsal)
  assert.deepEqual(events(rehearsal, 'a', 'message-unanswered'), [])
})

test('a Quick mode whose network pair the peer has opened meanwhile is taken back, and is no renewal', () => {
  const rehearsal = prepare(sites({ secondLook: false }, {}, { start: 'respond' }))
  const theirs = new Set<number>()
  rehearsal.intercept = ({ side, octets }) => {
    const header = decodeHeader(octets)
    if (!isQuickMode(header)) return octets
    if (side === 'b') theirs.add(header.messageId)
    return theirs.has(header.messageId) ? octets : undefined
  }
  rehearsal.start()
  rehearsal.runFor(2_500)
  rehearsal.command('b', { kind: 'up', tunnel: TUNNEL })
  assertTakenBack(rehearsal)
  const codes = events(rehearsal, 'a', 'message-unanswered').map(({ failure }) => failure.code)
  assert.deepEqual(codes, ['CW-401'])
})

for (const [lost, isLost, nat] of [
  ['message 1', () => true, undefined],
  ['message 5', isMessage5, undefined],
  ['message 5 to a NAT', isMessage5, ip('192.0.2.99')],
] as const) {
  test(`${lost} lost: a peer from anywhere is named by the address at which it is called`, () => {
    const of = sites({ secondLook: false }, {}, { start: 'respond', peer: 'any' })
    const rehearsal = rehearse(of, nat === undefined ? {} : { nat })
    rehearsal.runFor(3_000)
    rehearsal.intercept = ({ side, octets }) =>
      side === 'b' && isLost(decodeHeader(octets)) ? undefined : octets
    rehearsal.command('b', { kind: 'rekey', tunnel: TUNNEL, phase: 1 })
    rehearsal.runFor(40_000)
    const [early] = events(rehearsal, 'b', 'message-unanswered')
    const [final] = events(rehearsal, 'b', 'negotiation-failed')
    for (const told of [early, final]) {
      assert.ok(told !== undefined)
      const { summary, evidence, forPeer } = told.failure
      const text = [summary, evidence, forPeer].join('; ')
      assert.ok(text.includes(nat ?? ADDRESS_A), text)
      assert.doesNotMatch(text, /\bany\b/)
    }
  })
}

test('where ICMP has said why, silence says nothing more', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS), {
    conditions: { ...CLEAN_NETWORK, partitioned: true },
  })
  rehearsal.runFor(100)
  const remote = { address: ADDRESS_B, port: 500 }
  rehearsal.input('a', {
    kind: 'unreachable',
    icmpType: 3,
    icmpCode: 3,
    remote,
    reporter: ADDRESS_B,
  })
  rehearsal.runFor(10_000)
  assert.deepEqual(events(rehearsal, 'a', 'message-unanswered'), [])
  assert.equal(snapshot(rehearsal, 'a').unanswered, undefined)
})

/** Side A begins, and what it sends of these never arrives. */
function losing(isLost: (header: IkeHeader) => boolean): Rehearsal {
  const rehearsal = prepare(sites({ secondLook: false }, {}, A_BEGINS))
  rehearsal.intercept = ({ side, octets }) =>
    side === 'a' && isLost(decodeHeader(octets)) ? undefined : octets
  rehearsal.start()
  return rehearsal
}

function isMessage5({ exchangeType, flags }: IkeHeader): boolean {
  const isMainMode = exchangeType === ExchangeType.number('IDENTITY-PROTECTION')
  return isMainMode && (flags & FLAG_ENCRYPTION) !== 0
}

function isQuickMode({ exchangeType }: IkeHeader): boolean {
  return exchangeType === ExchangeType.number('QUICK-MODE')
}

function isMessage1({ exchangeType, responderSpi }: IkeHeader): boolean {
  const isMainMode = exchangeType === ExchangeType.number('IDENTITY-PROTECTION')
  return isMainMode && responderSpi.every((octet) => octet === 0)
}

/** Side A is up by what its peer began, and what it asked for itself fails of nothing. */
function assertTakenBack(rehearsal: Rehearsal): void {
  rehearsal.runFor(5_000)
  assert.equal(snapshot(rehearsal, 'a').state, 'up')
  assert.equal(snapshot(rehearsal, 'a').unanswered, undefined)
  rehearsal.runFor(40_000)
  assert.deepEqual(events(rehearsal, 'a', 'negotiation-failed'), [])
}

function toldWithin(rehearsal: Rehearsal, milliseconds: number) {
  rehearsal.runFor(milliseconds)
  const [told, ...more] = events(rehearsal, 'a', 'message-unanswered')
  assert.ok(told !== undefined && more.length === 0)
  return told
}

function verdictOf(rehearsal: Rehearsal) {
  rehearsal.runFor(28_000)
  const [failed] = events(rehearsal, 'a', 'negotiation-failed')
  assert.ok(failed !== undefined)
  return failed.failure
}
