import type { TunnelConfig } from '#config/config'
import { isErrorNotify } from '#iana/isakmp'
import type { Answer, Instant } from '#ike/effects'
import { AuthenticationFailure, PeerViolation } from '#ike/errors'
import type { DropReason, Failure } from '#ike/events'
import { every } from '#ike/message-rules'
import type { Datagram, Ends, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { decodeClear, freshCookie, plainOf, sendClearNotify } from './clear-message.ts'
import * as failures from './failures.ts'
import { sendInformational } from './informational.ts'
import { exportedKeys } from './key-export.ts'
import { undecryptable } from './key-failures.ts'
import { keySearch, opensMessage5 } from './key-search.ts'
import { phase1Notify } from './notify.ts'
import { configuredEnds, PeerEnds } from './peer-ends.ts'
import { PendingWork } from './pending-work.ts'
import { Phase1Hints } from './phase1-hints.ts'
import { Phase1Sender } from './phase1-sender.ts'
import { Phase2Channel } from './phase2-channel.ts'
import { encodePlain, isRepeatOf, open, outgoingHeader, seal } from './protect.ts'
import {
  awaitsWork,
  type Established,
  type Keyed,
  type PeerAbilities,
  type Phase1State,
} from './state.ts'
import { type Cookies, cookiesOf, type Phase1Environment, type Step } from './step.ts'
import {
  begin,
  EXCHANGE_NUMBERS,
  exchangeOf,
  firstAnswer,
  rowFor,
  stepAfterWork,
} from './transitions/phase1-exchanges.ts'
import type { Row } from './transitions/row.ts'
import { TunnelChoice } from './tunnel-choice.ts'
import { learnAbilities } from './vendor-ids.ts'

/** Phase 1 of one ISAKMP SA: holds the state, sends, repeats and refuses; the transitions decide where a message leads. */
export class Phase1 {
  readonly role: 'initiator' | 'responder'
  readonly #choice: TunnelChoice
  /** Whether we hold no older SA with the peer, as the initiator says with INITIAL-CONTACT; asked when it is said. */
  readonly isFirstContact: () => boolean
  /** Whether the peer's did. */
  #initialContact = false
  #cookies: Cookies
  #state: Phase1State = { kind: 'closed' }
  #abilities: PeerAbilities = { natTraversal: 'none', dpd: false, fragmentation: false }
  readonly ends: PeerEnds
  /** Last message each way: a repeat of the one is answered by the other. */
  #received: Datagram | undefined
  readonly #sender: Phase1Sender
  readonly work: PendingWork = new PendingWork()
  /** When a half-open SA is given up. */
  #giveUpAt: Instant
  readonly hints: Phase1Hints
  readonly #failures: Failure[] = []

  private constructor(
    choice: TunnelChoice,
    role: 'initiator' | 'responder',
    cookies: Cookies,
    ends: Ends,
    isFirstContact: () => boolean,
    now: Instant,
  ) {
    this.#choice = choice
    this.role = role
    this.#cookies = cookies
    this.ends = new PeerEnds(choice.config, ends)
    this.isFirstContact = isFirstContact
    this.#giveUpAt = now + HALF_OPEN_TIME
    this.#sender = new Phase1Sender(choice, role, this.ends)
    this.hints = new Phase1Hints(choice, this.#sender, () => OVER.has(this.#state.kind))
  }

  static initiator(
    config: TunnelConfig,
    isFirstContact: () => boolean,
    context: IkeContext,
    along?: Ends,
  ): Phase1 {
    const cookies = cookiesOf(freshCookie(context), new Uint8Array(8))
    const choice = new TunnelChoice(config)
    const ends = along ?? configuredEnds(config)
    return new Phase1(choice, 'initiator', cookies, ends, isFirstContact, context.now)
  }

  /** Reads message 1 and answers it. @throws NoAgreement, PeerViolation, MalformedMessage */
  static responder(
    candidates: readonly [TunnelConfig, ...TunnelConfig[]],
    datagram: Datagram,
    header: IkeHeader,
    context: IkeContext,
  ): Phase1 {
    const payloads = decodeClear(datagram, header)
    const cookies = cookiesOf(header.initiatorSpi.slice(), freshCookie(context))
    const { now } = context
    const choice = TunnelChoice.byMessage1(candidates, plainOf(payloads))
    const phase1 = new Phase1(choice, 'responder', cookies, datagram, () => false, now)
    phase1.#abilities = learnAbilities(phase1.#abilities, 1, plainOf(payloads))
    const step = firstAnswer(payloads, phase1.#environment(datagram, context))
    phase1.#sender.tellOwnReceived(1, payloads, datagram, cookies, context)
    phase1.#received = datagram
    phase1.#commit(step, 1, datagram, context)
    return phase1
  }

  get config(): TunnelConfig {
    return this.#choice.config
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

  /** The peer said beside its proof that it holds no older SA. */
  get initialContact(): boolean {
    return this.#initialContact
  }

  /** What went wrong since the last call. */
  takeFailures(): readonly Failure[] {
    return this.#failures.splice(0)
  }

  deadline(): Instant {
    const idle = this.#state.kind === 'established' ? Number.POSITIVE_INFINITY : this.#giveUpAt
    return this.#sender.nextAt ?? idle
  }

  close(): void {
    this.#state = { kind: 'closed' }
    this.#sender.stop()
    this.work.clear()
  }

  channel({ keys }: Keyed | Established, lastBlock: Uint8Array): Phase2Channel {
    return new Phase2Channel(this.config.name, keys, this.#cookies, lastBlock, this.ends)
  }

  /** Message 1 goes out, or the work for it is asked for. */
  begin(context: IkeContext): void {
    this.#commit(begin(this.#environment(this.ends, context)), 0, this.ends, context)
  }

  handleMessage(
    datagram: Datagram,
    header: IkeHeader,
    encrypted: boolean,
    context: IkeContext,
  ): void {
    if (this.#received !== undefined && isRepeatOf(this.#received.octets, datagram.octets)) {
      this.hints.repeated(this.#state.kind, this.ends.udp, context)
      this.#answerRepeat(datagram, context)
      return
    }
    const row = rowFor(this.#state, header.exchangeType)
    const allowed =
      row?.encrypted === 'either' || row?.encrypted === (encrypted ? 'always' : 'never')
    if (row === undefined || header.messageId !== 0 || !allowed) {
      this.drop(datagram, 'out-of-state', `phase 1 message while ${this.#state.kind}`, context)
      return
    }
    const before = this.#cookies
    let state = this.#state
    try {
      const opened =
        encrypted && 'iv' in state
          ? open(context.crypto, state.keys, state.iv, header, datagram.octets)
          : undefined
      if (opened !== undefined && 'iv' in state) state = { ...state, iv: opened.nextIv }
      const payloads = opened?.payloads ?? decodeClear(datagram, header)
      if (opened !== undefined && this.role === 'responder') this.#choice.narrow(plainOf(payloads))
      this.#cookies = cookiesOf(before.initiator, header.responderSpi.slice())
      const known = learnAbilities(this.#abilities, row.message, plainOf(payloads))
      const step = row.run(state, payloads, this.#environment(datagram, context, known))
      this.#abilities = known
      this.#sender.tellOwnReceived(row.message, payloads, datagram, this.#cookies, context)
      this.#received = datagram
      this.hints.wentOn()
      this.#sender.stop()
      this.#commit(step, row.message, datagram, context)
    } catch (error) {
      // What was refused may have come from anyone: the SPI in it, too.
      this.#cookies = before
      this.#refuse(error, row, state, datagram, context)
    }
  }

  /** The public-key work asked for is done. */
  handleAnswer(answer: Answer, context: IkeContext): void {
    this.work.clear()
    if (answer.kind === 'refused') {
      this.fail(failures.workFailed(this.config, this.#state, answer))
      return
    }
    this.hints.answered(answer, context)
    const state = this.#state
    if (state.kind === 'agreeing' || state.kind === 'aggressive-agreeing') this.ends.floatPort()
    // A responder answers where the message came from: a NAT may have moved the initiator, and message 5 comes from port 4500.
    const ends = (this.role === 'responder' ? this.#received : undefined) ?? this.ends
    try {
      const done = stepAfterWork(state, answer, this.#environment(ends, context))
      if (done !== undefined) this.#commit(done.step, done.after, ends, context)
    } catch (error) {
      if (error instanceof AuthenticationFailure) {
        this.#reject(error.failure, 'keyed' in state ? state.keyed : undefined, ends, context)
      } else if (error instanceof PeerViolation) {
        const wrong = { reason: error.message, by: 'peer' } as const
        this.fail(failures.workFailed(this.config, state, wrong))
      } else throw error
    }
  }

  handleDeadline(context: IkeContext): void {
    const { nextAt } = this.#sender
    if ((nextAt ?? this.#giveUpAt) > context.now) return
    const sent = nextAt !== undefined && this.#sender.retransmit(this.ends, this.#cookies, context)
    if (sent === 'sent') {
      this.hints.sentAgain(this.ends.udp, context)
      return
    }
    if (this.#state.kind === 'established') {
      this.confirmed()
      return
    }
    if (this.role === 'initiator') this.fail(this.hints.reason(context.now))
    else this.fail(this.hints.halfOpen(this.#state.kind, this.ends.udp, context))
  }

  /** The peer has shown that it has our last message: nothing more is repeated. */
  confirmed(): void {
    this.#sender.stop()
  }

  /** Anyone can send such a notify, so it changes nothing; but the operator sees it at once (RFC 2408 §5.14). */
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
      if (notify === undefined) return
      this.hints.refused(notify.notifyType, this.role, this.#sender.lastNumber, context)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.drop(datagram, 'malformed', error.message, context)
    }
  }

  /** Ends it, without a word where there is none; what is still to come is the SA's. */
  fail(failure: Failure | undefined): void {
    if (failure !== undefined)
      this.#failures.push(this.hints.judged(failure, this.#abilities.asksFor))
    this.close()
  }

  drop(datagram: Datagram, reason: DropReason, detail: string, context: IkeContext): void {
    const { remote } = datagram
    context.tell({ kind: 'dropped', tunnel: this.config.name, remote, reason, detail })
  }

  #answerRepeat(datagram: Datagram, context: IkeContext): void {
    // While an answer is being computed there is nothing to repeat.
    if (awaitsWork(this.#state)) return
    // The last message of Aggressive mode has no answer; to the initiator a repeat of message 2 says that it was lost.
    const aggressive = this.#sender.lastExchange === 'aggressive'
    const done = this.#state.kind === 'established'
    const answers = this.role === 'responder' ? !(aggressive && done) : aggressive
    if (answers) this.#sender.sendAgain(datagram, this.#cookies, context)
  }

  /** What a message that led nowhere costs: a count, a word to the operator, and at most one notify to the peer. */
  #refuse(
    error: unknown,
    row: Row,
    state: Phase1State,
    datagram: Datagram,
    context: IkeContext,
  ): void {
    if (error instanceof AuthenticationFailure) {
      this.#reject(error.failure, 'iv' in state ? state : undefined, datagram, context)
      return
    }
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    if (row.encrypted === 'never') {
      const reason = error instanceof MalformedMessage ? 'malformed' : 'out-of-state'
      this.drop(datagram, reason, error.message, context)
      return
    }
    this.drop(datagram, 'undecryptable', error.message, context)
    if (this.hints.hint !== undefined) return
    const theirs = this.#keyOf(state, datagram, context)
    const failure = undecryptable(this.config, row.message, theirs)
    this.hints.keep(failure)
    this.#failures.push(failure)
    if (this.role === 'initiator') return
    // In clear: with another key the peer could read nothing else.
    sendClearNotify('PAYLOAD-MALFORMED', this.#cookies, this.#cookies.pair, datagram, context)
  }

  /** Which other key a responder's peer has sealed its first message with, as far as a slip explains it. */
  #keyOf(state: Phase1State, { octets }: Datagram, context: IkeContext): string | undefined {
    if (state.kind !== 'ke-answered') return undefined
    const { crypto } = context
    return keySearch(this.config, context)((key) => opensMessage5(crypto, state, octets, key))
  }

  /** The peer hears that, and not why. */
  #reject(failure: Failure, keyed: Keyed | undefined, ends: Ends, context: IkeContext): void {
    const refusal = phase1Notify('AUTHENTICATION-FAILED', this.#cookies.pair)
    this.ends.moveTo(ends)
    if (keyed !== undefined) sendInformational(this.channel(keyed, keyed.iv), [refusal], context)
    else if (this.role === 'initiator')
      sendClearNotify('AUTHENTICATION-FAILED', this.#cookies, this.#cookies.pair, ends, context)
    this.fail(failure)
  }

  #commit(step: Step, after: number, ends: Ends, context: IkeContext): void {
    const { next, send, ask, nat } = step
    this.ends.canFragment = this.#abilities.fragmentation
    if (nat !== undefined) this.ends.learnNat(nat, this.#abilities.natTraversal, context)
    this.#giveUpAt = context.now + HALF_OPEN_TIME
    const authenticated = next.kind === 'authenticated'
    if (authenticated) this.ends.moveTo(ends)
    if (ask !== undefined) this.work.want(ask)
    context.effects.push(...exportedKeys(this.#state, next, this.config.name, this.#cookies))
    const nextIv = send === undefined ? undefined : this.#send(send, after + 1, ends, context)
    if (!authenticated) {
      this.#state = nextIv !== undefined && 'iv' in next ? { ...next, iv: nextIv } : next
      return
    }
    const { peer, from } = next
    const { suite, lifetime, keys } = from
    const lastBlock = nextIv ?? from.iv
    this.#initialContact = step.initialContact === true
    this.#state = { kind: 'established', suite, lifetime, keys, lastBlock, peer, at: context.now }
  }

  /** @returns where the CBC chain goes on, when the message was sealed. */
  #send(
    { payloads, under }: NonNullable<Step['send']>,
    number: number,
    ends: Ends,
    context: IkeContext,
  ): Uint8Array | undefined {
    const exchange = exchangeOf(this.config)
    const header = outgoingHeader(this.#cookies, EXCHANGE_NUMBERS[exchange], 0)
    const sealed =
      under === undefined ? undefined : seal(context.crypto, under.keys, under.iv, header, payloads)
    const octets = sealed?.octets ?? encodePlain(header, payloads)
    const message = { exchange, number, payloads, encrypted: sealed !== undefined } as const
    this.hints.sent(payloads, this.#abilities, context)
    this.#sender.send(message, octets, ends, this.#cookies, context)
    return sealed?.nextIv
  }

  #environment(
    { local, remote }: Ends,
    context: IkeContext,
    abilities: PeerAbilities = this.#abilities,
  ): Phase1Environment {
    return {
      crypto: context.crypto,
      findKey: keySearch(this.config, context),
      tunnel: this.config,
      cookies: this.#cookies,
      local,
      remote,
      abilities,
      isFirstContact: this.isFirstContact,
    }
  }
}

const OVER: ReadonlySet<Phase1State['kind']> = new Set(['established', 'closed'])

/** How long a half-open SA waits for its next message, in milliseconds. */
const HALF_OPEN_TIME = 30_000
