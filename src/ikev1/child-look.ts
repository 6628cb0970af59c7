import { equalOctets } from '#bytes/equal'
import type { KeyPair } from '#crypto/port'
import type { ChildId } from '#esp/sa'
import type { Answer, Duration, Instant } from '#ike/effects'
import { PeerViolation } from '#ike/errors'
import { every } from '#ike/message-rules'
import type { Datagram, IkeContext } from '#ike/version'
import type { SelectorPair } from '#policy/traffic-selector'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { SaPayload } from '#wire/v1/payloads'
import { type ChildQuestion, type ChildTreatment, joinedOffer } from './child-questions.ts'
import { deleteMessages, sendInformational } from './informational.ts'
import { messageIdOctets } from './keys.ts'
import { boundTo, freshMessageId } from './phase2-channel.ts'
import { isRepeatOf } from './protect.ts'
import { NONCE_OCTETS, type QuickHost } from './quick-exchange.ts'
import { offerChild } from './quick-proposals.ts'
import {
  type ChildRequest,
  message1,
  type QuickState,
  readMessage2,
} from './transitions/quick-mode.ts'

/** What a peer answered to Quick modes beside the one that it refuses or ignores. */
export type ChildFinding =
  /** It takes this transform for these networks. */
  | {
      readonly kind: 'takes'
      readonly question: ChildQuestion
      readonly choice: SaPayload
      readonly selectors: SelectorPair
    }
  | {
      readonly kind: 'takes none'
      readonly refused: number
      readonly unanswered: number
      /** Asked for everything, it refused no networks, but every proposal. */
      readonly hasNetworks: boolean
    }

/**
 * An initiator's Quick modes beside one that came to nothing: each with other parameters, one after the other, each sent once. An answer is
 * read and taken back with a delete: nothing is installed, and message 3 is never sent.
 */
export class ChildLook {
  /** The network pair whose Quick mode came to nothing. */
  readonly selectors: SelectorPair
  readonly #host: QuickHost
  readonly #child: ChildId
  #questions: readonly ChildQuestion[]
  readonly #asked = new Map<number, Asked>()
  #current: Asked | undefined
  #finding: ChildFinding | undefined
  #refused = 0
  #unanswered = 0
  #hasNetworks = false

  constructor(
    host: QuickHost,
    { child, selectors }: Pick<ChildRequest, 'child' | 'selectors'>,
    questions: readonly ChildQuestion[],
    context: IkeContext,
  ) {
    this.#host = host
    this.#child = child
    this.selectors = selectors
    this.#questions = questions
    this.#askNext(context)
  }

  /** Undefined while it asks. */
  get finding(): ChildFinding | undefined {
    return this.#finding
  }

  deadline(): Instant {
    return this.#current?.until ?? Number.POSITIVE_INFINITY
  }

  has(messageId: number): boolean {
    return this.#asked.has(messageId)
  }

  /** A question is on its way: an error notify may be about it. */
  get isAsking(): boolean {
    return this.#current?.offered !== undefined
  }

