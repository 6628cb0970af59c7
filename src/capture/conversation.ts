import { equalOctets } from '#bytes/equal'
import { toHex } from '#bytes/hex'
import { type Endpoint, formatEndpoint } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import { messageOf } from '#bytes/thrown'
import { ExchangeType } from '#iana/isakmp'
import type { ExchangeName } from '#ike/events'
import { FRAGMENT, FragmentAssembly, joinFragment } from '#ikev1/fragments'
import { FLAG_ENCRYPTION } from '#ikev1/protect'
import { decodeHeader, HEADER_OCTETS, type IkeHeader } from '#wire/ike-header'
import { decodePayloads } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { type Ikev2Content, readIkev2 } from './ikev2-message.ts'
import { MessageOpener } from './message-opener.ts'
import type { Traffic } from './traffic.ts'

/** An IKE message of a capture. */
export type CapturedMessage = {
  readonly frame: number
  readonly at: number
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly fromInitiator: boolean
  readonly header: IkeHeader
  /** As captured, put together from fragments where it came in some. */
  readonly octets: Uint8Array
  readonly encrypted: boolean
  /** Counts how often the same octets had been seen before. */
  readonly repeat: number
  readonly content: MessageContent
}

export type MessageContent =
  | {
      readonly version: 1
      readonly exchange: ExchangeName
      /** Of its exchange: whether the same side began it. */
      readonly role: 'initiator' | 'responder'
      readonly number: number
      /** Absent while it is sealed. */
      readonly payloads?: readonly Payload[]
      /** Why not: in words. */
      readonly sealed?: string
    }
  | ({ readonly version: 2 } & Ikev2Content)
  | { readonly version: 'unknown'; readonly problem: string }

/** All messages with one initiator's SPI. */
export type Conversation = {
  readonly version: 1 | 2 | 'unknown'
  readonly initiatorSpi: string
  /** Zeros until the responder has answered. */
  responderSpi: string
  readonly initiator: Endpoint
  readonly responder: Endpoint
  /** False where the capture began in the middle: who began is then a guess. */
  readonly fromStart: boolean
  readonly messages: CapturedMessage[]
  /** Messages beyond those kept. */
  beyond: number
}

/** Sorts the IKE datagrams of a capture into conversations and opens what keys are known for. Bounded; never throws. */
export class ConversationReader {
  readonly #keys: ReadonlyMap<string, Secret>
  readonly #trackers = new Map<string, Tracker>()
  /** Datagrams that are no IKE message, or too many. */
  damaged = 0
  /** Datagrams that the capture did not keep whole. */
  cut = 0

  /** @param keys cipher keys of phase 1 by the hex of the initiator's cookie, as Wireshark's table has them. */
  constructor(keys: ReadonlyMap<string, Secret> = new Map()) {
    this.#keys = keys
  }

  get conversations(): readonly Conversation[] {
    return [...this.#trackers.values()].map(({ conversation }) => conversation)
  }

  /** @returns the message that is complete with this datagram: none with a fragment while others are missing. */
  take(datagram: Extract<Traffic, { kind: 'ike' }>): CapturedMessage | undefined {
    if (datagram.missing > 0) {
      this.cut++
      return undefined
    }
    let header: IkeHeader
    try {
      header = decodeHeader(datagram.octets)
    } catch {
      this.damaged++
      return undefined
    }
    return this.#trackerFor(header, datagram)?.take(header, datagram)
  }

  #trackerFor(header: IkeHeader, datagram: Extract<Traffic, { kind: 'ike' }>): Tracker | undefined {
    const spi = toHex(header.initiatorSpi)
    const known = this.#trackers.get(spi)
    if (known !== undefined) return known
    if (this.#trackers.size === MOST_CONVERSATIONS) {
      this.damaged++
      return undefined
    }
    const tracker = new Tracker(header, datagram, this.#keys.get(spi))
    this.#trackers.set(spi, tracker)
    return tracker
  }
}

const MOST_CONVERSATIONS = 4_096
const MOST_MESSAGES = 5_000
const MOST_EXCHANGES = 2_000
const FRAGMENTS_REMEMBERED = 8
const FLAG_INITIATOR_V2 = 0x08

type Seen = { readonly first: MessageContent; times: number; lastAt: number }

/** A datagram that passes several interfaces of a router is captured on each; nobody repeats so soon. */
export const SAME_DATAGRAM = 50

type Datagram = Extract<Traffic, { kind: 'ike' }>

class Tracker {
  readonly conversation: Conversation
  readonly #opener: MessageOpener
  readonly #fragments = new FragmentAssembly()
  #fragmentsSeen: readonly { readonly octets: Uint8Array; readonly at: number }[] = []
  /** How often octets were seen, by a short digest of them. */
  readonly #seen = new Map<string, Seen>()
  readonly #exchanges = new Map<string, { readonly fromInitiator: boolean; count: number }>()

