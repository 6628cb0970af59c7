import { equalOctets } from '#bytes/equal'
import type { TunnelConfig } from '#config/config'
import type { ChildId, EspSpi, InboundSa } from '#esp/sa'
import { isErrorNotify, NotifyType } from '#iana/isakmp'
import type { Answer, Instant, Question } from '#ike/effects'
import { PeerViolation } from '#ike/errors'
import type { CloseReason, Failure } from '#ike/events'
import { firstTransmission, patienceWith, retransmitted, TOLD_AT_REPEAT } from '#ike/retransmission'
import type { Datagram, IkeContext, IkeSa, UnansweredRequest } from '#ike/version'
import type { SelectorPair } from '#policy/traffic-selector'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { NotificationPayload, Payload } from '#wire/v1/payloads'
import { ChildLooks } from './child-looks.ts'
import type { ChildTreatment } from './child-questions.ts'
import { conclude } from './child-sa.ts'
import { workFailed } from './failures.ts'
import { messageIdOctets } from './keys.ts'
import type { OutgoingMessage, Phase2Channel } from './phase2-channel.ts'
import { isRepeatOf } from './protect.ts'
import type { QuickExchange, QuickHost } from './quick-exchange.ts'
import { childMisanswered, childRefused, childSilence, childUnconfirmed } from './quick-failures.ts'
import {
  confirmAgain,
  handleMessage2,
  initiate,
  sendMessage1,
  sendMessage3,
} from './quick-initiator.ts'
import type { UdpNumbers } from './quick-proposals.ts'
import { handleMessage1, handleMessage3, sendMessage2 } from './quick-responder.ts'
import { Refusals } from './refusals.ts'
import type { QuickState } from './transitions/quick-mode.ts'

/** The Quick mode exchanges under one ISAKMP SA. */
export class QuickExchanges implements QuickHost {
  readonly sa: IkeSa
  #tunnel: TunnelConfig
  readonly channel: Phase2Channel
  readonly udp: () => UdpNumbers
  readonly #exchanges = new Map<number, QuickExchange>()
  readonly #looks: ChildLooks
  readonly refusals: Refusals = new Refusals()

  constructor(sa: IkeSa, tunnel: TunnelConfig, channel: Phase2Channel, udp: () => UdpNumbers) {
    this.sa = sa
    this.#tunnel = tunnel
    this.channel = channel
    this.udp = udp
    this.#looks = new ChildLooks(this)
  }

  get tunnel(): TunnelConfig {
    return this.#tunnel
  }

  /** What is negotiated from now on: the pairs of the tunnel, from the address we were given. */
  useNetworks(networks: readonly SelectorPair[]): void {
    this.#tunnel = { ...this.#tunnel, networks }
  }

