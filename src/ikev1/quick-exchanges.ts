import { equalOctets } from '#bytes/equal'
import type { TunnelConfig } from '#config/config'
import type { KeyPair } from '#crypto/port'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import { isErrorNotify } from '#iana/isakmp'
import type { Answer, Instant, Question } from '#ike/effects'
import { NoAgreement, PeerViolation } from '#ike/errors'
import type { Failure } from '#ike/events'
import { lifeOf } from '#ike/lifetimes'
import { firstTransmission, type Retransmission, retransmitted } from '#ike/retransmission'
import type { Datagram, IkeContext, IkeSa } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { NotificationPayload, Payload } from '#wire/v1/payloads'
import { badPublicValue, childRefused, childSilence } from './failures.ts'
import { sendInformational } from './informational.ts'
import { deriveChildKeys, messageIdOctets } from './keys.ts'
import { childNotify } from './notify.ts'
import {
  boundTo,
  freshMessageId,
  type OutgoingMessage,
  type Phase2Channel,
} from './phase2-channel.ts'
import {
  type ChildTerms,
  message1,
  message2,
  type QuickState,
  readMessage1,
  readMessage2,
  wishOf,
} from './transitions/quick-mode.ts'

/** One Quick mode exchange, known by its Message ID. */
type Exchange = {
  readonly messageId: number
  readonly role: 'initiator' | 'responder'
  readonly child?: ChildId
  readonly state: QuickState
  /** Where the CBC chain of this exchange stands. */
  readonly iv: Uint8Array
  /** Last message each way: a repeat of the one is answered by the other. */
  readonly received?: Uint8Array
  readonly sent?: { readonly message: OutgoingMessage; readonly octets: Uint8Array }
  readonly retransmission?: Retransmission | undefined
  readonly pendingAsk?: number
  readonly startedAt: Instant
  readonly forgetAt: Instant
}

/** The Quick mode exchanges under one ISAKMP SA. */
export class QuickExchanges {
  readonly #sa: IkeSa
  readonly #tunnel: TunnelConfig
  readonly #channel: Phase2Channel
  /** Whether ESP goes inside UDP, as NAT detection found. */
  readonly #udp: () => boolean
  readonly #exchanges = new Map<number, Exchange>()

  constructor(sa: IkeSa, tunnel: TunnelConfig, channel: Phase2Channel, udp: () => boolean) {
    this.#sa = sa
    this.#tunnel = tunnel
    this.#channel = channel
    this.#udp = udp
  }

  /** Children on their way, whoever began. */
  negotiating(): readonly ChildId[] {
    const busy = [...this.#exchanges.values()].filter(({ state }) => state.kind !== 'done')
    return busy.map(({ child }) => child).filter((child) => child !== undefined)
  }

  deadline(): Instant {
    const deadlines = [...this.#exchanges.values()].map(
      ({ retransmission, forgetAt }) => retransmission?.nextAt ?? forgetAt,
    )
    return Math.min(Number.POSITIVE_INFINITY, ...deadlines)
  }

  has(messageId: number): boolean {
    return this.#exchanges.has(messageId)
  }

  initiate(child: ChildId, rekeyOf: EspSpi | undefined, context: IkeContext): void {
    const selectors = this.#tunnel.networks[child.pair]
    if (selectors === undefined) return
    const messageId = freshMessageId(context)
    const wish = wishOf(this.#tunnel, this.#udp())
    const request = {
      child,
      selectors,
      wish,
      ownSpi: context.freshSpi(),
      nonceI: context.crypto.random(NONCE_OCTETS),
      ...(rekeyOf === undefined ? {} : { rekeyOf }),
    }
    const begun: Exchange = {
      messageId,
      role: 'initiator',
      child,
      state: { kind: 'generating', request },
      iv: this.#channel.firstIv(messageId, context),
      startedAt: context.now,
      forgetAt: context.now + EXCHANGE_TIME,
    }
    if (wish.pfs === 'none') {
      this.#offer(begun, request, undefined, context)
      return
    }
    this.#ask(begun, { kind: 'generate-key-pair', group: wish.pfs }, context)
  }

  /** @returns whether the message was new and truly the peer's. */
  handle(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const exchange = this.#exchanges.get(header.messageId)
    if (exchange?.received !== undefined && equalOctets(exchange.received, datagram.octets)) {
      this.#repeat(exchange, context)
      return false
    }
    try {
      if (exchange === undefined) return this.#handleMessage1(datagram, header, context)
      if (exchange.state.kind === 'offered') {
        this.#handleMessage2(exchange, exchange.state, datagram, header, context)
        return true
      }
      if (exchange.state.kind === 'answered') {
        this.#handleMessage3(
          exchange,
          exchange.state.terms,
          exchange.state.sharedSecret,
          datagram,
          header,
          context,
        )
        return true
      }
      this.#channel.drop(
        datagram,
        'out-of-state',
        `Quick mode message while ${exchange.state.kind}`,
        context,
      )
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
      const bad = error instanceof PeerViolation && error.code === 'bad-hash'
      const reason =
        error instanceof MalformedMessage ? 'undecryptable' : bad ? 'bad-hash' : 'out-of-state'
      this.#channel.drop(datagram, reason, `Quick mode: ${error.message}`, context)
    }
    return false
  }