  constructor(header: IkeHeader, { source, destination }: Datagram, key: Secret | undefined) {
    const begins = header.responderSpi.every((octet) => octet === 0)
    const answers = !begins && isPhase1Answer(header)
    const [initiator, responder] = answers ? [destination, source] : [source, destination]
    const version =
      header.majorVersion === 1 || header.majorVersion === 2 ? header.majorVersion : 'unknown'
    this.conversation = {
      version,
      initiatorSpi: toHex(header.initiatorSpi),
      responderSpi: toHex(header.responderSpi),
      initiator,
      responder,
      fromStart: begins,
      messages: [],
      beyond: 0,
    }
    this.#opener = new MessageOpener(key)
  }

  take(header: IkeHeader, datagram: Datagram): CapturedMessage | undefined {
    const { conversation } = this
    if (conversation.messages.length === MOST_MESSAGES) {
      conversation.beyond++
      return undefined
    }
    const { version } = conversation
    if (version === 1 && header.nextPayload === FRAGMENT) return this.#fragment(header, datagram)
    return this.#message(header, datagram, datagram.octets)
  }

  #fragment(header: IkeHeader, datagram: Datagram): CapturedMessage | undefined {
    const { octets, at } = datagram
    const again = this.#fragmentsSeen.find((one) => equalOctets(one.octets, octets))
    if (again !== undefined && at - again.at < SAME_DATAGRAM) return undefined
    this.#fragmentsSeen = [...this.#fragmentsSeen.slice(1 - FRAGMENTS_REMEMBERED), { octets, at }]
    try {
      const { source, destination } = datagram
      const ends = { octets, local: destination, remote: source }
      const whole = joinFragment(this.#fragments, ends, header, datagram.at)
      return whole && this.#message(whole[1], datagram, whole[0].octets)
    } catch {
      return undefined
    }
  }

  #message(header: IkeHeader, datagram: Datagram, octets: Uint8Array): CapturedMessage | undefined {
    const { frame, at, source, destination } = datagram
    const { conversation } = this
    if (header.responderSpi.some((octet) => octet !== 0))
      conversation.responderSpi = toHex(header.responderSpi)
    const fromInitiator = this.#isFromInitiator(header, datagram)
    const encrypted = header.majorVersion === 1 && (header.flags & FLAG_ENCRYPTION) !== 0
    const digest = `${fromInitiator} ${toHex(octets.subarray(0, 64))} ${toHex(octets.subarray(-32))} ${octets.length}`
    const before = this.#seen.get(digest)
    if (before !== undefined) {
      const again = at - before.lastAt
      before.lastAt = at
      if (again < SAME_DATAGRAM) return undefined
      before.times++
    }
    const content = before?.first ?? this.#contentOf(header, octets, fromInitiator, encrypted)
    if (before === undefined) this.#seen.set(digest, { first: content, times: 0, lastAt: at })
    const repeat = before?.times ?? 0
    const message = {
      ...{ frame, at, source, destination, fromInitiator, header, octets, encrypted, repeat },
      content,
    }
    conversation.messages.push(message)
    return message
  }

