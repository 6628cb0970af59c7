import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import type { TunnelConfig, Xauth } from '#config/config'
import { AuthenticationMethod, Phase1Attribute } from '#iana/ikev1'
import { ExchangeType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { every } from '#ike/message-rules'
import { findNumber } from '#ikev1/attributes'
import { decodeClear, plainOf } from '#ikev1/clear-message'
import { phase1Notify } from '#ikev1/notify'
import { encodePlain, outgoingHeader } from '#ikev1/protect'
import { cookiesOf } from '#ikev1/step'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import type { SaPayload, Transform } from '#wire/v1/payloads'
import { events, prepare, rehearse, snapshot } from '../support/exchange.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const SUITE = { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' } as const
const lifetime = { seconds: 28_800 }

test('CW-201: an initiator that is refused finds out what the peer would take', () => {
  const rehearsal = differing({ ...SUITE, hash: 'sha1', keyExchange: 'modp1024' })
  rehearsal.runFor(2_000)
  const hints = events(rehearsal, 'a', 'refusal-hinted')
  assert.equal(hints[0]?.failure.theirs, 'not told by the peer')
  const { code, summary, theirs, certainty } = lastOf(hints).failure
  assert.deepEqual([code, theirs, certainty], ['CW-201', 'aes256-sha1-group2', 'very likely'])
  assert.match(summary, /the nearest two differ in hash and DH group/)
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas, [])
})

test('CW-202: only the group differs, and the initiator finds that out', () => {
  const rehearsal = differing({ ...SUITE, keyExchange: 'modp1536' })
  rehearsal.runFor(2_000)
  const { code, summary } = lastOf(events(rehearsal, 'a', 'refusal-hinted')).failure
  assert.equal(code, 'CW-202')
  assert.match(summary, /has Diffie-Hellman group5, we require group14/)
})

test('CW-102: a peer that ignores our proposal answers others', () => {
  const rehearsal = differing({ ...SUITE, keyExchange: 'modp1536' }, WITHOUT_NOTIFIES)
  rehearsal.runFor(40_000)
  const failure = failureOf(rehearsal)
  assert.equal(failure.code, 'CW-102')
  assert.match(
    failure.summary,
    /answers other proposals than ours: it takes aes256-sha256-group5 and ignores aes256-sha256-group14/,
  )
})

test('a peer that is silent whatever it is asked stays CW-101', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  rehearsal.network.conditions = { ...rehearsal.network.conditions, partitioned: true }
  rehearsal.runFor(40_000)
  assert.equal(failureOf(rehearsal).code, 'CW-101')
})

test('CW-205: the peer takes our algorithms with a shorter lifetime only', () => {
  const rehearsal = prepare(sites({}, {}, A_BEGINS))
  let refused = 0
  rehearsal.intercept = (sent) => {
    const { side, octets, local, remote } = sent
    if (side !== 'a' || octets.length > 1_000 || !isFirstMessage(octets)) return octets
    refused++
    rehearsal.at(rehearsal.now + 10, () => rehearsal.inject('a', refusalOf(octets), local, remote))
    return undefined
  }
  rehearsal.start()
  rehearsal.runFor(40_000)
  assert.ok(refused > 0)
  const failure = failureOf(rehearsal)
  assert.equal(failure.code, 'CW-205')
  assert.match(
    failure.summary,
    /refuses our phase 1 lifetime of 8h: with 1h it takes aes256-sha256/,
  )
})

test('CW-103: a peer that refuses whatever is offered has no tunnel for us', () => {
  const rehearsal = rehearse(sites({}, {}, { ...A_BEGINS, phase1: ODD }))
  rehearsal.runFor(40_000)
  const failure = failureOf(rehearsal)
  assert.equal(failure.code, 'CW-103')
  assert.equal(failure.certainty, 'possible')
  assert.match(failure.forPeer ?? '', /Is there a tunnel for our address 203\.0\.113\.10/)
})

