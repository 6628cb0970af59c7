import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { Phase1Attribute } from '#iana/ikev1'
import type { Failure } from '#ike/events'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import type { SaPayload } from '#wire/v1/payloads'
import { events, prepare, rehearse } from '../support/exchange.ts'
import { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const SUITE = { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' } as const
const lifetime = { seconds: 3_600 }

test('CW-201: says in which attributes the nearest two sets differ, and what to write to the peer', () => {
  const failure = refusedByB({ ...SUITE, hash: 'sha1', keyExchange: 'modp1024' })
  assert.equal(failure.code, 'CW-201')
  assert.match(
    failure.summary,
    /the nearest two differ in hash and DH group: sha256 there, sha1 here; group14 there, group2 here/,
  )
  assert.match(failure.forPeer ?? '', /Please set .* to aes256-sha1-group2/)
})

test('CW-202: only the Diffie-Hellman group differs', () => {
  const failure = refusedByB({ ...SUITE, keyExchange: 'modp3072' })
  assert.equal(failure.code, 'CW-202')
  assert.match(failure.summary, /has Diffie-Hellman group14, we require group15/)
  assert.deepEqual(
    [failure.ours, failure.theirs],
    ['aes256-sha256-group15', 'aes256-sha256-group14'],
  )
})

test('CW-203: only the length of the key differs', () => {
  const failure = refusedByB({ ...SUITE, encryption: 'aes128-cbc' })
  assert.equal(failure.code, 'CW-203')
  assert.match(failure.summary, /offers aes256, we accept aes128: only the length of the key/)
})

test('CW-203: AES comes without a key length', () => {
  const rehearsal = rehearse(sites({}, { start: 'respond' }, { start: 'respond' }))
  const peer = new ScriptedPeer(rehearsal, tunnelOf(rehearsal, 'a'))
  peer.sendMessage1(withoutKeyLength(peer.offer()))
  const failure = failureOf(rehearsal, 'b')
  assert.equal(failure.code, 'CW-203')
  assert.match(failure.summary, /offers aes without a key length, we accept aes256/)
  assert.match(failure.remedy, /RFC 3602/)
})

for (const [stoppedBehind, message, code] of [
  [1, 3, 'CW-101'],
  [2, 5, 'CW-301'],
] as const) {
  test(`a peer that stops behind ${stoppedBehind} answers is told as silent at message ${message}, and that it may have stopped`, () => {
    const rehearsal = prepare(sites({}, {}, A_BEGINS))
    let answers = 0
    rehearsal.intercept = ({ side, octets }) =>
      side === 'b' && ++answers > stoppedBehind ? undefined : octets
    rehearsal.start()
    rehearsal.runFor(60_000)
    const failure = failureOf(rehearsal, 'a')
    assert.equal(failure.code, code)
    assert.match(failure.otherCauses?.join('; ') ?? '', /was stopped in the middle/)
    // It has answered, so IKE is enabled there, and a tunnel for us.
    assert.doesNotMatch(`${failure.remedy} ${failure.forPeer}`, /is enabled|configured/)
  })
}

test('CW-104: nothing comes back from port 4500', () => {
  const rehearsal = prepare(sites({ encapsulation: 'force' }, {}, A_BEGINS))
  rehearsal.intercept = ({ remote, octets }) => (remote.port === 4_500 ? undefined : octets)
  rehearsal.start()
  rehearsal.runFor(60_000)
  const failure = failureOf(rehearsal, 'a')
  assert.equal(failure.code, 'CW-104')
  assert.match(failure.summary, /UDP 4500/)
})

test('CW-104: a peer that repeats message 4 on port 500 does not have message 5', () => {
  const rehearsal = prepare(sites({ encapsulation: 'force' }, {}, A_BEGINS))
  rehearsal.intercept = ({ side, remote, local, octets }) => {
    if (remote.port === 4_500) return undefined
    // Any responder that repeats itself, as Cisco's and racoon do.
    if (side === 'b' && isMessage4(octets))
      for (const after of [2_000, 6_000])
        rehearsal.at(rehearsal.now + after, () => rehearsal.inject('a', octets, remote, local))
    return octets
  }
  rehearsal.start()
  rehearsal.runFor(60_000)
  const failure = failureOf(rehearsal, 'a')
  assert.deepEqual([failure.code, failure.certainty], ['CW-104', 'very likely'])
  assert.match(failure.summary, /it still repeats message 4 on UDP 500/)
  assert.match(failure.evidence, /message 4 again, 2 times/)
})

test('CW-406: tunnel mode here, transport mode there', () => {
  const networks = [{ local: host('203.0.113.10'), remote: host('198.51.100.7') }]
  const rehearsal = rehearse(
    sites({ networks }, { mode: 'transport' }, { ...A_BEGINS, mode: 'tunnel' }),
  )
  rehearsal.runFor(20_000)
  assert.equal(failureOf(rehearsal, 'b').code, 'CW-406')
})

function isMessage4(octets: Uint8Array): boolean {
  const { nextPayload, exchangeType } = decodeHeader(octets)
  return exchangeType === 2 && nextPayload === KE
}

/** Payload type (RFC 2408 §3.1). */
const KE = 4

function refusedByB(suite: TunnelConfig['phase1']['suites'][number]): Failure {
  const phase1 = { suites: [suite], lifetime }
  const rehearsal = rehearse(
    sites({}, { phase1: { suites: [SUITE], lifetime } }, { ...A_BEGINS, phase1 }),
  )
  rehearsal.runFor(5_000)
  return failureOf(rehearsal, 'b')
}

function failureOf(rehearsal: Rehearsal, side: Side): Failure {
  const [failed] = events(rehearsal, side, 'negotiation-failed')
  assert.ok(failed !== undefined, `side ${side} tells of a failure`)
  return failed.failure
}

function tunnelOf(rehearsal: Rehearsal, side: Side): TunnelConfig {
  const [tunnel] = rehearsal.gateways[side].config.tunnels
  assert.ok(tunnel !== undefined)
  return tunnel
}

function withoutKeyLength(offer: SaPayload): SaPayload {
  const keyLength = Phase1Attribute.number('Key Length')
  const proposals = offer.proposals.map((proposal) => ({
    ...proposal,
    transforms: proposal.transforms.map((transform) => ({
      ...transform,
      attributes: transform.attributes.filter(({ type }) => type !== keyLength),
    })),
  }))
  return { ...offer, proposals }
}

function host(address: string) {
  const at = ip(address)
  return { family: 4, protocol: 0, start: at, end: at, startPort: 0, endPort: 65_535 } as const
}
