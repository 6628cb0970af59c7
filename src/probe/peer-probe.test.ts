import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '#bytes/concat'
import { ip } from '#bytes/ip'
import { nodeCrypto } from '#crypto/node'
import { nodeKeyAgreement } from '#crypto/node-key-agreement'
import { ExchangeType } from '#iana/isakmp'
import { phase1Notify } from '#ikev1/notify'
import { encodePlain } from '#ikev1/protect'
import { decodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { decodePayloads } from '#wire/v1/message'
import type { Payload, SaPayload, Transform } from '#wire/v1/payloads'
import { vendorIdOctets } from '#wire/v1/vendor-id'
import { MOST_QUESTIONS, PACE, PeerProbe, type ProbeFindings } from './peer-probe.ts'
import { PROBED_SUITES, suiteName } from './phase1-suites.ts'

/** What a responder does; the clock is a number. */
type Habits = {
  readonly accepts?: readonly string[]
  readonly methods?: readonly number[]
  readonly refuses?: 'notification' | 'silence'
  /** Answers only so many messages of Main mode that it would take, while those before are half open. */
  readonly halfOpen?: number
  /** Forgets an exchange when it is told goodbye. */
  readonly hearsGoodbye?: boolean
  /** Loses every message with this place in the order sent, from 1. */
  readonly loses?: readonly number[]
  /** Refuses IKEv2 with NO_PROPOSAL_CHOSEN. */
  readonly refusesV2?: boolean
  readonly speaks?: 'nothing' | 'v1' | 'v2'
}

test('finds what a peer accepts, its vendor and how it refuses', () => {
  const { findings } = probe({ accepts: ['aes256-sha256-group14', 'aes128-sha1-group2'] })
  const [main] = findings.main
  assert.deepEqual(main?.accepted.map(suiteName), ['aes256-sha256-group14', 'aes128-sha1-group2'])
  assert.equal(main?.refusesBy, 'notification')
  assert.deepEqual(main?.notifies, [14])
  assert.equal(main?.unknown, 0)
  assert.equal(findings.vendorIds.length, 1)
  assert.deepEqual(findings.methods, ['pre-shared key'])
})

test('never sends more than it says, nor faster', () => {
  for (const habits of [
    {},
    { speaks: 'nothing' },
    { accepts: [...PROBED_SUITES.map(suiteName)] },
    { accepts: [...PROBED_SUITES.map(suiteName)], refuses: 'silence', loses: [2, 3, 5, 7, 11] },
  ] as const) {
    const { findings, sent, ended } = probe(habits)
    const questions = sent.filter(({ isGoodbye }) => !isGoodbye)
    assert.ok(questions.length <= MOST_QUESTIONS, `${questions.length}`)
    assert.equal(questions.length, findings.questions)
    assert.ok(sent.every(({ at }, i) => i === 0 || at - (sent[i - 1]?.at ?? 0) >= PACE))
    assert.ok(sent.every(({ octets }) => octets.length <= 1_400))
    assert.ok(ended < 60_000)
  }
})

test('says goodbye to every exchange the peer took', () => {
  const { sent, taken } = probe({ accepts: ['aes256-sha256-group14', '3des-sha1-group2'] })
  const goodbyes = sent.filter(({ isGoodbye }) => isGoodbye)
  assert.ok(taken >= 2)
  assert.equal(goodbyes.length, taken)
})

test('a peer that says nothing is silent, to few questions', () => {
  const { findings, ended } = probe({ speaks: 'nothing' })
  assert.equal(findings.heard, false)
  assert.equal(findings.saInit?.kind, 'silent')
  assert.ok(ended < 12_000, `${ended}`)
})

test('a peer that refuses by silence is found out by what it does answer', () => {
  const { findings } = probe({ accepts: ['3des-md5-group2'], refuses: 'silence' })
  const [main] = findings.main
  assert.deepEqual(main?.accepted.map(suiteName), ['3des-md5-group2'])
  assert.equal(main?.refusesBy, 'silence')
  assert.equal(main?.fellSilent, false)
})

test('a peer that has enough of us is not taken for one that refuses', () => {
  const accepts = PROBED_SUITES.map(suiteName).filter((name) => name.startsWith('aes'))
  const { findings } = probe({ accepts, halfOpen: 5 })
  assert.equal(findings.main[0]?.fellSilent, true)
  assert.ok((findings.main[0]?.unknown ?? 0) > 0)
  const friendly = probe({ accepts, halfOpen: 5, hearsGoodbye: true })
  assert.equal(friendly.findings.main[0]?.fellSilent, false)
  assert.equal(friendly.findings.main[0]?.unknown, 0)
})

test('a lost question is asked again', () => {
  const { findings } = probe({ accepts: ['aes256-sha256-group14'], loses: [1, 3, 5] })
  assert.deepEqual(findings.main[0]?.accepted.map(suiteName), ['aes256-sha256-group14'])
  assert.equal(findings.main[0]?.unknown, 0)
})

test('where no pre-shared key is accepted, certificates are asked for', () => {
  const { findings } = probe({ accepts: ['aes256-sha256-group14'], methods: [3] })
  assert.deepEqual(
    findings.main.map(({ method, accepted }) => [method, accepted.length]),
    [
      ['pre-shared key', 0],
      ['RSA signatures', 1],
    ],
  )
  assert.deepEqual(findings.methods, ['RSA signatures'])
})

test('a peer that answers IKEv2 and says nothing to a pre-shared key is asked for certificates too', () => {
  const { findings } = probe({
    accepts: ['aes256-sha256-group14'],
    methods: [3],
    refuses: 'silence',
    refusesV2: true,
  })
  assert.deepEqual(findings.main[1]?.accepted.map(suiteName), ['aes256-sha256-group14'])
})

test('a peer that takes every method in message 1 tells nothing by it', () => {
  const { findings } = probe({ accepts: ['aes256-sha256-group14'], methods: [1, 2, 3, 65001] })
  assert.equal(findings.methods, 'not-told')
})

test('a peer of IKEv2 alone is told by its answer', () => {
  const { findings } = probe({ speaks: 'v2' })
  assert.equal(findings.main[0]?.otherVersion, true)
  assert.equal(findings.main.length, 1)
})

test('ICMP errors alone end it at once, with who reported them', () => {
  const peer = new PeerProbe(parts())
  peer.poll(0)
  const icmp = { icmpType: 3, icmpCode: 3, reporter: ip('198.51.100.7') }
  peer.unreachable(icmp)
  assert.equal(peer.done, false)
  peer.unreachable(icmp)
  assert.equal(peer.done, true)
  assert.deepEqual(peer.findings().icmp, icmp)
})

test('Aggressive mode is asked for only where it is wanted', () => {
  const exchanges = (options: Partial<ConstructorParameters<typeof PeerProbe>[0]>) =>
    new Set(
      probe({ accepts: ['aes256-sha256-group14'] }, options).sent.map(
        ({ octets }) => decodeHeader(octets).exchangeType,
      ),
    )
  const aggressive = ExchangeType.number('AGGRESSIVE')
  assert.ok(!exchanges({}).has(aggressive))
  const identity = { kind: 'address', address: ip('203.0.113.10') } as const
  assert.ok(exchanges({ aggressive: identity }).has(aggressive))
})

function parts() {
  return {
    random: (octets: number) => nodeCrypto.random(octets),
    keyAgreement: nodeKeyAgreement,
  }
}

type Sent = { readonly at: number; readonly octets: Uint8Array; readonly isGoodbye: boolean }

/** Plays a probe to its end against a responder with these habits; an answer takes 20 ms. */
function probe(
  habits: Habits,
  options: Partial<ConstructorParameters<typeof PeerProbe>[0]> = {},
): { findings: ProbeFindings; sent: readonly Sent[]; ended: number; taken: number } {
  const peer = new PeerProbe({ ...parts(), ...options })
  const responder = new Responder(habits)
  const sent: Sent[] = []
  let coming: { readonly at: number; readonly octets: Uint8Array }[] = []
  let now = 0
  while (!peer.done) {
    const octets = peer.poll(now)
    if (octets !== undefined) {
      const isGoodbye = decodeHeader(octets).exchangeType === 5
      sent.push({ at: now, octets, isGoodbye })
      const answer = habits.loses?.includes(sent.length) ? undefined : responder.answer(octets)
      if (answer !== undefined) coming.push({ at: now + 20, octets: answer })
    }
    const next = Math.min(peer.deadline(now), ...coming.map(({ at }) => at))
    now = Math.max(next, now + 1)
    for (const { at, octets: arrived } of coming) if (at <= now) peer.take(arrived, now)
    coming = coming.filter(({ at }) => at > now)
  }
  return { findings: peer.findings(), sent, ended: now, taken: responder.taken }
}

class Responder {
  taken = 0
  readonly #habits: Habits
  #open = 0

  constructor(habits: Habits) {
    this.#habits = habits
  }

  answer(octets: Uint8Array): Uint8Array | undefined {
    const { accepts = [], methods = [1], refuses = 'notification', speaks = 'v1' } = this.#habits
    const header = decodeHeader(octets)
    if (this.#habits.refusesV2 === true && header.majorVersion === 2) return refusal(octets)
    if (speaks === 'nothing' || (header.majorVersion === 2 && speaks === 'v1')) return undefined
    if (header.exchangeType === 5) {
      if (this.#habits.hearsGoodbye === true) this.#open--
      return undefined
    }
    if (speaks === 'v2') return otherVersion(octets)
    if (header.exchangeType !== 2 || this.#open >= (this.#habits.halfOpen ?? 1_000))
      return undefined
    const { payloads } = decodePayloads(header.nextPayload, octets, HEADER_OCTETS)
    const sa = payloads.map(({ payload }) => payload).find(({ type }) => type === 'SA') as SaPayload
    const [proposal] = sa.proposals
    const chosen = proposal?.transforms.find(
      (one) => accepts.includes(nameOf(one)) && methods.includes(numberIn(one, 3)),
    )
    if (proposal === undefined || chosen === undefined) {
      if (refuses === 'silence') return undefined
      return reply(header.initiatorSpi, 'INFORMATIONAL', [
        phase1Notify('NO-PROPOSAL-CHOSEN', concat(header.initiatorSpi, new Uint8Array(8))),
      ])
    }
    this.taken++
    this.#open++
    return reply(header.initiatorSpi, 'IDENTITY-PROTECTION', [
      { ...sa, proposals: [{ ...proposal, transforms: [chosen] }] },
      { type: 'VID', data: vendorIdOctets('dpd') },
    ])
  }
}

function reply(
  cookie: Uint8Array,
  exchange: 'IDENTITY-PROTECTION' | 'INFORMATIONAL',
  payloads: readonly Payload[],
): Uint8Array {
  const header = {
    initiatorSpi: cookie,
    responderSpi: new Uint8Array(8).fill(7),
    exchangeType: ExchangeType.number(exchange),
    messageId: exchange === 'INFORMATIONAL' ? 5 : 0,
  }
  return encodePlain(header, payloads)
}

/** The header sent back as one of IKEv2. */
function otherVersion(octets: Uint8Array): Uint8Array {
  const header = octets.slice(0, HEADER_OCTETS)
  header[17] = 0x20
  new DataView(header.buffer).setUint32(24, HEADER_OCTETS)
  return header
}

/** A response of IKE_SA_INIT with nothing but a notification. */
function refusal(octets: Uint8Array): Uint8Array {
  const message = Uint8Array.of(...octets.slice(0, HEADER_OCTETS), 0, 0, 0, 8, 0, 0, 0, 14)
  message[16] = 41
  message[19] = 0x20
  new DataView(message.buffer).setUint32(24, message.length)
  return message
}

function nameOf(transform: Transform): string {
  const suite = PROBED_SUITES.find(
    ({ encryption, hash, group }) =>
      encryption.number === numberIn(transform, 1) &&
      (encryption.keyBits ?? 0) === numberIn(transform, 14) &&
      hash.number === numberIn(transform, 2) &&
      group.number === numberIn(transform, 4),
  )
  return suite === undefined ? '' : suiteName(suite)
}

function numberIn({ attributes }: Transform, type: number): number {
  const found = attributes.find((one) => one.type === type)
  return found?.form === 'short' ? found.value : 0
}