test('CW-204: a peer that wants a user name and password besides takes none of our sets without', () => {
  const xauth: Xauth = {
    role: 'server',
    users: [{ user: 'branch-7', password: new Secret(Uint8Array.of(1)) }],
  }
  const rehearsal = rehearse(sites({}, {}, { ...A_BEGINS, xauth }))
  rehearsal.runFor(40_000)
  const { code, theirs } = failureOf(rehearsal)
  assert.deepEqual([code, theirs], ['CW-204', 'pre-shared key and XAUTH, to have us log in there'])
})

test('algorithms that few are set to are found by a second question, before a peer is said to have no tunnel for us', () => {
  const found = (ofB: TunnelConfig['phase1']['suites'][number]) => {
    const rehearsal = differing(ofB)
    rehearsal.runFor(2_000)
    const { code, theirs } = lastOf(events(rehearsal, 'a', 'refusal-hinted')).failure
    return [code, theirs]
  }
  assert.deepEqual(found({ ...SUITE, encryption: 'aes192-cbc' }), [
    'CW-203',
    'aes192-sha256-group14',
  ])
  assert.deepEqual(found({ ...SUITE, hash: 'md5' }), ['CW-201', 'aes256-md5-group14'])
  assert.deepEqual(found({ ...SUITE, keyExchange: 'modp4096' }), [
    'CW-202',
    'aes256-sha256-group16',
  ])
})

test('both questions fit a datagram', () => {
  const rehearsal = rehearse(sites({}, {}, { ...A_BEGINS, phase1: ODD }))
  rehearsal.runFor(10_000)
  const questions = rehearsal.sent.filter(
    ({ side, octets }) => side === 'a' && isFirstMessage(octets) && octets.length > 1_000,
  )
  assert.equal(questions.length, 2)
  for (const { octets } of questions) assert.ok(octets.length <= 1_472, `${octets.length} octets`)
})

test('CW-102: of a tunnel in Aggressive mode, too, what the peer takes is told first, and the mode as another cause', () => {
  const phase1 = { suites: [{ ...SUITE, keyExchange: 'modp1024' } as const], lifetime }
  const rehearsal = rehearse(
    sites({ ike: 'v1-aggressive' }, {}, { ...A_BEGINS, ike: 'v1-main', phase1 }),
  )
  rehearsal.runFor(40_000)
  assert.equal(failureOf(rehearsal).code, 'CW-102')
  assert.equal(failureOf(rehearsal).theirs, 'aes256-sha256-group2')
  assert.match(failureOf(rehearsal).otherCauses?.join() ?? '', /takes Main mode only/)
})

test('CW-104: UDP 4500 that answers other messages is not what swallows message 5', () => {
  const rehearsal = prepare(sites({ encapsulation: 'force' }, {}, A_BEGINS))
  // A peer that finds our key wrong and says nothing of it.
  rehearsal.intercept = ({ side, remote, octets }) =>
    side === 'a' && remote.port === 4_500 && isEncrypted(octets) ? undefined : octets
  rehearsal.start()
  rehearsal.runFor(40_000)
  const failure = failureOf(rehearsal)
  assert.equal(failure.code, 'CW-301')
  assert.match(failure.evidence, /answers other messages on UDP 4500/)
})

test('a second look is one message for each negotiation, and leads to no SA', () => {
  const rehearsal = differing({ ...SUITE, keyExchange: 'modp1536' })
  rehearsal.runFor(30_000)
  const firsts = rehearsal.sent.filter(
    ({ side, octets }) => side === 'a' && isFirstMessage(octets) && octets.length > 1_000,
  )
  assert.equal(firsts.length, 1)
  assert.ok((firsts[0]?.octets.length ?? 0) <= 1_472, `${firsts[0]?.octets.length} octets`)
  rehearsal.runFor(60_000)
  for (const side of ['a', 'b'] as const) assert.deepEqual(snapshot(rehearsal, side).ikeSas, [])
})

