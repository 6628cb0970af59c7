import { concat } from '#bytes/concat'
import { equalOctets } from '#bytes/equal'
import { toHex } from '#bytes/hex'
import type { Endpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { ChildId, EspSpi } from '#esp/sa'
import { ExchangeType, isErrorNotify, NotifyType } from '#iana/isakmp'
import type { Answer, Instant, Question } from '#ike/effects'
import { AuthenticationFailure, PeerViolation } from '#ike/errors'
import type { CloseReason, DropReason, Failure, IkeSaFacts } from '#ike/events'
import { lifeOf } from '#ike/lifetimes'
import { every } from '#ike/message-rules'
import type { NatVerdict } from '#ike/nat'
import { firstTransmission, type Retransmission, retransmitted } from '#ike/retransmission'
import type { Datagram, IkeContext, IkeSa } from '#ike/version'
import { formatIdentity } from '#policy/identity'
import { HEADER_OCTETS, type IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { decodePayloads, encodePayloadBody, type PlacedPayload } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import {
  badPublicValue,
  message5Silent,
  phase1Refused,
  port4500Silent,
  silence,
  undecryptable,
} from './failures.ts'
import { readInformational, sendInformational } from './informational.ts'
import { NAT_TRAVERSAL_PORT } from './nat-traversal.ts'
import { phase1Notify } from './notify.ts'
import { offerPhase1 } from './phase1-proposals.ts'
import { Phase2 } from './phase2.ts'
import { Phase2Channel } from './phase2-channel.ts'
import { encodePlain, FLAG_ENCRYPTION, open, seal } from './protect.ts'
import type { Established, Keyed, PeerAbilities, Phase1State } from './state.ts'
import type { Cookies, Phase1Environment, Step } from './step.ts'
import {
  answerMessage1,
  mainModeRows,
  sendMessage3,
  sendMessage4,
  sendMessage5,
} from './transitions/main-mode.ts'
import { ownVendorIds, readAbilities } from './vendor-ids.ts'

/** One ISAKMP SA: phase 1 here, what runs under it in `phase2.ts`. Holds the state; the transitions decide. */
export class Ikev1Sa implements IkeSa {
  readonly tunnel: string
  readonly role: 'initiator' | 'responder'
  readonly startedAt: Instant
  readonly #config: TunnelConfig
  readonly #initialContact: boolean
  #cookies: Cookies
  #state: Phase1State
  #abilities: PeerAbilities = { natTraversal: false, dpd: false }
  #nat: NatVerdict = { local: false, remote: false }
  #local: Endpoint
  #remote: Endpoint
  /** Last message of phase 1 each way: a repeat of the one is answered by the other. */
  #received: Uint8Array | undefined
  #sent:
    | {
        readonly octets: Uint8Array
        readonly number: number
        readonly payloads: readonly Payload[]
      }
    | undefined
  #retransmission: Retransmission | undefined
  #pendingAsk: number | undefined
  /** When a half-open SA is given up. */
  #giveUpAt: Instant
  #hinted: Failure | undefined
  #refused = false
  #phase2: Phase2 | undefined
  #keepaliveAt: Instant | undefined

  private constructor(
    config: TunnelConfig,
    role: 'initiator' | 'responder',
    cookies: Cookies,
    state: Phase1State,
    ends: { readonly local: Endpoint; readonly remote: Endpoint },
    initialContact: boolean,
    now: Instant,
  ) {
    this.#config = config
    this.tunnel = config.name
    this.role = role
    this.#cookies = cookies
    this.#state = state
    this.#local = ends.local
    this.#remote = ends.remote
    this.#initialContact = initialContact
    this.startedAt = now
    this.#giveUpAt = now + HALF_OPEN_TIME
  }

  /** Message 1 goes out at once. */
  static initiate(config: TunnelConfig, initialContact: boolean, context: IkeContext): Ikev1Sa {
    const offer = offerPhase1(config.phase1.suites, config.phase1.lifetime)
    const cookies = cookiesOf(freshCookie(context), new Uint8Array(8))
    const ends = {
      local: { address: config.local, port: 500 },
      remote: { address: config.peer, port: 500 },
    }
    const state: Phase1State = { kind: 'sa-sent', offer, saBody: encodePayloadBody(offer) }
    const sa = new Ikev1Sa(config, 'initiator', cookies, state, ends, initialContact, context.now)
    sa.#send([offer, ...ownVendorIds()], 1, context)
    return sa
  }

  /** @throws NoAgreement, PeerViolation, MalformedMessage; then no SA exists. */
  static accept(
    config: TunnelConfig,
    datagram: Datagram,
    header: IkeHeader,
    context: IkeContext,
  ): Ikev1Sa {
    const payloads = decodePayloads(
      header.nextPayload,
      datagram.octets.subarray(0, header.length),
      HEADER_OCTETS,
    )
    const cookies = cookiesOf(header.initiatorSpi.slice(), freshCookie(context))
    const closed: Phase1State = { kind: 'closed' }
    const sa = new Ikev1Sa(config, 'responder', cookies, closed, datagram, false, context.now)
    sa.#abilities = readAbilities(plainOf(payloads.payloads))
    const step = answerMessage1(payloads.payloads, sa.#environment(datagram, context))
    sa.#tellMessage('received', datagram, 1, plainOf(payloads.payloads), false, context)
    sa.#received = datagram.octets
    sa.#commit(step, 1, datagram, undefined, context)
    return sa
  }

  get initiatorSpi(): string {
    return toHex(this.#cookies.initiator)
  }

  get responderSpi(): string {
    return toHex(this.#cookies.responder)
  }

  get local(): Endpoint {
    return this.#local
  }

  get remote(): Endpoint {
    return this.#remote
  }

  get state(): 'negotiating' | 'established' | 'closed' {
    if (this.#state.kind === 'established' || this.#state.kind === 'closed') return this.#state.kind
    return 'negotiating'
  }

  get peerAliveAt(): Instant {
    return this.#phase2?.aliveAt ?? this.startedAt
  }

  facts(): IkeSaFacts | undefined {
    const state = this.#state
    if (state.kind !== 'established') return undefined
    const { vendor } = this.#abilities
    return {
      initiatorSpi: this.initiatorSpi,
      responderSpi: this.responderSpi,
      role: this.role,
      version: 'IKEv1',
      exchange: 'Main mode',
      suite: state.suite,
      lifetime: state.lifetime,
      local: this.#local,
      remote: this.#remote,
      localId: formatIdentity(this.#config.localId),
      remoteId: formatIdentity(state.peer.identity),
      ...(vendor === undefined ? {} : { peerVendor: vendor }),
      nat: this.#nat,
      establishedAt: state.at,
      rekeyAt: this.#phase2?.worn === true ? state.at : state.rekeyAt,
      expiresAt: state.expiresAt,
    }
  }

  handleDatagram(datagram: Datagram, header: IkeHeader, context: IkeContext): void {
    if (this.#state.kind === 'closed') return
    const encrypted = (header.flags & FLAG_ENCRYPTION) !== 0
    switch (header.exchangeType) {
      case ExchangeType.number('IDENTITY-PROTECTION'):
        this.#handleMainMode(datagram, header, encrypted, context)
        return
      case ExchangeType.number('QUICK-MODE'):
      case ExchangeType.number('INFORMATIONAL'):
        if (!encrypted) {
          this.#handleClearNotify(datagram, header, context)
          return
        }
        if (this.#phase2 !== undefined) {
          const fresh = this.#phase2.handle(datagram, header, context)
          if (fresh) this.#heardFrom(datagram, context)
          if (this.#phase2.closedByPeer) this.#end('peer-deleted', context)
          return
        }
        this.#handleEarlyInformational(datagram, header, context)
        return
      default:
        this.#drop(
          datagram,
          'out-of-state',
          `exchange type ${header.exchangeType} is not spoken here`,
          context,
        )
    }
  }

  handleAnswer(id: number, answer: Answer, context: IkeContext): void {
    if (id !== this.#pendingAsk) {
      this.#phase2?.quick.handleAnswer(id, answer, context)
      return
    }
    this.#pendingAsk = undefined
    if (answer.kind === 'refused') {
      this.#fail(badPublicValue(this.#config, answer.reason), context)
      return
    }
    const environment = this.#environment({ local: this.#local, remote: this.#remote }, context)
    const state = this.#state
    try {
      if (state.kind === 'generating')
        this.#commit(sendMessage3(state, answer.own, environment), 2, undefined, undefined, context)
      if (answer.kind !== 'agreed') return
      if (state.kind === 'answering') {
        this.#commit(
          sendMessage4(state, answer.own, answer.sharedSecret, environment),
          3,
          undefined,
          undefined,
          context,
        )
      }
      if (state.kind === 'agreeing') {
        this.#floatPort()
        this.#commit(
          sendMessage5(state, answer.own, answer.sharedSecret, environment),
          4,
          undefined,
          undefined,
          context,
        )
      }
    } catch (error) {
      if (!(error instanceof PeerViolation)) throw error
      this.#fail(badPublicValue(this.#config, error.message), context)
    }
  }

  handleDeadline(context: IkeContext): void {
    const { now } = context
    if (this.state === 'closed') return
    if (this.#retransmission !== undefined && this.#retransmission.nextAt <= now)
      this.#retransmit(context)
    if (
      this.state === 'negotiating' &&
      this.#retransmission === undefined &&
      this.#giveUpAt <= now
    ) {
      if (this.role === 'responder') this.#end('failed', context)
      else this.#fail(this.#silence(), context)
    }
    if (this.#phase2?.handleDeadline(context) === 'dead') this.#end('dead-peer', context)
    const state = this.#state
    if (state.kind !== 'established') return
    if (state.expiresAt <= now) {
      this.close('expired', [], context)
      return
    }
    if (this.#keepaliveAt !== undefined && this.#keepaliveAt <= now) {
      context.effects.push({ kind: 'nat-keepalive', local: this.#local, remote: this.#remote })
      this.#keepaliveAt = now + NAT_KEEPALIVE_EVERY
    }
  }

  deadline(): Instant | undefined {
    if (this.#state.kind === 'closed') return undefined
    if (this.#state.kind !== 'established') return this.#retransmission?.nextAt ?? this.#giveUpAt
    const deadlines = [this.#state.expiresAt, this.#phase2?.deadline(), this.#keepaliveAt].filter(
      (at) => at !== undefined,
    )
    return Math.min(...deadlines)
  }

  openChild(child: ChildId, rekeyOf: EspSpi | undefined, context: IkeContext): void {
    this.#phase2?.quick.initiate(child, rekeyOf, context)
  }

  negotiating(): readonly ChildId[] {
    return this.#phase2?.quick.negotiating() ?? []
  }

  deleteChildren(inboundSpis: readonly EspSpi[], context: IkeContext): void {
    this.#phase2?.sendDeletes(inboundSpis, 'children only', context)
  }

  abandon(context: IkeContext): void {
    this.#end('failed', context)
  }

  follow(remote: Endpoint): void {
    if (this.#nat.remote) this.#remote = remote
  }

  probe(context: IkeContext): void {
    this.#phase2?.probe(context)
  }

  close(why: CloseReason, inboundSpis: readonly EspSpi[], context: IkeContext): void {
    if (this.state === 'closed') return
    // A peer that restarted or fell silent knows nothing of this SA.
    if (why !== 'peer-restarted' && why !== 'dead-peer') {
      this.#phase2?.sendDeletes(inboundSpis, 'with ISAKMP SA', context)
    }
    this.#end(why, context)
  }

  #handleMainMode(
    datagram: Datagram,
    header: IkeHeader,
    encrypted: boolean,
    context: IkeContext,
  ): void {
    if (this.#received !== undefined && equalOctets(datagram.octets, this.#received)) {
      this.#answerRepeat(datagram, context)
      return
    }
    const state = this.#state
    const row = mainModeRows.find((one) => one.from === state.kind)
    const keyed = state.kind === 'id-sent' || state.kind === 'ke-answered'
    if (row === undefined || header.messageId !== 0 || keyed !== encrypted) {
      this.#drop(datagram, 'out-of-state', `Main mode message while ${state.kind}`, context)
      return
    }
    let receivedIv: Uint8Array | undefined
    try {
      const { payloads, nextIv } = keyed
        ? open(context.crypto, state.keys, state.iv, header, datagram.octets)
        : {
            ...decodePayloads(
              header.nextPayload,
              datagram.octets.subarray(0, header.length),
              HEADER_OCTETS,
            ),
            nextIv: undefined,
          }
      receivedIv = nextIv
      if (state.kind === 'sa-sent') this.#learnResponder(header, payloads)
      const step = row.run(state, payloads, this.#environment(datagram, context))
      this.#tellMessage('received', datagram, row.message, plainOf(payloads), encrypted, context)
      this.#received = datagram.octets
      this.#retransmission = undefined
      this.#commit(step, row.message, datagram, nextIv, context)
    } catch (error) {
      if (state.kind === 'sa-sent') this.#forgetResponder()
      this.#refuse(
        error,
        keyed ? (row.message === 5 ? 5 : 6) : undefined,
        receivedIv,
        datagram,
        context,
      )
    }
  }

  /** What a message that led nowhere costs: a count, a word to the operator, and at most one notify to the peer. */
  #refuse(
    error: unknown,
    keyedMessage: 5 | 6 | undefined,
    receivedIv: Uint8Array | undefined,
    datagram: Datagram,
    context: IkeContext,
  ): void {
    if (error instanceof AuthenticationFailure) {
      this.#sayAuthenticationFailed(receivedIv, context)
      this.#fail(error.failure, context)
      return
    }
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    if (keyedMessage === undefined) {
      this.#drop(
        datagram,
        error instanceof MalformedMessage ? 'malformed' : 'out-of-state',
        error.message,
        context,
      )
      return
    }
    this.#drop(datagram, 'undecryptable', error.message, context)
    if (this.#refused) return
    this.#refused = true
    const failure = undecryptable(this.#config, keyedMessage)
    this.#hinted = failure
    context.outcomes.push({ kind: 'ike-sa-failed', sa: this, failure })
    if (this.role === 'responder') this.#sendClear('PAYLOAD-MALFORMED', datagram, context)
  }

  #commit(
    step: Step,
    message: number,
    datagram: Datagram | undefined,
    receivedIv: Uint8Array | undefined,
    context: IkeContext,
  ): void {
    if (step.nat !== undefined) this.#learnNat(step.nat, context)
    if (step.ask !== undefined) this.#ask(step.ask, context)
    this.#giveUpAt = context.now + HALF_OPEN_TIME
    if (step.next.kind !== 'authenticated') {
      this.#state = step.next
      if (step.send !== undefined) this.#send(step.send, message + 1, context, datagram)
      return
    }
    const { peer, from } = step.next
    let lastBlock = receivedIv ?? from.iv
    if (datagram !== undefined) this.#moveTo(datagram)
    if (step.send !== undefined) {
      this.#state = { ...from, kind: 'ke-answered', iv: lastBlock }
      lastBlock = this.#send(step.send, message + 1, context, datagram) ?? lastBlock
    }
    const life = lifeOf(from.lifetime.seconds, this.role, context.now, context.crypto)
    const { suite, lifetime, keys } = from
    this.#establish(
      { kind: 'established', suite, lifetime, keys, lastBlock, peer, at: context.now, ...life },
      step,
      context,
    )
  }

  #establish(state: Established, step: Step, context: IkeContext): void {
    this.#state = state
    const channel = this.#channel(state, state.lastBlock)
    const options = { udp: () => this.#udp(), peerKnowsDpd: this.#abilities.dpd }
    this.#phase2 = new Phase2(this, this.#config, channel, options, context)
    if (this.#nat.local) this.#keepaliveAt = context.now + NAT_KEEPALIVE_EVERY
    context.outcomes.push({ kind: 'ike-sa-established', sa: this })
    if (step.initialContact === true) context.outcomes.push({ kind: 'initial-contact', sa: this })
  }

  #send(
    payloads: readonly Payload[],
    number: number,
    context: IkeContext,
    answerTo?: Datagram,
  ): Uint8Array | undefined {
    const header = {
      initiatorSpi: this.#cookies.initiator,
      responderSpi: this.#cookies.responder,
      exchangeType: ExchangeType.number('IDENTITY-PROTECTION'),
      messageId: 0,
    }
    const state = this.#state
    const keyed = number >= 5 && (state.kind === 'id-sent' || state.kind === 'ke-answered')
    const sealed = keyed ? seal(context.crypto, state.keys, state.iv, header, payloads) : undefined
    const octets = sealed?.octets ?? encodePlain(header, payloads)
    if (sealed !== undefined && keyed) this.#state = { ...state, iv: sealed.nextIv }
    this.#sent = { octets, number, payloads }
    // Only the initiator repeats itself: a responder that did could be used to flood a third party (CVE-2016-5361).
    if (this.role === 'initiator') this.#retransmission = firstTransmission(octets, context.now)
    this.#transmit(answerTo ?? { local: this.#local, remote: this.#remote }, 0, context)
    return sealed?.nextIv
  }

  #transmit(
    ends: { local: Endpoint; remote: Endpoint },
    repeat: number,
    context: IkeContext,
  ): void {
    if (this.#sent === undefined) return
    const { octets, number, payloads } = this.#sent
    context.effects.push({ kind: 'send', octets, local: ends.local, remote: ends.remote })
    this.#tellMessage('sent', { ...ends, octets }, number, payloads, number >= 5, context, repeat)
  }

  #answerRepeat(datagram: Datagram, context: IkeContext): void {
    // An initiator's repeats go by its own clock; it answers message 6 with nothing. Message 4 may still be in the making.
    if (this.role === 'responder' && this.#state.kind !== 'answering') {
      this.#transmit(datagram, 1, context)
    }
  }

  #retransmit(context: IkeContext): void {
    if (this.#retransmission === undefined) return
    const next = retransmitted(this.#retransmission, context.now)
    if (next === 'exhausted') {
      this.#fail(this.#silence(), context)
      return
    }
    this.#retransmission = next
    this.#transmit({ local: this.#local, remote: this.#remote }, next.repeats, context)
  }

  #silence(): Failure {
    if (this.#hinted !== undefined) return this.#hinted
    const number = this.#sent?.number ?? 1
    if (number < 5) return silence(this.#config, number, RETRANSMISSIONS, 31)
    return this.#udp() ? port4500Silent(this.#config) : message5Silent(this.#config)
  }

  /** Anyone can send such a notify, so it changes nothing; but it is shown at once (RFC 2408 §5.15). */
  #handleClearNotify(datagram: Datagram, header: IkeHeader, context: IkeContext): void {
    if (this.state === 'established') {
      this.#drop(datagram, 'unauthenticated', 'a message in clear about an established SA', context)
      return
    }
    try {
      const { payloads } = decodePayloads(
        header.nextPayload,
        datagram.octets.subarray(0, header.length),
        HEADER_OCTETS,
      )
      this.#tellMessage(
        'received',
        datagram,
        1,
        plainOf(payloads),
        false,
        context,
        0,
        'informational',
      )
      const [notify] = every(plainOf(payloads), 'N')
      if (notify === undefined || this.role === 'responder' || this.#hinted !== undefined) return
      this.#hinted = phase1Refused(this.#config, notify.notifyType, this.#sent?.number ?? 1)
      context.tell({ kind: 'refusal-hinted', tunnel: this.tunnel, failure: this.#hinted })
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#drop(datagram, 'malformed', error.message, context)
    }
  }

  /** A responder that refuses message 5 may say so under the keys both already have; then it is no hint but a fact. */
  #handleEarlyInformational(datagram: Datagram, header: IkeHeader, context: IkeContext): void {
    const state = this.#state
    if (state.kind !== 'id-sent' || header.exchangeType !== ExchangeType.number('INFORMATIONAL')) {
      this.#drop(datagram, 'out-of-state', `an encrypted message while ${state.kind}`, context)
      return
    }
    const news = readInformational(this.#channel(state, state.iv), datagram, header, context)
    const refusal = news?.notifies.find(({ notifyType }) => isErrorNotify(notifyType))
    if (refusal === undefined) return
    const failure = phase1Refused(this.#config, refusal.notifyType, 5)
    const evidence = `encrypted notify ${NotifyType.nameOf(refusal.notifyType)} in answer to message 5; the pre-shared keys are the same`
    this.#fail(
      {
        ...failure,
        code: 'CW-303',
        summary: `${this.tunnel} has our key but not our identity ${formatIdentity(this.#config.localId)}`,
        evidence,
        certainty: 'very likely',
        key: 'id',
        remedy: `have ${this.tunnel} expect ${formatIdentity(this.#config.localId)}, or set id here to what it expects`,
      },
      context,
    )
  }

  #sayAuthenticationFailed(receivedIv: Uint8Array | undefined, context: IkeContext): void {
    const state = this.#state
    if (state.kind !== 'ke-answered' && state.kind !== 'id-sent') return
    const refusal = phase1Notify('AUTHENTICATION-FAILED', this.#cookies.pair)
    sendInformational(this.#channel(state, receivedIv ?? state.iv), [refusal], context)
  }

  #sendClear(name: 'PAYLOAD-MALFORMED', to: Datagram, context: IkeContext): void {
    const { initiator: initiatorSpi, responder: responderSpi, pair } = this.#cookies
    const header = {
      initiatorSpi,
      responderSpi,
      exchangeType: ExchangeType.number('INFORMATIONAL'),
      messageId: context.crypto.random(4).reduce((sum, octet) => sum * 256 + octet, 0),
    }
    const octets = encodePlain(header, [phase1Notify(name, pair)])
    context.effects.push({ kind: 'send', octets, local: to.local, remote: to.remote })
  }

  /** A fresh message under the keys: the peer lives, and its NAT may have moved it (RFC 3947 §4). */
  #heardFrom(datagram: Datagram, context: IkeContext): void {
    const { remote } = datagram
    if (
      !this.#nat.remote ||
      (remote.address === this.#remote.address && remote.port === this.#remote.port)
    )
      return
    this.#moveTo(datagram)
    context.outcomes.push({ kind: 'peer-moved', sa: this })
  }

  #moveTo({ local, remote }: Datagram): void {
    this.#local = local
    this.#remote = remote
  }

  /** From message 5 on, once a NAT is known, both ports are 4500 (RFC 3947 §4). */
  #floatPort(): void {
    if (!this.#udp() || this.role === 'responder') return
    this.#local = { ...this.#local, port: NAT_TRAVERSAL_PORT }
    this.#remote = { ...this.#remote, port: NAT_TRAVERSAL_PORT }
  }

  #udp(): boolean {
    const forced = this.#config.encapsulation === 'force' && this.#abilities.natTraversal
    return this.#nat.local || this.#nat.remote || forced
  }

  #learnNat(nat: NatVerdict, context: IkeContext): void {
    this.#nat = nat
    if (nat.local || nat.remote) context.tell({ kind: 'nat-detected', tunnel: this.tunnel, ...nat })
    if (this.#config.encapsulation === 'force' && !this.#abilities.natTraversal) {
      const text = `${this.tunnel} does not know NAT traversal (RFC 3947): encapsulation: force has no effect`
      context.tell({ kind: 'warning', tunnel: this.tunnel, text })
    }
  }

  #learnResponder({ responderSpi }: IkeHeader, payloads: readonly PlacedPayload[]): void {
    if (responderSpi.every((octet) => octet === 0)) {
      throw new PeerViolation('wrong-payload-content', 'message 2 has no responder cookie')
    }
    this.#cookies = cookiesOf(this.#cookies.initiator, responderSpi.slice())
    this.#abilities = readAbilities(plainOf(payloads))
  }

  /** Message 2 was refused; another, genuine one may still come. */
  #forgetResponder(): void {
    this.#cookies = cookiesOf(this.#cookies.initiator, new Uint8Array(8))
  }

  #ask(question: Question, context: IkeContext): void {
    this.#pendingAsk = context.ask(this, question)
  }

  #fail(failure: Failure, context: IkeContext): void {
    context.outcomes.push({ kind: 'ike-sa-failed', sa: this, failure })
    this.#end('failed', context)
  }

  #end(why: CloseReason, context: IkeContext): void {
    if (this.#state.kind === 'closed') return
    this.#phase2?.quick.abandon(context)
    this.#state = { kind: 'closed' }
    this.#retransmission = undefined
    this.#pendingAsk = undefined
    context.outcomes.push({ kind: 'ike-sa-closed', sa: this, why })
  }

  #channel(state: Keyed | Established, lastBlock: Uint8Array): Phase2Channel {
    const ends = () => ({ local: this.#local, remote: this.#remote })
    return new Phase2Channel(this.tunnel, state.keys, this.#cookies, lastBlock, ends)
  }

  #environment(
    ends: { readonly local: Endpoint; readonly remote: Endpoint },
    context: IkeContext,
  ): Phase1Environment {
    return {
      crypto: context.crypto,
      tunnel: this.#config,
      cookies: this.#cookies,
      local: ends.local,
      remote: ends.remote,
      abilities: this.#abilities,
      initialContact: this.#initialContact,
    }
  }

  #drop(datagram: Datagram, reason: DropReason, detail: string, context: IkeContext): void {
    context.tell({ kind: 'dropped', tunnel: this.tunnel, remote: datagram.remote, reason, detail })
  }

  #tellMessage(
    direction: 'sent' | 'received',
    datagram: Datagram,
    number: number,
    payloads: readonly Payload[],
    encrypted: boolean,
    context: IkeContext,
    repeat = 0,
    exchange: 'main' | 'informational' = 'main',
  ): void {
    const ours = exchange === 'main' ? this.role : direction === 'sent' ? 'initiator' : 'responder'
    context.tell({
      kind: 'message',
      tunnel: this.tunnel,
      direction,
      exchange,
      role: ours,
      number,
      messageId: 0,
      initiatorSpi: this.initiatorSpi,
      responderSpi: this.responderSpi,
      local: datagram.local,
      remote: datagram.remote,
      octets: datagram.octets.length,
      encrypted,
      repeat,
      payloads,
    })
  }
}

function cookiesOf(initiator: Uint8Array, responder: Uint8Array): Cookies {
  return { initiator, responder, pair: concat(initiator, responder) }
}

/** Eight random octets, never all zero: that would mean "not known yet" (RFC 2408 §2.5.3). */
function freshCookie({ crypto }: IkeContext): Uint8Array {
  const cookie = crypto.random(8)
  return cookie.some((octet) => octet !== 0) ? cookie : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
}

function plainOf(payloads: readonly PlacedPayload[]): readonly Payload[] {
  return payloads.map(({ payload }) => payload)
}

/** How long a half-open SA waits for its next message, in milliseconds. */
const HALF_OPEN_TIME = 30_000
const NAT_KEEPALIVE_EVERY = 20_000
const RETRANSMISSIONS = 6
