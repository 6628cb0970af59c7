import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { eventText } from '#diagnosis/event-text'
import type { Failure } from '#ike/events'
import { encodeProbe, PROBE_RANDOM_OCTETS } from '#ike/version-probe'
import { offerPhase1 } from '#ikev1/phase1-proposals'
import { encodePlain, outgoingHeader } from '#ikev1/protect'
import { cookiesOf } from '#ikev1/step'
import { phase1Wish } from '#ikev1/transitions/phase1-steps'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { identityToPayload } from '#wire/v1/id-payload'
import type { Payload } from '#wire/v1/payloads'
import { events, rehearse, rehearseUp } from '../support/exchange.ts'
import { A_BEGINS, ADDRESS_A, ADDRESS_B, configOf, sites } from '../support/sites.ts'

/** First messages that no tunnel takes, and what the tunnel they were meant for says of them. */

const MAIN_MODE = 2
const AGGRESSIVE = 4
const NEIGHBOUR = ip('203.0.113.99')
const STRANGER = ip('192.0.2.44')

test('CW-107: the peer opens with the mode its tunnel does not allow', () => {
  const rehearsal = rehearse(sites({}, { ike: 'v1-aggressive' }, A_BEGINS))
  rehearsal.runFor(2_000)
  const failure = hint(rehearsal)
  assert.equal(failure?.code, 'CW-107')
  assert.match(
    failure?.summary ?? '',
    /opens with Aggressive mode; we allow Main mode only for this tunnel/,
  )
  assert.match(failure?.remedy ?? '', /guess the pre-shared key/)
})

test('CW-107: an initiator set to Aggressive mode finds that the peer answers Main mode', () => {
  const rehearsal = rehearse(sites({}, { ike: 'v1-aggressive' }, A_BEGINS))
  rehearsal.runFor(40_000)
  const [failed] = events(rehearsal, 'a', 'negotiation-failed')
  assert.equal(failed?.failure.code, 'CW-107')
  // Our identity is in the message that was refused, and in no second look.
  assert.equal(failed?.failure.certainty, 'possible')
  assert.match(failed?.failure.otherCauses?.join() ?? '', /another identity of us than 203/)
})

test('CW-106: the peer speaks IKEv2', () => {
  const rehearsal = waiting()
  const octets = encodeProbe(new Uint8Array(8).fill(7), new Uint8Array(PROBE_RANDOM_OCTETS).fill(9))
  inject(rehearsal, octets)
  assert.equal(hint(rehearsal), undefined, 'a question whether we speak it comes once')
  inject(rehearsal, octets)
  const failure = hint(rehearsal)
  assert.equal(failure?.code, 'CW-106')
  assert.match(failure?.summary ?? '', /speaks IKEv2 to us; this tunnel is set to ike: v1-main/)
})

test('a peer that asks once for IKEv2 is not said to have no tunnel', () => {
  const rehearsal = waiting()
  inject(rehearsal, encodeProbe(new Uint8Array(8).fill(7), new Uint8Array(PROBE_RANDOM_OCTETS)))
  const [dropped] = events(rehearsal, 'b', 'dropped')
  assert.ok(dropped !== undefined)
  const { text } = eventText(dropped)
  assert.match(text, /dropped, no tunnel takes it: its tunnel answers no IKEv2 IKE_SA_INIT$/)
})

test('CW-103: an address nobody expects, near to one that is; only the address differs', () => {
  const rehearsal = waiting()
  inject(rehearsal, message1(rehearsal), { from: NEIGHBOUR })
  const failure = hint(rehearsal)
  assert.deepEqual([failure?.code, failure?.certainty], ['CW-103', 'very likely'])
  assert.deepEqual([failure?.ours, failure?.theirs], [ADDRESS_A, NEIGHBOUR])
  assert.match(
    failure?.summary ?? '',
    /closest is berlin-paris, which expects 203\.0\.113\.10; only its address differs/,
  )
})

