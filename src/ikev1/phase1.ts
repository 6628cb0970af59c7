import { equalOctets } from '#bytes/equal'
import type { TunnelConfig } from '#config/config'
import { ExchangeType, isErrorNotify } from '#iana/isakmp'
import type { Answer, Instant, Question } from '#ike/effects'
import { AuthenticationFailure, PeerViolation } from '#ike/errors'
import type { DropReason, Failure } from '#ike/events'
import { lifeOf } from '#ike/lifetimes'
import { every } from '#ike/message-rules'
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { encodePayloadBody, type PlacedPayload } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { decodeClear, freshCookie, plainOf, sendClearNotify } from './clear-message.ts'
import * as failures from './failures.ts'
import { sendInformational } from './informational.ts'
import { phase1Notify } from './notify.ts'
import { PeerEnds } from './peer-ends.ts'
import { offerPhase1 } from './phase1-proposals.ts'
import { type Ends, Phase1Sender } from './phase1-sender.ts'
import { Phase2Channel } from './phase2-channel.ts'
import { encodePlain, open, outgoingHeader, seal } from './protect.ts'
import type { Established, Keyed, PeerAbilities, Phase1State } from './state.ts'
import { type Cookies, cookiesOf, type Phase1Environment, type Step } from './step.ts'
import {
  answerMessage1,
  mainModeRows,
  sendMessage3,
  sendMessage4,
  sendMessage5,
} from './transitions/main-mode.ts'
import { learnAbilities, ownVendorIds } from './vendor-ids.ts'

/** Phase 1 of one ISAKMP SA: holds the state, sends, repeats and refuses; the transitions decide where a message leads. */
export class Phase1 {
  readonly role: 'initiator' | 'responder'
  readonly #config: TunnelConfig
  /** Whether our message 5 says INITIAL-CONTACT; asked when it is made. */
  readonly #isFirstContact: () => boolean
  /** Whether the peer's message 5 said so. */
  #initialContact = false
  #cookies: Cookies
  #state: Phase1State
  #abilities: PeerAbilities = { natTraversal: false, dpd: false }
  readonly ends: PeerEnds
  /** Last message each way: a repeat of the one is answered by the other. */
  #received: Uint8Array | undefined
  readonly #sender: Phase1Sender
  readonly #questions: Question[] = []
  #pendingAsk: number | undefined
  /** When a half-open SA is given up. */
  #giveUpAt: Instant
  /** What the peer, or someone in its name, said in clear. */
  #hint: Failure | undefined
  readonly #failures: Failure[] = []

  private constructor(
    config: TunnelConfig,
    role: 'initiator' | 'responder',
    cookies: Cookies,
    state: Phase1State,
    ends: Ends,
    isFirstContact: () => boolean,
    now: Instant,
  ) {
    this.#config = config
    this.role = role
    this.#cookies = cookies
    this.#state = state
    this.ends = new PeerEnds(config, ends)
    this.#isFirstContact = isFirstContact
    this.#giveUpAt = now + HALF_OPEN_TIME
    this.#sender = new Phase1Sender(config.name, role)
  }

  static initiator(
    config: TunnelConfig,
    isFirstContact: () => boolean,
    context: IkeContext,
  ): Phase1 {
    const offer = offerPhase1(config.phase1.suites, config.phase1.lifetime)
    const cookies = cookiesOf(freshCookie(context), new Uint8Array(8))
    const ends = {
      local: { address: config.local, port: 500 },
      remote: { address: config.peer, port: 500 },
    }
    const state: Phase1State = { kind: 'sa-sent', offer, saBody: encodePayloadBody(offer) }
    return new Phase1(config, 'initiator', cookies, state, ends, isFirstContact, context.now)
  }