  /** Children on their way, whoever began. */
  negotiating(): readonly ChildId[] {
    const busy = [...this.#exchanges.values()].filter(({ state }) => state.kind !== 'done')
    const children = busy.map(({ child }) => child).filter((child) => child !== undefined)
    return [...children, ...this.#looks.waiting()]
  }

  /** First messages of ours that were sent again and have no answer. */
  unanswered(now: Instant): readonly UnansweredRequest[] {
    return [...this.#exchanges.values()].flatMap((exchange) => {
      const { state, child, retransmission } = exchange
      if (state.kind !== 'offered' || retransmission === undefined) return []
      if (retransmission.repeats < TOLD_AT_REPEAT) return []
      const { rekeyOf } = state.request
      return [
        {
          phase: 2,
          ...(child === undefined ? {} : { pair: child.pair }),
          ...(rekeyOf === undefined ? {} : { rekeyOf }),
          exchange: 'quick',
          message: 1,
          ...patienceWith(retransmission, now),
          failure: childSilence(this.tunnel, this.#pairOf(exchange)),
        },
      ]
    })
  }

  deadline(): Instant {
    const deadlines = [...this.#exchanges.values()].map(
      ({ retransmission, forgetAt }) => retransmission?.nextAt ?? forgetAt,
    )
    return Math.min(this.#looks.deadline(), ...deadlines)
  }

  has(messageId: number): boolean {
    return this.#exchanges.has(messageId) || this.#looks.of(messageId) !== undefined
  }

  get full(): boolean {
    return this.#exchanges.size >= MAX_EXCHANGES
  }

  initiate(child: ChildId, rekeyOf: EspSpi | undefined, context: IkeContext): void {
    initiate(this, child, rekeyOf, context)
  }

  /** @returns whether the message was new and truly the peer's. */
  handle(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const look = this.#looks.of(header.messageId)
    if (look !== undefined) {
      const fresh = look.handle(datagram, header, context)
      this.#looks.advance(context)
      return fresh
    }
    const exchange = this.#exchanges.get(header.messageId)
    if (exchange?.received !== undefined && isRepeatOf(exchange.received, datagram.octets)) {
      this.#repeat(exchange, context)
      return false
    }
    try {
      if (exchange === undefined) return handleMessage1(this, datagram, header, context)
      const { state } = exchange
      if (state.kind === 'offered') {
        handleMessage2(this, { ...exchange, state }, datagram, header, context)
        return true
      }
      if (state.kind === 'answered') {
        handleMessage3(this, { ...exchange, state }, datagram, header, context)
        return true
      }
      if (exchange.message2 !== undefined && ANSWERED.includes(state.kind)) {
        confirmAgain(this, exchange, exchange.message2, datagram, header, context)
        return false
      }
      const detail = `Quick mode message while ${state.kind}`
      this.channel.drop(datagram, 'out-of-state', detail, context)
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
      const bad = error instanceof PeerViolation && error.code === 'bad-hash'
      const reason =
        error instanceof MalformedMessage ? 'undecryptable' : bad ? 'bad-hash' : 'out-of-state'
      this.channel.drop(datagram, reason, `Quick mode: ${error.message}`, context)
      if (bad || !(error instanceof PeerViolation) || exchange?.state.kind !== 'offered')
        return false
      // It has the right hash, so no better answer will come.
      this.#fail(exchange, childMisanswered(this.tunnel, error.message), context)
      return true
    }
    return false
  }

  handleAnswer(id: number, answer: Answer, context: IkeContext): void {
    const exchange = [...this.#exchanges.values()].find(({ pendingAsk }) => pendingAsk === id)
    if (exchange === undefined) {
      this.#looks.handleAnswer(id, answer, context)
      return
    }
    const { pendingAsk: _, ...rest } = exchange
    const { state } = exchange
    if (answer.kind === 'refused') {
      this.#fail(exchange, workFailed(this.tunnel, state, answer), context)
      return
    }
    if (state.kind === 'generating' && 'own' in answer)
      sendMessage1(this, rest, state.request, answer.own, context)
    if (answer.kind !== 'agreed') return
    if (state.kind === 'agreeing') {
      sendMessage3(this, rest, state.terms, answer.sharedSecret, context)
    }
    if (state.kind === 'answering') {
      sendMessage2(this, rest, state.terms, state.answer, answer, context)
    }
  }

  /** @returns the exchanges that were given up because the peer was silent. */
  handleDeadline(context: IkeContext): readonly QuickExchange[] {
    const givenUp: QuickExchange[] = []
    for (const exchange of [...this.#exchanges.values()]) {
      const { retransmission, sent } = exchange
      if (retransmission === undefined || sent === undefined) {
        if (exchange.forgetAt > context.now) continue
        if (exchange.state.kind === 'committing') this.#connect(exchange, context)
        else this.#exchanges.delete(exchange.messageId)
        continue
      }
      if (retransmission.nextAt > context.now) continue
      const next = retransmitted(retransmission, context.now)
      if (next === 'exhausted') {
        const silence = exchange.role === 'initiator' ? childSilence : childUnconfirmed
        const failure = silence(this.tunnel, this.#pairOf(exchange))
        this.#failAfterLook(exchange, 'left unanswered', failure, context)
        givenUp.push(exchange)
        continue
      }
      this.commit({ ...exchange, retransmission: next })
      this.channel.transmit(sent.message, sent.octets, next.repeats, context)
      this.#looks.unanswered(exchange, next.repeats, context)
    }
    this.#looks.handleDeadline(context)
    return givenUp
  }

  /** The peer that set the commit bit is ready; the notify comes under the Message ID of the exchange (RFC 2408 §3.1). */
  connected(messageId: number, context: IkeContext): void {
    const exchange = this.#exchanges.get(messageId)
    if (exchange?.state.kind === 'committing') this.#connect(exchange, context)
  }

  /** Our SPIs of Child SAs that the peer has, and the tunnel does not know yet. */
  committing(): readonly EspSpi[] {
    return [...this.#exchanges.values()].flatMap(({ state }) =>
      state.kind === 'committing' ? [state.terms.ownSpi] : [],
    )
  }

  #connect(exchange: QuickExchange, context: IkeContext): void {
    const { state } = exchange
    if (state.kind !== 'committing') return
    this.commit(
      conclude(this, { ...exchange, commit: false }, state.terms, state.outbound, context),
    )
  }

  /** An error notify from the peer, which came under the SA's keys: the exchange it belongs to is over. @returns whether it was about one of ours. */
  refusedBy(notify: NotificationPayload, context: IkeContext): boolean {
    if (!isErrorNotify(notify.notifyType)) return false
    const treatment = REFUSALS.get(notify.notifyType)
    if (this.#looks.refused(notify.spi, treatment, context)) return true
    const offered = [...this.#exchanges.values()].filter(({ state }) => state.kind === 'offered')
    const named = offered.find(
      ({ state }) =>
        state.kind === 'offered' && equalOctets(messageIdOctets(state.request.ownSpi), notify.spi),
    )
    // Some peers name no SPI, or their own; with a single exchange under way there is no doubt.
    const isSingle = offered.length + (this.#looks.isAsking ? 1 : 0) === 1
    const exchange = named ?? (isSingle ? offered[0] : undefined)
    if (exchange === undefined)
      return isSingle && this.#looks.refused(undefined, treatment, context)
    const { notifyType } = notify
    const vendor = this.sa.facts()?.peerVendor
    const pair = this.#pairOf(exchange)
    const failure = childRefused(this.tunnel, pair, notifyType, vendor)
    if (treatment === undefined) this.#fail(exchange, failure, context)
    else this.#failAfterLook(exchange, treatment, failure, context)
    return true
  }

  /** The peer takes back what it began, before it was done: these are its SPIs. */
  takenBack(outboundSpis: readonly EspSpi[], context: IkeContext): void {
    for (const exchange of [...this.#exchanges.values()]) {
      const { state, messageId } = exchange
      if (state.kind !== 'answered' || !outboundSpis.includes(state.terms.choice.peerSpi)) continue
      this.#closeInbound(exchange, context)
      this.#exchanges.delete(messageId)
    }
  }

  /** The ISAKMP SA ends: what was opened for unfinished exchanges is closed. */
  abandon(why: CloseReason, context: IkeContext): void {
    for (const exchange of this.#exchanges.values()) this.#closeInbound(exchange, context)
    this.#exchanges.clear()
    this.#looks.abandon(why, context)
  }

  /** Told when a second look has shown why, or could not. */
  #failAfterLook(
    exchange: QuickExchange,
    treatment: ChildTreatment,
    failure: Failure,
    context: IkeContext,
  ): void {
    this.#closeInbound(exchange, context)
    this.#exchanges.delete(exchange.messageId)
    this.#looks.settle(exchange, treatment, failure, context)
  }

  #fail(exchange: QuickExchange, failure: Failure, context: IkeContext): void {
    this.#closeInbound(exchange, context)
    this.#exchanges.delete(exchange.messageId)
    context.outcomes.push({ kind: 'child-failed', sa: this.sa, child: exchange.child, failure })
  }

  #closeInbound({ state, child }: QuickExchange, context: IkeContext): void {
    const opened = state.kind === 'answered' || state.kind === 'committing'
    if (!opened || child === undefined) return
    context.effects.push({
      kind: 'remove-sa',
      direction: 'inbound',
      child,
      spi: state.terms.ownSpi,
    })
  }

  send(
    exchange: QuickExchange,
    number: number,
    payloads: readonly Payload[],
    bound: readonly Uint8Array[],
    how: 'repeated' | 'once',
    context: IkeContext,
    inbound?: InboundSa,
  ): void {
    const { messageId, role } = exchange
    const plain: OutgoingMessage = { exchange: 'quick', messageId, role, number, payloads }
    const { message, octets, nextIv } = this.channel.seal(plain, exchange.iv, bound, context)
    const retransmission = how === 'repeated' ? firstTransmission(octets, context.now) : undefined
    this.commit({ ...exchange, iv: nextIv, sent: { message, octets }, retransmission })
    if (inbound !== undefined) context.effects.push({ kind: 'install-sa', sa: inbound })
    this.channel.transmit(message, octets, 0, context)
  }

  /** While our answer is still being computed, what we sent last would only make the peer repeat itself in turn, without end. */
  #repeat({ state, sent }: QuickExchange, context: IkeContext): void {
    if (sent === undefined || !ANSWERED.includes(state.kind)) return
    this.channel.transmit(sent.message, sent.octets, 1, context)
  }

  ask(exchange: QuickExchange, question: Question, context: IkeContext): void {
    this.commit({ ...exchange, pendingAsk: context.ask(this.sa, question) })
  }

  exchange(messageId: number): QuickExchange | undefined {
    return this.#exchanges.get(messageId)
  }

  commit(exchange: QuickExchange): void {
    this.#exchanges.set(exchange.messageId, exchange)
  }

  tellReceived(
    { messageId, role }: Pick<QuickExchange, 'messageId' | 'role'>,
    number: number,
    payloads: readonly Payload[],
    datagram: Datagram,
    context: IkeContext,
  ): void {
    const message = { exchange: 'quick', messageId, role, number, payloads } as const
    this.channel.tellReceived(message, datagram, context)
  }

  #pairOf({ child }: QuickExchange) {
    return child === undefined ? undefined : this.tunnel.networks[child.pair]
  }
}

/** What a peer may mean by each; another refusal is not about what was offered. */
const REFUSALS: ReadonlyMap<number, ChildTreatment> = new Map([
  [NotifyType.number('NO-PROPOSAL-CHOSEN'), 'refused'],
  [NotifyType.number('ATTRIBUTES-NOT-SUPPORTED'), 'refused'],
  [NotifyType.number('BAD-PROPOSAL-SYNTAX'), 'refused'],
  [NotifyType.number('INVALID-ID-INFORMATION'), 'refused the networks'],
])
/** Where nothing is being computed. */
const ANSWERED: readonly QuickState['kind'][] = ['answered', 'committing', 'done']
/** At once, under one ISAKMP SA. */
const MAX_EXCHANGES = 256