test('CW-103: says in what else it differs', () => {
  const suites = [{ encryption: 'aes256-cbc', hash: 'sha1', keyExchange: 'modp1024' }] as const
  const rehearsal = waiting()
  const offered = message1(rehearsal, { phase1: { suites, lifetime: { seconds: 3_600 } } })
  inject(rehearsal, offered, { from: NEIGHBOUR })
  assert.match(hint(rehearsal)?.summary ?? '', /and hash, DH group differ/)
})

test('CW-103: a stranger whose offer only one tunnel would take is possibly its peer', () => {
  const rehearsal = waiting()
  inject(rehearsal, message1(rehearsal), { from: STRANGER })
  assert.deepEqual([hint(rehearsal)?.code, hint(rehearsal)?.certainty], ['CW-103', 'possible'])
})

test('CW-103: the identity of Aggressive mode tells more than the address', () => {
  const name = { kind: 'fqdn', name: 'branch.example' } as const
  const rehearsal = waiting({ ike: 'v1-aggressive', remoteId: name })
  const id = identityToPayload(name)
  inject(rehearsal, message1(rehearsal, {}, AGGRESSIVE, [id]), { from: STRANGER })
  assert.match(hint(rehearsal)?.evidence ?? '', /shows the identity this tunnel expects/)
})

test('CW-103: the peer sends to another address of ours', () => {
  const rehearsal = waiting()
  const other = ip('198.51.100.8')
  inject(rehearsal, message1(rehearsal), { to: other })
  assert.match(
    hint(rehearsal)?.summary ?? '',
    /sends to our address 198\.51\.100\.8; its tunnel is at 198\.51\.100\.7/,
  )
  assert.equal(hint(rehearsal)?.certainty, 'certain')
})

test('a tunnel that is up hears of no strangers', () => {
  const rehearsal = rehearseUp()
  inject(rehearsal, message1(rehearsal), { from: NEIGHBOUR })
  assert.equal(hint(rehearsal), undefined)
})

test('however many strangers knock, the tunnel hears of it once a minute', () => {
  const rehearsal = waiting()
  for (let i = 0; i < 50; i++) {
    inject(rehearsal, message1(rehearsal, {}, MAIN_MODE, [], i), { from: NEIGHBOUR })
  }
  assert.equal(events(rehearsal, 'b', 'refusal-hinted').length, 1)
  assert.equal(events(rehearsal, 'b', 'dropped').length, 50)
})

/** Side b waits; side a is not there. */
function waiting(ofB: Partial<TunnelConfig> = {}): Rehearsal {
  const { a, b } = sites({}, {}, { ...A_BEGINS, ...ofB })
  return rehearse({ a: configOf(a.gateway.name), b })
}

function message1(
  rehearsal: Rehearsal,
  changes: Partial<TunnelConfig> = {},
  exchangeType = MAIN_MODE,
  more: readonly Payload[] = [],
  n = 1,
): Uint8Array {
  const [tunnel] = rehearsal.gateways.b.config.tunnels
  assert.ok(tunnel !== undefined)
  const offer = offerPhase1(phase1Wish({ ...tunnel, ...changes }, 'initiator'))
  const cookies = cookiesOf(new Uint8Array(8).fill(n + 1), new Uint8Array(8))
  return encodePlain(outgoingHeader(cookies, exchangeType, 0), [offer, ...more])
}

function inject(
  rehearsal: Rehearsal,
  octets: Uint8Array,
  { from = ADDRESS_A, to = ADDRESS_B }: { from?: typeof ADDRESS_A; to?: typeof ADDRESS_B } = {},
): void {
  rehearsal.inject('b', octets, { address: to, port: 500 }, { address: from, port: 500 })
}

function hint(rehearsal: Rehearsal): Failure | undefined {
  return events(rehearsal, 'b', 'refusal-hinted')[0]?.failure
}
