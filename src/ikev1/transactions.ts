/**
 * Transactions (draft-dukes-ike-mode-cfg-02 §3.1): a question or an order and its answer, under one Message ID:
 *
 *   HDR*, HASH, ATTR(REQUEST or SET) -->
 *                                    <-- HDR*, HASH, ATTR(REPLY or ACK)
 *
 * HASH is prf(SKEYID_a, M-ID | ATTR) in both. The CBC chain goes on from the one to the other, as RFC 2409 appendix B has it for every
 * exchange of phase 2; some servers of XAUTH let a further pair follow under the same Message ID.
 */
import { AttributeMessage, ConfigAttribute } from '#iana/mode-config'
import type { Instant } from '#ike/effects'
import { PeerViolation } from '#ike/errors'
import { match } from '#ike/message-rules'
import { firstTransmission, type Retransmission, retransmitted } from '#ike/retransmission'
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { AttributePayload, Payload } from '#wire/v1/payloads'
import {
  boundTo,
  freshMessageId,
  type OutgoingMessage,
  type Phase2Channel,
} from './phase2-channel.ts'
import { isRepeatOf } from './protect.ts'

/** Who decides what is asked and answered. */
export interface TransactionHost {
  /** The peer asks (REQUEST) or orders (SET). @returns our answer; @throws PeerViolation when this may not come now */
  answer(asked: AttributePayload, context: IkeContext): AttributePayload
  /** The peer answered what we asked or ordered. @throws PeerViolation when that is no answer */
  learn(answered: AttributePayload, context: IkeContext): void
  /** It never did. */
  unanswered(): void
}

/** The transactions under one ISAKMP SA; at most one of ours at a time. */
export class Transactions {
  readonly #channel: Phase2Channel
  readonly #host: TransactionHost
  #ours: OurTransaction | undefined
  readonly #theirs = new Map<number, TheirTransaction>()

  constructor(channel: Phase2Channel, host: TransactionHost) {
    this.#channel = channel
    this.#host = host
  }

  has(messageId: number): boolean {
    return this.#ours?.messageId === messageId || this.#theirs.has(messageId)
  }

  deadline(): Instant {
    const forgetAt = [...this.#theirs.values()].map((one) => one.forgetAt)
    return Math.min(this.#ours?.retransmission.nextAt ?? Number.POSITIVE_INFINITY, ...forgetAt)
  }

  /** Asks or orders, until the answer comes. */
  begin(payload: AttributePayload, context: IkeContext): void {
    const messageId = freshMessageId(context)
    const role = 'initiator'
    const firstIv = this.#channel.firstIv(messageId, context)
    const sent = this.#seal({ messageId, role, number: 1, payload }, firstIv, context)
    const answer = payload.message === REQUEST ? REPLY : ACK
    const retransmission = firstTransmission(sent.octets, context.now)
    this.#ours = { messageId, iv: sent.nextIv, sent, retransmission, answer }
    this.#channel.transmit(sent.message, sent.octets, 0, context)
  }

  /** Waits no longer for an answer. */
  stop(): void {
    this.#ours = undefined
  }

  /** @returns whether the message was new and truly the peer's. */
  handle(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    try {
      if (this.#ours?.messageId === header.messageId) {
        return this.#handleAnswer(this.#ours, datagram, header, context)
      }
      return this.#handleQuestion(datagram, header, context)
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
      const bad = error instanceof PeerViolation && error.code === 'bad-hash'
      const reason =
        error instanceof MalformedMessage ? 'undecryptable' : bad ? 'bad-hash' : 'out-of-state'
      this.#channel.drop(datagram, reason, `transaction: ${error.message}`, context)
      return false
    }
  }

  handleDeadline(context: IkeContext): void {
    for (const [messageId, { forgetAt }] of this.#theirs) {
      if (forgetAt <= context.now) this.#theirs.delete(messageId)
    }
    const ours = this.#ours
    if (ours === undefined || ours.retransmission.nextAt > context.now) return
    const next = retransmitted(ours.retransmission, context.now)
    if (next === 'exhausted') {
      this.#ours = undefined
      this.#host.unanswered()
      return
    }
    this.#ours = { ...ours, retransmission: next }
    this.#channel.transmit(ours.sent.message, ours.sent.octets, next.repeats, context)
  }

  #handleAnswer(
    { messageId, iv, answer }: OurTransaction,
    datagram: Datagram,
    header: IkeHeader,
    context: IkeContext,
  ): boolean {
    const { payload } = this.#open(datagram, header, iv, 'initiator', 2, context)
    if (payload.message !== answer) {
      const [wanted, got] = [answer, payload.message].map(AttributeMessage.nameOf)
      throw new PeerViolation('out-of-state', `${got} where ${wanted} is due`)
    }
    this.#ours = undefined
    try {
      this.#host.learn(payload, context)
    } catch (error) {
      if (!(error instanceof PeerViolation)) throw error
      this.#channel.drop(
        datagram,
        'out-of-state',
        `transaction ${messageId}: ${error.message}`,
        context,
      )
    }
    return true
  }

