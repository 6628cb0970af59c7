import type { TunnelConfig } from '#config/config'
import type { ChildId, InboundSa } from '#esp/sa'
import type { Instant, Question } from '#ike/effects'
import type { Retransmission } from '#ike/retransmission'
import type { Datagram, IkeContext, IkeSa } from '#ike/version'
import type { Payload } from '#wire/v1/payloads'
import type { OutgoingMessage, Phase2Channel } from './phase2-channel.ts'
import type { UdpNumbers } from './quick-proposals.ts'
import type { Refusals } from './refusals.ts'
import type { QuickState } from './transitions/quick-mode.ts'

/** One Quick mode exchange, known by its Message ID. */
export type QuickExchange<State extends QuickState = QuickState> = {
  readonly messageId: number
  readonly role: 'initiator' | 'responder'
  readonly child?: ChildId
  readonly state: State
  /** Where the CBC chain of this exchange stands. */
  readonly iv: Uint8Array
  /** Last message each way: a repeat of the one is answered by the other. */
  readonly received?: Uint8Array
  /** Of an initiator that has read message 2: what it was opened with, and message 3 is bound to. */
  readonly message2?: {
    readonly iv: Uint8Array
    readonly bound: readonly Uint8Array[]
    readonly confirms: readonly Uint8Array[]
  }
  readonly sent?: { readonly message: OutgoingMessage; readonly octets: Uint8Array }
  readonly retransmission?: Retransmission | undefined
  readonly pendingAsk?: number
  /** The peer set the commit bit: nothing is sent on the Child SA until it says CONNECTED (RFC 2408 §3.1). */
  readonly commit?: boolean
  readonly startedAt: Instant
  readonly forgetAt: Instant
}

/** What both sides of Quick mode work with: the SA it runs under, and the table its exchanges stand in. */
export interface QuickHost {
  readonly sa: IkeSa
  readonly tunnel: TunnelConfig
  readonly channel: Phase2Channel
  /** Children on their way, whoever began. */
  negotiating(): readonly ChildId[]
  /** As many exchanges as there may be are under way. */
  readonly full: boolean
  /** What was refused to the peer lately. */
  readonly refusals: Refusals
  /** Whether ESP goes inside UDP, as NAT detection found, and whose numbers say so. */
  udp(): UdpNumbers
  commit(exchange: QuickExchange): void
  exchange(messageId: number): QuickExchange | undefined
  ask(exchange: QuickExchange, question: Question, context: IkeContext): void
  /**
   * Seals and sends the next message, keeps it for repeats, and opens `inbound` with it. Everything that can fail comes first: the
   * message goes out with all it promises, or nothing has happened.
   */
  send(
    exchange: QuickExchange,
    number: number,
    payloads: readonly Payload[],
    bound: readonly Uint8Array[],
    how: 'repeated' | 'once',
    context: IkeContext,
    inbound?: InboundSa,
  ): void
  tellReceived(
    exchange: Pick<QuickExchange, 'messageId' | 'role'>,
    number: number,
    payloads: readonly Payload[],
    datagram: Datagram,
    context: IkeContext,
  ): void
}

export const NONCE_OCTETS = 32
/** How long an exchange may wait for public-key work or for its turn, in milliseconds. */
export const EXCHANGE_TIME = 60_000
/** How long we wait for CONNECTED; the peer may have forgotten it, or it was lost. */
export const CONNECTED_WITHIN = 5_000
/** How long a finished exchange still answers repeats. */
export const LINGER = 60_000
