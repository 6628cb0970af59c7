import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import { phase1Notify } from '#ikev1/notify'
import { encodePlain, FLAG_ENCRYPTION, outgoingHeader } from '#ikev1/protect'
import { cookiesOf } from '#ikev1/step'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import {
  arrows,
  assertUp,
  events,
  prepare,
  rehearse,
  rehearseUp,
  snapshot,
} from '../support/exchange.ts'
import { sites } from '../support/sites.ts'

const AGGRESSIVE_AND_QUICK = [
  'a → b  aggressive 1  SA KE NONCE ID VID',
  'a ← b  aggressive 2  SA KE NONCE ID HASH NAT-D NAT-D VID',
  'a → b  aggressive 3*  HASH NAT-D NAT-D',
  // INITIAL-CONTACT, which Aggressive mode would not protect (RFC 2407 §4.6.3).
  'a → b  informational 1*  HASH N',
  'a → b  quick 1*  HASH SA NONCE KE ID ID',
  'a ← b  quick 2*  HASH SA NONCE KE ID ID',
  'a → b  quick 3*  HASH',
]
const AGGRESSIVE = { ike: 'v1-aggressive' } as const
const AGGRESSIVE_EXCHANGE = 4

test('brings a tunnel up with three messages of Aggressive mode and three of Quick mode', () => {
  const rehearsal = rehearseUp(aggressive())
  assert.deepEqual(arrows(rehearsal), AGGRESSIVE_AND_QUICK)
  assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.exchange, 'Aggressive mode')
})

test('the responder is found by the name the initiator shows', () => {
  const name = { kind: 'fqdn', name: 'branch.example' } as const
  const rehearsal = rehearseUp(aggressive({ localId: name }, { remoteId: name }))
  assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.remoteId, 'branch.example')
})

test('an identity nobody configured gets no answer: HASH_R would be food for guessing', () => {
  const name = { kind: 'fqdn', name: 'stranger.example' } as const
  const rehearsal = rehearse(aggressive({ localId: name }))
  rehearsal.runFor(60_000)
  assert.deepEqual(
    rehearsal.sent.filter(({ side }) => side === 'b'),
    [],
  )
  assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-304')
})

test('the initiator knows for certain that the key differs', () => {
  const psk = new Secret(new TextEncoder().encode('another key than that of side a'))
  const rehearsal = rehearse(aggressive({}, { authentication: { kind: 'psk', psk } }))
  rehearsal.runFor(5_000)
  const failure = events(rehearsal, 'a', 'negotiation-failed')[0]?.failure
  assert.equal(failure?.code, 'CW-302')
  assert.equal(failure?.certainty, 'certain')
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 0)
})

test('CW-302: the responder hears that its proof is refused, as a hint at once, and as the reason when nothing more comes', () => {
  const psk = new Secret(new TextEncoder().encode('another key than that of side a'))
  const rehearsal = rehearse(aggressive({}, { authentication: { kind: 'psk', psk } }))
  rehearsal.runFor(1_000)
  const [hint] = events(rehearsal, 'b', 'refusal-hinted')
  assert.equal(hint?.failure.code, 'CW-302')
  assert.match(hint.failure.summary, /refuses our proof in message 2 of Aggressive mode/)
  assert.match(hint.failure.evidence, /which anyone could have sent/)
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
  rehearsal.runFor(40_000)
  assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-302')
})

test('CW-303: an initiator that says INVALID-ID-INFORMATION in clear is about our identity, whatever the key', () => {
  const rehearsal = prepare(aggressive())
  rehearsal.intercept = ({ side, octets, local, remote }) => {
    if (side !== 'b') return octets
    const { initiatorSpi, responderSpi } = decodeHeader(octets)
    const cookies = cookiesOf(initiatorSpi.slice(), responderSpi.slice())
    const header = outgoingHeader(cookies, ExchangeType.number('INFORMATIONAL'), 7)
    const notify = encodePlain(header, [phase1Notify('INVALID-ID-INFORMATION', cookies.pair)])
    rehearsal.at(rehearsal.now + 10, () => rehearsal.inject('b', notify, local, remote))
    return undefined
  }
  rehearsal.start()
  rehearsal.runFor(500)
  const [hint] = events(rehearsal, 'b', 'refusal-hinted')
  assert.equal(hint?.failure.code, 'CW-303')
  assert.match(hint.failure.summary, /refuses our identity 198\.51\.100\.7/)
})