  /** Reads message 1 and answers it. @throws NoAgreement, PeerViolation, MalformedMessage */
  static responder(
    config: TunnelConfig,
    datagram: Datagram,
    header: IkeHeader,
    context: IkeContext,
  ): Phase1 {
    const payloads = decodeClear(datagram, header)
    const cookies = cookiesOf(header.initiatorSpi.slice(), freshCookie(context))
    const closed: Phase1State = { kind: 'closed' }
    const { now } = context
    const phase1 = new Phase1(config, 'responder', cookies, closed, datagram, () => false, now)
    phase1.#abilities = learnAbilities(phase1.#abilities, 1, plainOf(payloads))
    const step = answerMessage1(payloads, phase1.#environment(datagram, context))
    phase1.#tellReceived(datagram, 1, payloads, false, context)
    phase1.#received = datagram.octets
    phase1.#commit(step, 1, datagram, undefined, context)
    return phase1
  }

  get cookies(): Cookies {
    return this.#cookies
  }

  get state(): Phase1State {
    return this.#state
  }

  get abilities(): PeerAbilities {
    return this.#abilities
  }

  /** The peer said in message 5 that it holds no older SA. */
  get initialContact(): boolean {
    return this.#initialContact
  }

  /** What went wrong since the last call. */
  takeFailures(): readonly Failure[] {
    return this.#failures.splice(0)
  }

  /** Public-key work to be asked for, once; `asked` names it. */
  takeQuestions(): readonly Question[] {
    return this.#questions.splice(0)
  }

  asked(ask: number): void {
    this.#pendingAsk = ask
  }

  awaits(ask: number): boolean {
    return this.#pendingAsk === ask
  }

  deadline(): Instant {
    return this.#sender.nextAt ?? this.#giveUpAt
  }

  close(): void {
    this.#state = { kind: 'closed' }
    this.#sender.stop()
    this.#pendingAsk = undefined
    this.#questions.length = 0
  }

  channel({ keys }: Keyed | Established, lastBlock: Uint8Array): Phase2Channel {
    return new Phase2Channel(this.#config.name, keys, this.#cookies, lastBlock, () => this.ends)
  }

  sendMessage1(context: IkeContext): void {
    if (this.#state.kind !== 'sa-sent') return
    this.#send([this.#state.offer, ...ownVendorIds()], 1, this.ends, context)
  }

  handleMainMode(
    datagram: Datagram,
    header: IkeHeader,
    encrypted: boolean,
    context: IkeContext,
  ): void {
    if (this.#received !== undefined && equalOctets(datagram.octets, this.#received)) {
      // An initiator's repeats go by its own clock; and while message 4 is being computed there is nothing to repeat.
      if (this.role === 'responder' && this.#state.kind !== 'answering') {
        this.#sender.sendAgain(datagram, this.#cookies, context)
      }
      return
    }
    const state = this.#state
    const row = mainModeRows.find(({ from }) => from === state.kind)
    const keyed = state.kind === 'id-sent' || state.kind === 'ke-answered'
    if (row === undefined || header.messageId !== 0 || keyed !== encrypted) {
      this.drop(datagram, 'out-of-state', `Main mode message while ${state.kind}`, context)
      return
    }
    let receivedIv: Uint8Array | undefined
    try {
      const opened = keyed
        ? open(context.crypto, state.keys, state.iv, header, datagram.octets)
        : undefined
      receivedIv = opened?.nextIv
      const payloads = opened?.payloads ?? decodeClear(datagram, header)
      if (state.kind === 'sa-sent') {
        this.#cookies = cookiesOf(this.#cookies.initiator, header.responderSpi.slice())
      }
      const step = row.run(state, payloads, this.#environment(datagram, context))
      this.#abilities = learnAbilities(this.#abilities, row.message, plainOf(payloads))
      this.#tellReceived(datagram, row.message, payloads, encrypted, context)
      this.#received = datagram.octets
      this.#sender.stop()
      this.#commit(step, row.message, datagram, receivedIv, context)
    } catch (error) {
      // Message 2 was refused; another, genuine one may still come.
      if (state.kind === 'sa-sent') {
        this.#cookies = cookiesOf(this.#cookies.initiator, new Uint8Array(8))
      }
      this.#refuse(error, datagram, receivedIv, context)
    }
  }

  /** The public-key work asked for is done. */
  handleAnswer(answer: Answer, context: IkeContext): void {
    this.#pendingAsk = undefined
    if (answer.kind === 'refused') {
      this.fail(failures.badPublicValue(this.#config, answer.reason))
      return
    }
    try {
      const step = this.#stepOf(answer, context)
      if (step !== undefined) this.#commit(step.step, step.after, undefined, undefined, context)
    } catch (error) {
      if (!(error instanceof PeerViolation)) throw error
      this.fail(failures.badPublicValue(this.#config, error.message))
    }
  }

  handleDeadline(context: IkeContext): void {
    const { nextAt } = this.#sender
    if ((nextAt ?? this.#giveUpAt) > context.now) return
    if (
      nextAt !== undefined &&
      this.#sender.retransmit(this.ends, this.#cookies, context) === 'sent'
    )
      return
    if (this.role === 'initiator')
      this.fail(
        this.#hint ?? failures.unanswered(this.#config, this.#sender.lastNumber, this.ends.udp),
      )
    else this.close()
  }

  /** Anyone can send such a notify, so it changes nothing; but the operator sees it at once (RFC 2408 §5.15). */
  handleClearNotify(datagram: Datagram, header: IkeHeader, context: IkeContext): void {
    if (this.#state.kind === 'established') {
      this.drop(datagram, 'unauthenticated', 'a clear message about an established SA', context)
      return
    }
    try {
      const payloads = plainOf(decodeClear(datagram, header))
      const message = { exchange: 'informational', number: 1, payloads, encrypted: false } as const
      this.#sender.tellReceived(message, datagram, this.#cookies, context)
      const notify = every(payloads, 'N').find(({ notifyType }) => isErrorNotify(notifyType))
      if (notify === undefined || this.role === 'responder') return
      const after = this.#sender.lastNumber
      this.learnHint(failures.phase1Refused(this.#config, notify.notifyType, after), context)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.drop(datagram, 'malformed', error.message, context)
    }
  }

  /** Ends it; what is still to come is the SA's. */
  fail(failure: Failure): void {
    this.#failures.push(failure)
    this.close()
  }

  /** The first hint stays; it is what the operator reads when the time is up. */
  learnHint(hint: Failure, context: IkeContext): void {
    if (this.#hint !== undefined) return
    this.#hint = hint
    context.tell({ kind: 'refusal-hinted', tunnel: this.#config.name, failure: hint })
  }

  drop(datagram: Datagram, reason: DropReason, detail: string, context: IkeContext): void {
    const { remote } = datagram
    context.tell({ kind: 'dropped', tunnel: this.#config.name, remote, reason, detail })
  }

  /** Where the public-key work leads, and after which message it was asked for. */
  #stepOf(answer: Exclude<Answer, { kind: 'refused' }>, context: IkeContext) {
    const state = this.#state
    if (state.kind === 'agreeing') this.ends.floatPort()
    const environment = this.#environment(this.ends, context)
    const { own } = answer
    if (state.kind === 'generating')
      return { after: 2, step: sendMessage3(state, own, environment) }
    if (answer.kind !== 'agreed') return undefined
    const { sharedSecret } = answer
    if (state.kind === 'answering') {
      return { after: 3, step: sendMessage4(state, own, sharedSecret, environment) }
    }
    if (state.kind !== 'agreeing') return undefined
    return { after: 4, step: sendMessage5(state, own, sharedSecret, environment) }
  }

  /** What a message that led nowhere costs: a count, a word to the operator, and at most one notify to the peer. */
  #refuse(
    error: unknown,
    datagram: Datagram,
    receivedIv: Uint8Array | undefined,
    context: IkeContext,
  ): void {
    const state = this.#state
    const keyed = state.kind === 'id-sent' || state.kind === 'ke-answered'
    if (error instanceof AuthenticationFailure && keyed) {
      const refusal = phase1Notify('AUTHENTICATION-FAILED', this.#cookies.pair)
      sendInformational(this.channel(state, receivedIv ?? state.iv), [refusal], context)
      this.fail(error.failure)
      return
    }
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    if (!keyed) {
      const reason = error instanceof MalformedMessage ? 'malformed' : 'out-of-state'
      this.drop(datagram, reason, error.message, context)
      return
    }
    this.drop(datagram, 'undecryptable', error.message, context)
    if (this.#hint !== undefined) return
    this.#hint = failures.undecryptable(this.#config, this.role === 'responder' ? 5 : 6)
    this.#failures.push(this.#hint)
    if (this.role === 'initiator') return
    // In clear: with another key the peer could read nothing else.
    sendClearNotify('PAYLOAD-MALFORMED', this.#cookies, this.#cookies.pair, datagram, context)
  }

  #commit(
    step: Step,
    message: number,
    datagram: Datagram | undefined,
    receivedIv: Uint8Array | undefined,
    context: IkeContext,
  ): void {
    const { next, send, ask } = step
    if (step.nat !== undefined) this.ends.learnNat(step.nat, this.#abilities.natTraversal, context)
    this.#giveUpAt = context.now + HALF_OPEN_TIME
    if (next.kind !== 'authenticated') {
      this.#state = next
      if (ask !== undefined) this.#questions.push(ask)
      if (send !== undefined) this.#send(send, message + 1, datagram ?? this.ends, context)
      return
    }
    const { peer, from } = next
    let lastBlock = receivedIv ?? from.iv
    if (datagram !== undefined) this.ends.moveTo(datagram)
    if (send !== undefined) {
      this.#state = { ...from, kind: 'ke-answered', iv: lastBlock }
      lastBlock = this.#send(send, message + 1, this.ends, context) ?? lastBlock
    }
    const { suite, lifetime, keys } = from
    const { now: at, crypto } = context
    const life = lifeOf(lifetime.seconds, this.role, at, crypto)
    this.#initialContact = step.initialContact === true
    this.#state = { kind: 'established', suite, lifetime, keys, lastBlock, peer, at, ...life }
  }

  #send(
    payloads: readonly Payload[],
    number: number,
    ends: Ends,
    context: IkeContext,
  ): Uint8Array | undefined {
    const header = outgoingHeader(this.#cookies, MAIN_MODE, 0)
    const state = this.#state
    const keyed = number >= 5 && (state.kind === 'id-sent' || state.kind === 'ke-answered')
    const sealed = keyed ? seal(context.crypto, state.keys, state.iv, header, payloads) : undefined
    const octets = sealed?.octets ?? encodePlain(header, payloads)
    if (sealed !== undefined && keyed) this.#state = { ...state, iv: sealed.nextIv }
    const message = { exchange: 'main', number, payloads, encrypted: keyed } as const
    this.#sender.send(message, octets, ends, this.#cookies, context)
    return sealed?.nextIv
  }

  #environment({ local, remote }: Ends, { crypto }: IkeContext): Phase1Environment {
    return {
      crypto,
      tunnel: this.#config,
      cookies: this.#cookies,
      local,
      remote,
      abilities: this.#abilities,
      isFirstContact: this.#isFirstContact,
    }
  }

  #tellReceived(
    datagram: Datagram,
    number: number,
    payloads: readonly PlacedPayload[],
    encrypted: boolean,
    context: IkeContext,
  ): void {
    const message = { exchange: 'main', number, payloads: plainOf(payloads), encrypted } as const
    this.#sender.tellReceived(message, datagram, this.#cookies, context)
  }
}

const MAIN_MODE = ExchangeType.number('IDENTITY-PROTECTION')
/** How long a half-open SA waits for its next message, in milliseconds. */
const HALF_OPEN_TIME = 30_000