  hasAskedUnder(spi: Uint8Array): boolean {
    return [...this.#asked.values()].some(({ request }) => isSpiOf(request, spi))
  }

  /** By an error notify, and how. One that names a question by its SPI is about no other, and may come too late. */
  refused(
    spi: Uint8Array | undefined,
    treatment: ChildTreatment | undefined,
    context: IkeContext,
  ): void {
    if (this.#current === undefined) return
    if (spi !== undefined && !isSpiOf(this.#current.request, spi)) return
    this.#refused++
    const { ofProposal } = this.#current.question
    if (treatment === 'refused' && ofProposal !== undefined) {
      this.#hasNetworks = true
      this.#questions = ofProposal
    }
    this.#askNext(context)
  }

  /** @returns whether it was meant for this. */
  handleAnswer(id: number, answer: Answer, context: IkeContext): boolean {
    const current = this.#current
    if (current?.pendingAsk !== id) return false
    if (answer.kind === 'key-pair') this.#send(current, answer.own, context)
    else this.#askNext(context)
    return true
  }

  handleDeadline(context: IkeContext): void {
    if (this.#current === undefined || this.#current.until > context.now) return
    this.#unanswered++
    this.#askNext(context)
  }

  /** Message 2. @returns whether it was new and truly the peer's. */
  handle(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const { messageId } = header
    const asked = this.#asked.get(messageId)
    if (asked?.offered === undefined) return false
    if (asked.received !== undefined) {
      if (isRepeatOf(asked.received, datagram.octets)) this.#takeBack(asked, context)
      return false
    }
    const { channel } = this.#host
    try {
      const bound = boundTo(messageId, asked.request.nonceI)
      const opened = channel.open(datagram, header, asked.iv, bound, context)
      const { payloads, hashed } = opened
      const message = { exchange: 'quick', messageId, role: 'initiator', number: 2 } as const
      channel.tellReceived({ ...message, payloads: hashed }, datagram, context)
      this.#keep({ ...asked, received: datagram.octets })
      this.#takeBack(asked, context)
      const { terms } = readMessage2(payloads, asked.offered)
      const [choice] = every(payloads, 'SA')
      if (choice === undefined || this.#finding !== undefined) return true
      const { question } = asked
      this.#finding = { kind: 'takes', question, choice, selectors: terms.selectors }
      this.#current = undefined
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
      const bad = !(error instanceof PeerViolation) || error.code === 'bad-hash'
      const reason = bad ? 'undecryptable' : 'out-of-state'
      channel.drop(datagram, reason, `Quick mode beside another: ${error.message}`, context)
      if (bad) return false
      if (this.#current?.messageId === messageId) this.#askNext(context)
    }
    return true
  }

  #askNext(context: IkeContext): void {
    this.#current = undefined
    if (this.#finding !== undefined) return
    const [question, ...later] = this.#questions
    if (question === undefined) {
      this.#finding = {
        kind: 'takes none',
        refused: this.#refused,
        unanswered: this.#unanswered,
        hasNetworks: this.#hasNetworks,
      }
      return
    }
    this.#questions = later
    const { channel, sa } = this.#host
    const messageId = freshMessageId(context)
    const [wish] = question.wishes
    const begun: Asked = {
      messageId,
      question,
      request: {
        child: this.#child,
        selectors: question.selectors,
        wish,
        ownSpi: context.freshSpi(this.#child.tunnel),
        nonceI: context.crypto.random(NONCE_OCTETS),
      },
      iv: channel.firstIv(messageId, context),
      until: context.now + ANSWERED_WITHIN,
      takenBack: 0,
    }
    if (wish.pfs === 'none') {
      this.#send(begun, undefined, context)
      return
    }
    const pendingAsk = context.ask(sa, { kind: 'generate-key-pair', group: wish.pfs })
    this.#current = { ...begun, pendingAsk }
  }

  #send(asked: Asked, own: KeyPair | undefined, context: IkeContext): void {
    const { channel, sa } = this.#host
    const { messageId, question, request } = asked
    const [, ...behind] = message1(request, own, sa).payloads
    const [first, ...others] = question.wishes
    const offer = joinedOffer([
      offerChild(first, request.ownSpi),
      ...others.map((wish) => offerChild(wish, request.ownSpi)),
    ])
    const message = { exchange: 'quick', messageId, role: 'initiator', number: 1 } as const
    const plain = { ...message, payloads: [offer, ...behind] }
    const sealed = channel.seal(plain, asked.iv, boundTo(messageId), context)
    channel.transmit(sealed.message, sealed.octets, 0, context)
    const { pendingAsk: _, ...rest } = asked
    const sent: Asked = {
      ...rest,
      iv: sealed.nextIv,
      offered: { kind: 'offered', request, offer, ...(own === undefined ? {} : { own }) },
      until: context.now + ANSWERED_WITHIN,
    }
    this.#current = sent
    this.#keep(sent)
  }

  /** The peer has an SA on its way that nobody will use; a repeat of its answer says that it still has. */
  #takeBack({ messageId, request }: Asked, context: IkeContext): void {
    const asked = this.#asked.get(messageId)
    if (asked === undefined || asked.takenBack >= MOST_TAKEN_BACK) return
    this.#keep({ ...asked, takenBack: asked.takenBack + 1 })
    for (const payloads of deleteMessages([request.ownSpi], undefined))
      sendInformational(this.#host.channel, payloads, context)
  }

  #keep(asked: Asked): void {
    this.#asked.set(asked.messageId, asked)
  }
}

type Asked = {
  readonly messageId: number
  readonly question: ChildQuestion
  readonly request: ChildRequest
  readonly iv: Uint8Array
  readonly pendingAsk?: number
  /** Once it is sent. */
  readonly offered?: Extract<QuickState, { kind: 'offered' }>
  readonly received?: Uint8Array
  readonly until: Instant
  readonly takenBack: number
}

function isSpiOf({ ownSpi }: ChildRequest, spi: Uint8Array): boolean {
  return equalOctets(messageIdOctets(ownSpi), spi)
}

/** Milliseconds; a peer that says nothing at all is asked all of them before its Quick mode is given up. */
const ANSWERED_WITHIN: Duration = 2_000
const MOST_TAKEN_BACK = 3