  /** By address; between two ports of one address, by port; in IKEv2 the header says it (RFC 7296 §3.1). */
  #isFromInitiator(header: IkeHeader, { source, destination }: Datagram): boolean {
    if (header.majorVersion === 2) return (header.flags & FLAG_INITIATOR_V2) !== 0
    const { initiator, responder } = this.conversation
    if (source.address !== destination.address) {
      // A NAT may show another address of one of them, but the other stays.
      return source.address === initiator.address || destination.address === responder.address
    }
    return formatEndpoint(source) === formatEndpoint(initiator)
  }

  #contentOf(
    header: IkeHeader,
    octets: Uint8Array,
    fromInitiator: boolean,
    encrypted: boolean,
  ): MessageContent {
    if (header.majorVersion === 2) return { version: 2, ...readIkev2(header, octets) }
    if (header.majorVersion !== 1)
      return {
        version: 'unknown',
        problem: `version ${header.majorVersion}.${header.minorVersion}`,
      }
    const exchange = EXCHANGES.get(header.exchangeType) ?? 'informational'
    const opened = encrypted
      ? this.#opener.open(exchange, header, octets)
      : this.#clear(header, octets, exchange, fromInitiator)
    const place = this.#placeOf(exchange, header, fromInitiator, encrypted, opened.payloads)
    return { version: 1, exchange, ...place, ...opened }
  }

  #clear(
    header: IkeHeader,
    octets: Uint8Array,
    exchange: ExchangeName,
    fromInitiator: boolean,
  ): { payloads?: readonly Payload[]; sealed?: string } {
    try {
      const placed = decodePayloads(
        header.nextPayload,
        octets.subarray(0, header.length),
        HEADER_OCTETS,
      )
      const payloads = placed.payloads.map(({ payload }) => payload)
      this.#opener.learn(exchange, payloads, fromInitiator)
      return { payloads }
    } catch (error) {
      return { sealed: `malformed: ${messageOf(error)}` }
    }
  }

  /** In phase 1 what a message holds tells its number, also where earlier ones are missing; else they are counted. */
  #placeOf(
    exchange: ExchangeName,
    { messageId }: IkeHeader,
    fromInitiator: boolean,
    encrypted: boolean,
    payloads: readonly Payload[] = [],
  ): { role: 'initiator' | 'responder'; number: number } {
    const has = (type: Payload['type']) => payloads.some((payload) => payload.type === type)
    if (exchange === 'main') {
      const step = encrypted ? 2 : has('SA') ? 0 : 1
      return { role: 'initiator', number: 2 * step + (fromInitiator ? 1 : 2) }
    }
    if (exchange === 'aggressive') {
      const number = fromInitiator ? (has('SA') ? 1 : 3) : 2
      return { role: 'initiator', number }
    }
    const key = `${exchange} ${messageId}`
    let known = this.#exchanges.get(key)
    if (known === undefined) {
      known = { fromInitiator, count: 0 }
      if (this.#exchanges.size < MOST_EXCHANGES) this.#exchanges.set(key, known)
    }
    known.count++
    return { role: known.fromInitiator ? 'initiator' : 'responder', number: known.count }
  }
}

const EXCHANGES: ReadonlyMap<number, ExchangeName> = new Map<number, ExchangeName>([
  [ExchangeType.number('IDENTITY-PROTECTION'), 'main'],
  [ExchangeType.number('AGGRESSIVE'), 'aggressive'],
  [ExchangeType.number('QUICK-MODE'), 'quick'],
  [ExchangeType.number('INFORMATIONAL'), 'informational'],
  [ExchangeType.number('TRANSACTION'), 'transaction'],
])

/** The responder's cookie stands in a message that offers an SA: so it is the answer. */
function isPhase1Answer({ majorVersion, exchangeType, nextPayload, flags }: IkeHeader): boolean {
  if (majorVersion === 2) return (flags & FLAG_INITIATOR_V2) === 0
  const phase1 =
    EXCHANGES.get(exchangeType) === 'main' || EXCHANGES.get(exchangeType) === 'aggressive'
  return phase1 && nextPayload === 1
}