for (const [notify, said] of [
  [14, /that it has none for us/],
  [5, /that it does not speak it/],
] as const) {
  test(`CW-103: a peer that ignores IKEv1 and answers IKEv2 with notify ${notify} is there: UDP 500 passes`, () => {
    const rehearsal = withIkev2Answer((question) => ikev2Notify(question, notify))
    rehearsal.runFor(40_000)
    const failure = failureOf(rehearsal)
    assert.equal(failure.code, 'CW-103')
    assert.match(
      failure.summary,
      /runs IKE and ignores ours: .* in Main mode with a pre-shared key/,
    )
    assert.match(failure.evidence, said)
  })
}

test('nobody is asked for another proof while nothing shows that its answers reach us', () => {
  const rehearsal = prepare(sites({ probeV2: true }, {}, A_BEGINS))
  rehearsal.intercept = ({ side, octets }) => (side === 'a' ? octets : undefined)
  rehearsal.start()
  rehearsal.runFor(40_000)
  const codes = events(rehearsal, 'b', 'negotiation-failed').map(({ failure }) => failure.code)
  assert.deepEqual(new Set(codes), new Set(['CW-101']))
})

test('CW-102: a peer that would take the other proof as well is asked for other algorithms, not for that', () => {
  const rehearsal = prepare(sites({ probeV2: true }, {}, A_BEGINS))
  const answer = (octets: Uint8Array) => {
    const [offer] = every(plainOf(decodeClear({ octets }, decodeHeader(octets))), 'SA')
    const [proposal] = offer?.proposals ?? []
    const transform = proposal?.transforms.at(-1)
    if (offer === undefined || proposal === undefined || transform === undefined) return undefined
    // Not our own offer, of one set; of the wide one the last set with our method but one.
    if (proposal.transforms.length === 1) return undefined
    const ours = proposal.transforms.filter((one) => methodOf(one) !== RSA)
    const chosen = ours.at(-2) ?? transform
    const cookies = cookiesOf(decodeHeader(octets).initiatorSpi, new Uint8Array(8).fill(5))
    const header = outgoingHeader(cookies, ExchangeType.number('IDENTITY-PROTECTION'), 0)
    const proposals = [{ ...proposal, transforms: [chosen] }] as SaPayload['proposals']
    return encodePlain(header, [{ ...offer, proposals }])
  }
  rehearsal.intercept = ({ side, octets, local, remote }) => {
    if (side !== 'a') return undefined
    const isV2 = decodeHeader(octets).majorVersion === 2
    const back = isV2 ? ikev2Notify(octets, 14) : answer(octets)
    const after = isV2 ? 5 : 10
    if (back !== undefined)
      rehearsal.at(rehearsal.now + after, () => rehearsal.inject('a', back, local, remote))
    return undefined
  }
  rehearsal.start()
  rehearsal.runFor(40_000)
  assert.equal(failureOf(rehearsal).code, 'CW-102')
})

test('CW-204: a peer that ignores an offer unless each of its sets needs a proof it has', () => {
  const rehearsal = prepare(sites({ probeV2: true }, {}, A_BEGINS))
  const ignores = ({ proposals }: SaPayload) =>
    proposals[0]?.transforms.some((transform) => methodOf(transform) !== RSA)
  rehearsal.intercept = ({ side, octets, local, remote }) => {
    if (side !== 'a') return undefined
    if (decodeHeader(octets).majorVersion === 2) {
      const refusal = ikev2Notify(octets, 14)
      rehearsal.at(rehearsal.now + 10, () => rehearsal.inject('a', refusal, local, remote))
      return undefined
    }
    const [offer] = every(plainOf(decodeClear({ octets }, decodeHeader(octets))), 'SA')
    const [transform] = offer?.proposals[0]?.transforms ?? []
    if (offer === undefined || transform === undefined || ignores(offer)) return undefined
    const chosen = [{ ...offer.proposals[0], transforms: [transform] }] as SaPayload['proposals']
    const cookies = cookiesOf(decodeHeader(octets).initiatorSpi, new Uint8Array(8).fill(5))
    const header = outgoingHeader(cookies, ExchangeType.number('IDENTITY-PROTECTION'), 0)
    const answer = encodePlain(header, [{ ...offer, proposals: chosen }])
    rehearsal.at(rehearsal.now + 10, () => rehearsal.inject('a', answer, local, remote))
    return undefined
  }
  rehearsal.start()
  rehearsal.runFor(40_000)
  assert.equal(failureOf(rehearsal).code, 'CW-204')
  assert.equal(failureOf(rehearsal).theirs, 'RSA signatures')
})