  handleAnswer(id: number, answer: Answer, context: IkeContext): void {
    const exchange = [...this.#exchanges.values()].find(({ pendingAsk }) => pendingAsk === id)
    if (exchange === undefined) return
    const { pendingAsk: _, ...rest } = exchange
    const { state } = exchange
    if (answer.kind === 'refused') {
      this.#fail(exchange, badPublicValue(this.#tunnel, answer.reason), context)
      return
    }
    if (state.kind === 'generating') this.#offer(rest, state.request, answer.own, context)
    if (answer.kind !== 'agreed') return
    if (state.kind === 'agreeing') this.#confirm(rest, state.terms, answer.sharedSecret, context)
    if (state.kind === 'answering') this.#answer(rest, state.terms, state.answer, answer, context)
  }

  handleDeadline(context: IkeContext): void {
    for (const exchange of [...this.#exchanges.values()]) {
      const { retransmission, sent } = exchange
      if (retransmission === undefined || sent === undefined) {
        if (exchange.forgetAt <= context.now) this.#exchanges.delete(exchange.messageId)
        continue
      }
      if (retransmission.nextAt > context.now) continue
      const next = retransmitted(retransmission, context.now)
      if (next === 'exhausted') {
        this.#fail(exchange, childSilence(this.#tunnel, this.#pairOf(exchange)), context)
        continue
      }
      this.#commit({ ...exchange, retransmission: next })
      this.#channel.transmit(sent.message, sent.octets, next.repeats, context)
    }
  }

  /** An error notify from the peer, which came under the SA's keys: the exchange it belongs to is over. */
  refusedBy(notify: NotificationPayload, context: IkeContext): void {
    if (!isErrorNotify(notify.notifyType)) return
    const offered = [...this.#exchanges.values()].filter(({ state }) => state.kind === 'offered')
    const named = offered.find(
      ({ state }) =>
        state.kind === 'offered' && equalOctets(messageIdOctets(state.request.ownSpi), notify.spi),
    )
    // Some peers name no SPI, or their own; with a single exchange under way there is no doubt.
    const exchange = named ?? (offered.length === 1 ? offered[0] : undefined)
    if (exchange === undefined) return
    this.#fail(
      exchange,
      childRefused(this.#tunnel, this.#pairOf(exchange), notify.notifyType),
      context,
    )
  }

  /** The ISAKMP SA ends: what was opened for unfinished exchanges is closed. */
  abandon(context: IkeContext): void {
    for (const exchange of this.#exchanges.values()) this.#closeInbound(exchange, context)
    this.#exchanges.clear()
  }

  #handleMessage1(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const { messageId } = header
    if (this.#exchanges.size >= MAX_EXCHANGES) {
      this.#channel.drop(
        datagram,
        'admission',
        `${MAX_EXCHANGES} Quick mode exchanges are under way`,
        context,
      )
      return false
    }
    const firstIv = this.#channel.firstIv(messageId, context)
    const { payloads, hashed, nextIv } = this.#channel.open(
      datagram,
      header,
      firstIv,
      boundTo(messageId),
      context,
    )
    this.#tellReceived(datagram, messageId, 'responder', 1, hashed, context)
    const begun = {
      messageId,
      role: 'responder',
      iv: nextIv,
      received: datagram.octets,
      startedAt: context.now,
      forgetAt: context.now + EXCHANGE_TIME,
    } as const
    try {
      const ends = { local: this.#sa.local, remote: this.#sa.remote }
      const nonceR = context.crypto.random(NONCE_OCTETS)
      const read = readMessage1(
        payloads,
        this.#tunnel,
        this.#udp(),
        ends,
        context.freshSpi(),
        nonceR,
      )
      const { terms, answer, peerPublic } = read
      const exchange: Exchange = {
        ...begun,
        child: terms.child,
        state: { kind: 'answering', terms, answer },
      }
      if (peerPublic === undefined || terms.wish.pfs === 'none') {
        this.#answer(exchange, terms, answer, undefined, context)
        return true
      }
      this.#ask(
        exchange,
        { kind: 'generate-and-agree', group: terms.wish.pfs, peerPublic },
        context,
      )
    } catch (error) {
      if (!(error instanceof NoAgreement)) throw error
      this.#refuse(begun, payloads, error, context)
    }
    return true
  }

  #handleMessage2(
    exchange: Exchange,
    state: Extract<QuickState, { kind: 'offered' }>,
    datagram: Datagram,
    header: IkeHeader,
    context: IkeContext,
  ): void {
    const bound = boundTo(header.messageId, state.request.nonceI)
    const { payloads, hashed, nextIv } = this.#channel.open(
      datagram,
      header,
      exchange.iv,
      bound,
      context,
    )
    const { terms, peerPublic } = readMessage2(payloads, state)
    this.#tellReceived(datagram, header.messageId, 'initiator', 2, hashed, context)
    const { retransmission: _, ...rest } = exchange
    const answered: Exchange = {
      ...rest,
      iv: nextIv,
      received: datagram.octets,
      state: { kind: 'agreeing', terms },
    }
    if (peerPublic === undefined || state.own === undefined || terms.wish.pfs === 'none') {
      this.#confirm(answered, terms, undefined, context)
      return
    }
    this.#ask(
      answered,
      { kind: 'agree', group: terms.wish.pfs, own: state.own, peerPublic },
      context,
    )
  }

  #handleMessage3(
    exchange: Exchange,
    terms: ChildTerms,
    sharedSecret: Uint8Array | undefined,
    datagram: Datagram,
    header: IkeHeader,
    context: IkeContext,
  ): void {
    const bound = [Uint8Array.of(0), ...boundTo(header.messageId, terms.nonceI, terms.nonceR)]
    const { hashed, nextIv } = this.#channel.open(datagram, header, exchange.iv, bound, context)
    this.#tellReceived(datagram, header.messageId, 'responder', 3, hashed, context)
    const outbound = this.#outbound(terms, sharedSecret, context)
    const { retransmission: _, sent: __, ...rest } = exchange
    this.#commit({
      ...rest,
      iv: nextIv,
      received: datagram.octets,
      state: { kind: 'done' },
      forgetAt: context.now + LINGER,
    })
    this.#established(exchange, terms, outbound, context)
  }

  /** Message 1 goes out. */
  #offer(
    exchange: Exchange,
    request: Extract<QuickState, { kind: 'generating' }>['request'],
    own: KeyPair | undefined,
    context: IkeContext,
  ): void {
    const { offer, payloads } = message1(request, own)
    const state: QuickState = {
      kind: 'offered',
      request,
      offer,
      ...(own === undefined ? {} : { own }),
    }
    this.#send(
      { ...exchange, state },
      1,
      payloads,
      boundTo(exchange.messageId),
      'repeated',
      context,
    )
  }

  /** Message 2 goes out, and the inbound SA opens: the initiator may use it as soon as it reads this. */
  #answer(
    exchange: Exchange,
    terms: ChildTerms,
    answer: Extract<QuickState, { kind: 'answering' }>['answer'],
    agreed: Extract<Answer, { kind: 'agreed' }> | undefined,
    context: IkeContext,
  ): void {
    const sharedSecret = agreed?.sharedSecret
    const state: QuickState = {
      kind: 'answered',
      terms,
      ...(sharedSecret === undefined ? {} : { sharedSecret }),
    }
    const inbound = this.#inbound(terms, sharedSecret, context)
    const payloads = message2(terms, answer, agreed?.own)
    const bound = boundTo(exchange.messageId, terms.nonceI)
    this.#send({ ...exchange, state }, 2, payloads, bound, 'repeated', context, inbound)
  }

  /** Message 3 goes out, and the inbound SA opens. */
  #confirm(
    exchange: Exchange,
    terms: ChildTerms,
    sharedSecret: Uint8Array | undefined,
    context: IkeContext,
  ): void {
    const inbound = this.#inbound(terms, sharedSecret, context)
    const outbound = this.#outbound(terms, sharedSecret, context)
    const bound = [Uint8Array.of(0), ...boundTo(exchange.messageId, terms.nonceI, terms.nonceR)]
    const done: Exchange = { ...exchange, state: { kind: 'done' }, forgetAt: context.now + LINGER }
    this.#send(done, 3, [], bound, 'once', context, inbound)
    this.#established(exchange, terms, outbound, context)
  }

  /** The notify goes in an Informational exchange of its own (RFC 2408 §5.4); the initiator's repeats are absorbed. */
  #refuse(
    begun: Omit<Exchange, 'state'>,
    payloads: readonly Payload[],
    error: NoAgreement,
    context: IkeContext,
  ): void {
    const sa = payloads.find((payload) => payload.type === 'SA')
    const spi = sa?.proposals[0]?.spi ?? new Uint8Array(0)
    const name = error.code === 'no-selectors' ? 'INVALID-ID-INFORMATION' : 'NO-PROPOSAL-CHOSEN'
    this.#commit({ ...begun, state: { kind: 'done' } })
    sendInformational(this.#channel, [childNotify(name, spi)], context)
    context.outcomes.push({
      kind: 'child-failed',
      sa: this.#sa,
      child: undefined,
      failure: error.failure,
    })
  }

  #fail(exchange: Exchange, failure: Failure, context: IkeContext): void {
    this.#closeInbound(exchange, context)
    this.#exchanges.delete(exchange.messageId)
    context.outcomes.push({ kind: 'child-failed', sa: this.#sa, child: exchange.child, failure })
  }

  #closeInbound({ state, child }: Exchange, context: IkeContext): void {
    if (state.kind !== 'answered' || child === undefined) return
    context.effects.push({
      kind: 'remove-sa',
      direction: 'inbound',
      child,
      spi: state.terms.ownSpi,
    })
  }

  /** Everything that can fail comes first: then the message goes out with all it promises, or nothing has happened. */
  #send(
    exchange: Exchange,
    number: number,
    payloads: readonly Payload[],
    bound: readonly Uint8Array[],
    how: 'repeated' | 'once',
    context: IkeContext,
    inbound?: InboundSa,
  ): void {
    const { messageId, role } = exchange
    const plain: OutgoingMessage = { exchange: 'quick', messageId, role, number, payloads }
    const { message, octets, nextIv } = this.#channel.seal(plain, exchange.iv, bound, context)
    const retransmission = how === 'repeated' ? firstTransmission(octets, context.now) : undefined
    this.#commit({ ...exchange, iv: nextIv, sent: { message, octets }, retransmission })
    if (inbound !== undefined) context.effects.push({ kind: 'install-sa', sa: inbound })
    this.#channel.transmit(message, octets, 0, context)
  }

  /** While our answer is still being computed, what we sent last would only make the peer repeat itself in turn, without end. */
  #repeat({ state, sent }: Exchange, context: IkeContext): void {
    if (sent === undefined || (state.kind !== 'answered' && state.kind !== 'done')) return
    this.#channel.transmit(sent.message, sent.octets, 1, context)
  }

  #ask(exchange: Exchange, question: Question, context: IkeContext): void {
    this.#commit({ ...exchange, pendingAsk: context.ask(this.#sa, question) })
  }

  #commit(exchange: Exchange): void {
    this.#exchanges.set(exchange.messageId, exchange)
  }

  #inbound(
    terms: ChildTerms,
    sharedSecret: Uint8Array | undefined,
    context: IkeContext,
  ): InboundSa {
    return {
      direction: 'inbound',
      replayWindow: this.#tunnel.replayWindow,
      ...this.#parameters(terms.ownSpi, terms, sharedSecret, context),
    }
  }

  #outbound(
    terms: ChildTerms,
    sharedSecret: Uint8Array | undefined,
    context: IkeContext,
  ): OutboundSa {
    return {
      direction: 'outbound',
      ...this.#parameters(terms.choice.peerSpi, terms, sharedSecret, context),
    }
  }

  #parameters(
    spi: EspSpi,
    { child, choice, selectors, wish, nonceI, nonceR }: ChildTerms,
    sharedSecret: Uint8Array | undefined,
    context: IkeContext,
  ): Omit<OutboundSa, 'direction'> {
    const secrets = { nonceI, nonceR, ...(sharedSecret === undefined ? {} : { sharedSecret }) }
    return {
      spi,
      child,
      selectors,
      suite: choice.suite,
      mode: wish.mode,
      encapsulation: wish.udp ? 'udp' : 'native',
      local: this.#sa.local,
      remote: this.#sa.remote,
      ...deriveChildKeys(context.crypto, this.#channel.keys, choice.suite, spi, secrets),
    }
  }

  #established(
    { role, startedAt }: Exchange,
    terms: ChildTerms,
    outbound: OutboundSa,
    context: IkeContext,
  ): void {
    const { child, choice, selectors, wish, ownSpi, rekeyOf } = terms
    context.outcomes.push({
      kind: 'child-established',
      sa: this.#sa,
      role,
      rekeyOf,
      startedAt,
      outbound,
      facts: {
        child,
        selectors,
        inboundSpi: ownSpi,
        outboundSpi: choice.peerSpi,
        suite: choice.suite,
        pfs: wish.pfs,
        mode: wish.mode,
        encapsulation: wish.udp ? 'udp' : 'native',
        lifetime: choice.lifetime,
        establishedAt: context.now,
        ...lifeOf(choice.lifetime.seconds, role, context.now, context.crypto),
      },
    })
  }

  #tellReceived(
    datagram: Datagram,
    messageId: number,
    role: 'initiator' | 'responder',
    number: number,
    payloads: readonly Payload[],
    context: IkeContext,
  ): void {
    this.#channel.tellReceived(
      { exchange: 'quick', messageId, role, number, payloads },
      datagram,
      context,
    )
  }

  #pairOf({ child }: Exchange) {
    return child === undefined ? undefined : this.#tunnel.networks[child.pair]
  }
}

const NONCE_OCTETS = 32
/** How long an exchange may wait for public-key work or for its turn, in milliseconds. */
const EXCHANGE_TIME = 60_000
/** How long a finished exchange still answers repeats. */
const LINGER = 60_000
/** At once, under one ISAKMP SA. */
const MAX_EXCHANGES = 256
