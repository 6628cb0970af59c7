import { toHex } from '#bytes/hex'
import type { Endpoint } from '#bytes/ip'
import type { Instant } from '#ike/effects'
import {
  firstTransmission,
  type Patience,
  patienceWith,
  type Retransmission,
  retransmitted,
  TOLD_AT_REPEAT,
} from '#ike/retransmission'
import type { Datagram, Ends, IkeContext } from '#ike/version'
import type { PlacedPayload } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { plainOf } from './clear-message.ts'
import type { PeerEnds } from './peer-ends.ts'
import { isEncrypted } from './protect.ts'
import type { Unanswered } from './silence-failures.ts'
import type { Cookies } from './step.ts'
import { exchangeOf } from './transitions/phase1-exchanges.ts'
import type { TunnelChoice } from './tunnel-choice.ts'

/** A message of phase 1 and its place: 1 to 6 in Main mode, 1 to 3 in Aggressive mode, always 1 in an Informational exchange. */
export type Phase1Message = {
  readonly exchange: 'main' | 'aggressive' | 'informational'
  readonly number: number
  readonly payloads: readonly Payload[]
  readonly encrypted: boolean
}

/** Sends the messages of phase 1, repeats the last one, and tells of all that go and come. */
export class Phase1Sender {
  readonly #choice: TunnelChoice
  readonly #role: 'initiator' | 'responder'
  readonly #path: PeerEnds
  #last: { readonly octets: Uint8Array; readonly message: Phase1Message } | undefined
  #retransmission: Retransmission | undefined

  constructor(choice: TunnelChoice, role: 'initiator' | 'responder', path: PeerEnds) {
    this.#choice = choice
    this.#path = path
    this.#role = role
  }

  /** Number of the last message sent; 1 before any. */
  get lastNumber(): number {
    return this.#last?.message.number ?? 1
  }

  get remote(): Endpoint {
    return this.#path.remote
  }

  /** How often it was sent after the first time. */
  get repeats(): number {
    return this.#retransmission?.repeats ?? 0
  }

  /** How the last message was sent that nobody answers. */
  get manner(): Pick<Unanswered, 'message' | 'octets' | 'udp' | 'cutByIp' | 'natAtPeer'> {
    const octets = this.#last?.octets.length ?? 0
    const { udp, canFragment, nat } = this.#path
    const cutByIp = octets > UNCUT_OCTETS && !canFragment
    return { message: this.lastNumber, octets, udp, cutByIp, natAtPeer: nat.remote }
  }

  /** How long the answer to the last message has been waited for. */
  patience(now: Instant): Patience {
    return patienceWith(this.#retransmission ?? { repeats: 0, firstAt: now, nextAt: now }, now)
  }

  /** It was sent again, and not only once. */
  get isOverdue(): boolean {
    return this.repeats >= TOLD_AT_REPEAT
  }

  get lastExchange(): Phase1Message['exchange'] | undefined {
    return this.#last?.message.exchange
  }

  get nextAt(): Instant | undefined {
    return this.#retransmission?.nextAt
  }

  /** Only the initiator repeats itself: a responder that did could be turned on a third party (CVE-2016-5361). */
  send(
    message: Phase1Message,
    octets: Uint8Array,
    ends: Ends,
    cookies: Cookies,
    context: IkeContext,
  ): void {
    this.#last = { message, octets }
    if (this.#role === 'initiator') this.#retransmission = firstTransmission(octets, context.now)
    this.#transmit(0, ends, cookies, context)
  }

  /** The answer came, or nobody waits for one. */
  stop(): void {
    this.#retransmission = undefined
  }

  /** A responder's answer to a repeated message. */
  sendAgain(ends: Ends, cookies: Cookies, context: IkeContext): void {
    this.#transmit(1, ends, cookies, context)
  }

  /** @returns `'exhausted'` when the last message was sent as often as it may be. */
  retransmit(ends: Ends, cookies: Cookies, context: IkeContext): 'sent' | 'exhausted' {
    if (this.#retransmission === undefined) return 'exhausted'
    const next = retransmitted(this.#retransmission, context.now)
    if (next === 'exhausted') return 'exhausted'
    this.#retransmission = next
    this.#transmit(next.repeats, ends, cookies, context)
    return 'sent'
  }

  tellReceived(
    message: Phase1Message,
    datagram: Datagram,
    cookies: Cookies,
    context: IkeContext,
  ): void {
    this.#tell('received', message, datagram, 0, cookies, context)
  }

  /** A message of phase 1 itself; the header says whether it was encrypted. */
  tellOwnReceived(
    number: number,
    payloads: readonly PlacedPayload[],
    datagram: Datagram,
    cookies: Cookies,
    context: IkeContext,
  ): void {
    const exchange = exchangeOf(this.#choice.config)
    const encrypted = isEncrypted(datagram.octets)
    const message = { exchange, number, payloads: plainOf(payloads), encrypted } as const
    this.tellReceived(message, datagram, cookies, context)
  }

  #transmit(repeat: number, { local, remote }: Ends, cookies: Cookies, context: IkeContext): void {
    if (this.#last === undefined) return
    const { octets, message } = this.#last
    this.#path.send(octets, { local, remote }, context)
    this.#tell('sent', message, { octets, local, remote }, repeat, cookies, context)
  }

  #tell(
    direction: 'sent' | 'received',
    message: Phase1Message,
    { octets, local, remote }: Datagram,
    repeat: number,
    cookies: Cookies,
    context: IkeContext,
  ): void {
    const began = direction === 'sent' ? 'initiator' : 'responder'
    context.tell({
      kind: 'message',
      tunnel: this.#choice.config.name,
      direction,
      role: message.exchange === 'informational' ? began : this.#role,
      messageId: 0,
      initiatorSpi: toHex(cookies.initiator),
      responderSpi: toHex(cookies.responder),
      local,
      remote,
      octets: octets.length,
      repeat,
      ...message,
    })
  }
}

/** Of an IKE message that fits the 1500 octets of Ethernet, with the headers of IP and UDP. */
const UNCUT_OCTETS = 1_472