test('CW-103: in Aggressive mode such a peer may also expect another identity, which is in message 1', () => {
  const causes = (ike: TunnelConfig['ike']) => {
    const rehearsal = withIkev2Answer((question) => ikev2Notify(question, 14), { ike })
    rehearsal.runFor(40_000)
    return failureOf(rehearsal).otherCauses?.join() ?? ''
  }
  assert.match(causes('v1-aggressive'), /expects another identity of us than 203\.0\.113\.10/)
  assert.doesNotMatch(causes('v1-main'), /another identity/)
})

/** Side b ignores IKEv1 and answers the first message of IKEv2. */
function withIkev2Answer(
  answer: (question: Uint8Array) => Uint8Array,
  changes: Partial<TunnelConfig> = {},
): Rehearsal {
  const rehearsal = prepare(sites({ probeV2: true, ...changes }, {}, A_BEGINS))
  rehearsal.intercept = ({ side, octets, local, remote }) => {
    if (side === 'a' && decodeHeader(octets).majorVersion === 2)
      rehearsal.at(rehearsal.now + 10, () => rehearsal.inject('a', answer(octets), local, remote))
    return undefined
  }
  rehearsal.start()
  return rehearsal
}

/** An IKE_SA_INIT response that carries nothing but this notify (RFC 7296 §2.21.1). */
function ikev2Notify(question: Uint8Array, type: number): Uint8Array {
  const { initiatorSpi } = decodeHeader(question)
  const header = [41, 0x20, 34, 0x20, 0, 0, 0, 0, 0, 0, 0, 36]
  return Uint8Array.of(...initiatorSpi, ...new Uint8Array(8), ...header, 0, 0, 0, 8, 0, 0, 0, type)
}

function methodOf({ attributes }: Transform): number | undefined {
  return findNumber(attributes, Phase1Attribute.number('Authentication Method'))
}

const RSA = AuthenticationMethod.number('RSA signatures')

const ODD = {
  suites: [{ encryption: 'aes192-cbc', hash: 'md5', keyExchange: 'modp8192' }],
  lifetime,
} as const

/** Lets no Informational message of side b pass. */
const WITHOUT_NOTIFIES = (rehearsal: Rehearsal) => {
  rehearsal.intercept = ({ side, octets }) =>
    side === 'b' && decodeHeader(octets).exchangeType === ExchangeType.number('INFORMATIONAL')
      ? undefined
      : octets
}

function differing(
  ofB: TunnelConfig['phase1']['suites'][number],
  disturb: (rehearsal: Rehearsal) => void = () => {},
): Rehearsal {
  const rehearsal = prepare(
    sites(
      {},
      { phase1: { suites: [SUITE], lifetime } },
      { ...A_BEGINS, phase1: { suites: [ofB], lifetime } },
    ),
  )
  disturb(rehearsal)
  rehearsal.start()
  return rehearsal
}

function failureOf(rehearsal: Rehearsal): Failure {
  const [failed] = events(rehearsal, 'a', 'negotiation-failed')
  assert.ok(failed !== undefined)
  return failed.failure
}

function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1)
  assert.ok(last !== undefined)
  return last
}

/** What a strict peer says to a lifetime it finds too long. */
function refusalOf(message1: Uint8Array): Uint8Array {
  const cookies = cookiesOf(decodeHeader(message1).initiatorSpi.slice(), new Uint8Array(8).fill(5))
  const header = outgoingHeader(cookies, ExchangeType.number('INFORMATIONAL'), 77)
  return encodePlain(header, [phase1Notify('NO-PROPOSAL-CHOSEN', new Uint8Array(0))])
}

function isEncrypted(octets: Uint8Array): boolean {
  return (decodeHeader(octets).flags & 1) !== 0
}

function isFirstMessage(octets: Uint8Array): boolean {
  return decodeHeader(octets).responderSpi.every((octet) => octet === 0)
}