for (const number of [1, 2, 3]) {
  test(`message ${number} lost: it is repeated, and the tunnel comes up`, () => {
    const rehearsal = rehearse(aggressive())
    let seen = 0
    rehearsal.intercept = ({ octets }) => {
      if (decodeHeader(octets).exchangeType !== AGGRESSIVE_EXCHANGE) return octets
      seen++
      return seen === number ? undefined : octets
    }
    rehearsal.runFor(20_000)
    assert.ok(seen > number)
    assertUp(rehearsal)
    assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 1)
    assert.deepEqual(events(rehearsal, 'b', 'refusal-hinted'), [])
    assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
  })
}

test('CW-302: an Informational message that may have overtaken message 3 is told as another key when that never comes', () => {
  const rehearsal = withoutMessage3()
  rehearsal.runFor(20_000)
  assert.deepEqual(events(rehearsal, 'b', 'refusal-hinted'), [])
  rehearsal.runFor(20_000)
  const [told] = events(rehearsal, 'b', 'negotiation-failed')
  assert.equal(told?.failure.code, 'CW-302')
  assert.match(told.failure.summary, /does not decrypt with ours/)
})

test('CW-302: a second one is told at once, and a repeat of the first is none', () => {
  const rehearsal = withoutMessage3()
  rehearsal.runFor(1_000)
  const first = rehearsal.sent.find(({ octets }) => isInformational(octets))
  assert.ok(first !== undefined)
  rehearsal.inject('b', first.octets, first.remote, first.local)
  assert.deepEqual(events(rehearsal, 'b', 'refusal-hinted'), [])
  const another = first.octets.with(-1, 255 - (first.octets.at(-1) ?? 0))
  rehearsal.inject('b', another, first.remote, first.local)
  assert.equal(events(rehearsal, 'b', 'refusal-hinted')[0]?.failure.code, 'CW-302')
})

test('moves to port 4500 with message 3 when there is a NAT', () => {
  const outside = ip('192.0.2.99')
  const name = { kind: 'fqdn', name: 'branch.example' } as const
  const configs = aggressive({ localId: name }, { remoteId: name, peer: outside })
  const rehearsal = rehearse(configs, { nat: outside })
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas[0]?.nat, { local: false, remote: true })
  assert.equal(snapshot(rehearsal, 'b').childSas[0]?.encapsulation, 'udp')
})

test('a tunnel in Main mode does not answer Aggressive mode, nor the other way round', () => {
  for (const [a, b] of [
    ['v1-aggressive', 'v1-main'],
    ['v1-main', 'v1-aggressive'],
  ] as const) {
    const rehearsal = rehearse(sites({}, { ike: a }, { ike: b, start: 'respond' }))
    rehearsal.runFor(10_000)
    assert.deepEqual(
      rehearsal.sent.filter(({ side }) => side === 'b'),
      [],
    )
    assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 0)
  }
})

test('offers only suites of one group, since the public value comes with the offer', () => {
  const suites = [
    { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' },
    { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'ecp256' },
    { encryption: 'aes128-cbc', hash: 'sha1', keyExchange: 'modp2048' },
  ] as const
  const rehearsal = rehearseUp(aggressive({ phase1: { suites, lifetime: { seconds: 3_600 } } }))
  const [first] = events(rehearsal, 'a', 'message')
  const offer = first?.payloads.find((payload) => payload.type === 'SA')
  assert.equal(offer?.proposals[0]?.transforms.length, 2)
})

function aggressive(a: Partial<TunnelConfig> = {}, b: Partial<TunnelConfig> = {}) {
  return sites({}, { ...AGGRESSIVE, ...a }, { ...AGGRESSIVE, start: 'respond', ...b })
}

/** Of what side a sends under the keys, only its first Informational message arrives. */
function withoutMessage3(): Rehearsal {
  const rehearsal = prepare(aggressive())
  let informationals = 0
  rehearsal.intercept = ({ side, octets }) => {
    const isClear = (decodeHeader(octets).flags & FLAG_ENCRYPTION) === 0
    if (side === 'b' || isClear) return octets
    return isInformational(octets) && informationals++ === 0 ? octets : undefined
  }
  rehearsal.start()
  return rehearsal
}

function isInformational(octets: Uint8Array): boolean {
  return decodeHeader(octets).exchangeType === ExchangeType.number('INFORMATIONAL')
}

test('several peers from anywhere are told apart by their names', () => {
  const name = { kind: 'fqdn', name: 'branch.example' } as const
  const { a, b } = aggressive({ localId: name }, { remoteId: name, peer: 'any' })
  const other = { kind: 'fqdn', name: 'other.example' } as const
  const [tunnel] = b.tunnels
  assert.ok(tunnel !== undefined)
  const stranger = { ...tunnel, name: 'other', remoteId: other, interfaceName: 'cw-other' }
  const rehearsal = rehearse({ a, b: { ...b, tunnels: [stranger, tunnel] } })
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
})