  #handleQuestion(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const { messageId } = header
    const known = this.#theirs.get(messageId)
    if (known !== undefined && isRepeatOf(known.received, datagram.octets)) {
      this.#channel.transmit(known.sent.message, known.sent.octets, 1, context)
      return false
    }
    if (known === undefined ? this.#theirs.size >= MOST : known.number >= MOST_MESSAGES) {
      throw new PeerViolation('out-of-state', 'too many transactions under way')
    }
    const iv = known?.iv ?? this.#channel.firstIv(messageId, context)
    const number = (known?.number ?? 0) + 1
    const { payload, nextIv } = this.#open(datagram, header, iv, 'responder', number, context)
    if (payload.message !== REQUEST && payload.message !== SET) {
      const name = AttributeMessage.nameOf(payload.message)
      throw new PeerViolation('out-of-state', `${name} to nothing we asked`)
    }
    // An answer is known by the identifier of its question.
    const answer = { ...this.#host.answer(payload, context), identifier: payload.identifier }
    const place = { messageId, role: 'responder', number: number + 1, payload: answer } as const
    const sent = this.#seal(place, nextIv, context)
    this.#theirs.set(messageId, {
      number: number + 1,
      iv: sent.nextIv,
      received: datagram.octets,
      sent,
      forgetAt: context.now + LINGER,
    })
    this.#channel.transmit(sent.message, sent.octets, 0, context)
    return true
  }

  #open(
    datagram: Datagram,
    header: IkeHeader,
    iv: Uint8Array,
    role: 'initiator' | 'responder',
    number: number,
    context: IkeContext,
  ): { readonly payload: AttributePayload; readonly nextIv: Uint8Array } {
    const { messageId } = header
    const opened = this.#channel.open(datagram, header, iv, boundTo(messageId), context)
    const payloads = opened.hashed.map(withoutSecrets)
    const message = { exchange: 'transaction', messageId, role, number, payloads } as const
    this.#channel.tellReceived(message, datagram, context)
    const { ATTR } = match('a transaction', opened.payloads, ['ATTR'])
    return { payload: ATTR, nextIv: opened.nextIv }
  }

  #seal(
    { messageId, role, number, payload }: Place,
    iv: Uint8Array,
    context: IkeContext,
  ): SealedMessage {
    const plain = { exchange: 'transaction', messageId, role, number, payloads: [payload] } as const
    const sealed = this.#channel.seal(plain, iv, boundTo(messageId), context)
    const payloads = sealed.message.payloads.map(withoutSecrets)
    return { ...sealed, message: { ...sealed.message, payloads } }
  }
}

type Place = Pick<OutgoingMessage, 'messageId' | 'role' | 'number'> & {
  readonly payload: AttributePayload
}

/** `message` is what is told of it, without secrets. */
type SealedMessage = {
  readonly message: OutgoingMessage
  readonly octets: Uint8Array
  readonly nextIv: Uint8Array
}

type OurTransaction = {
  readonly messageId: number
  readonly iv: Uint8Array
  readonly sent: SealedMessage
  readonly retransmission: Retransmission
  /** What is due. */
  readonly answer: number
}

type TheirTransaction = {
  /** Messages so far. */
  readonly number: number
  readonly iv: Uint8Array
  /** A repeat of the one is answered by the other. */
  readonly received: Uint8Array
  readonly sent: SealedMessage
  readonly forgetAt: Instant
}

/** Events go to logs and subscribers: passwords do not. */
function withoutSecrets(payload: Payload): Payload {
  if (payload.type !== 'ATTR') return payload
  const attributes = payload.attributes.map((one) =>
    SECRET.has(one.type) ? { form: 'long' as const, type: one.type, value: NOTHING } : one,
  )
  return { ...payload, attributes }
}

const SECRET: ReadonlySet<number> = new Set(
  (['XAUTH_USER_PASSWORD', 'XAUTH_PASSCODE', 'XAUTH_NEXT_PIN', 'XAUTH_ANSWER'] as const).map(
    ConfigAttribute.number,
  ),
)
const NOTHING = new Uint8Array(0)
const REQUEST = AttributeMessage.number('REQUEST')
const REPLY = AttributeMessage.number('REPLY')
const SET = AttributeMessage.number('SET')
const ACK = AttributeMessage.number('ACK')
/** How long a transaction of the peer is known, in milliseconds: as long as it is repeated, twice over. */
const LINGER = 60_000
/** Of the peer's at a time, and messages in one. */
const MOST = 16
const MOST_MESSAGES = 16
