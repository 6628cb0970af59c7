import type { Assignment, TunnelConfig } from '#config/config'
import { AttributeMessage } from '#iana/mode-config'
import type { Instant } from '#ike/effects'
import { PeerViolation } from '#ike/errors'
import type { Failure, IkeSaFacts } from '#ike/events'
import type { IkeContext } from '#ike/version'
import type { AttributePayload } from '#wire/v1/payloads'
import {
  acknowledge,
  answerAddress,
  askForAddress,
  assignedPairs,
  declined,
  pushAddress,
  readAssignment,
} from './mode-config.ts'
import type { Phase2Channel } from './phase2-channel.ts'
import * as failures from './preliminary-failures.ts'
import { type TransactionHost, Transactions } from './transactions.ts'
import { addressAsked } from './unserved-transaction.ts'
import {
  answerQuestion,
  askForUser,
  checkCredentials,
  isXauth,
  readStatus,
  tellStatus,
} from './xauth.ts'

/** Where a side stands between phase 1 and Quick mode. */
export type PreliminaryStage =
  // XAUTH, server
  | { readonly kind: 'asking-user' }
  | { readonly kind: 'telling-status'; readonly user: string }
  | { readonly kind: 'telling-refusal'; readonly failure: Failure }
  // XAUTH, client; `given` are the attributes it has sent
  | { readonly kind: 'awaiting-question'; readonly given: ReadonlySet<number> }
  // Mode Config: the client asks, or waits; the server tells
  | { readonly kind: 'asking-address' }
  | { readonly kind: 'awaiting-address' }
  | { readonly kind: 'telling-address' }
  // Client: its last acknowledgement is on its way
  | { readonly kind: 'settling'; readonly until: Instant; readonly then: 'config' | 'done' }
  // Both
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure }

/**
 * What a tunnel wants between phase 1 and Quick mode: XAUTH, then Mode Config. Until it is done, the ISAKMP SA serves for nothing else. A
 * message that does not fit the stage changes nothing.
 */
export class Preliminaries implements TransactionHost {
  readonly transactions: Transactions
  readonly #tunnel: TunnelConfig
  readonly #identifier: number
  #stage: PreliminaryStage = { kind: 'done' }
  #user: string | undefined
  #assigned: Assignment | undefined
  #giveUpAt: Instant
  #hasToldDeclined = false
  /** What to begin once the answer to the peer has gone out. */
  #next: ((context: IkeContext) => void) | undefined

  constructor(tunnel: TunnelConfig, channel: Phase2Channel, { crypto, now }: IkeContext) {
    this.#tunnel = tunnel
    const [high = 0, low = 0] = crypto.random(2)
    this.#identifier = high * 256 + low
    this.#giveUpAt = now + PATIENCE
    this.transactions = new Transactions(channel, this)
  }

  get stage(): PreliminaryStage {
    return this.#stage
  }

  /** At the client: what it was given. */
  get assigned(): Assignment | undefined {
    return this.#assigned
  }

  /** For the status: who the client proved to be at the server, and what it was given at the client. */
  facts(): Pick<IkeSaFacts, 'user' | 'assigned'> {
    return {
      ...(this.#user === undefined ? {} : { user: this.#user }),
      ...(this.#assigned === undefined ? {} : { assigned: this.#assigned }),
    }
  }

  begin(context: IkeContext): void {
    const { xauth } = this.#tunnel
    if (xauth === undefined) {
      this.#beginConfig(context)
      return
    }
    if (xauth.role === 'client') {
      this.#stage = { kind: 'awaiting-question', given: new Set() }
      return
    }
    this.#stage = { kind: 'asking-user' }
    this.transactions.begin(askForUser(this.#identifier), context)
  }

  /** Acts on what the last message brought; to be called after each. */
  proceed(context: IkeContext): void {
    const next = this.#next
    this.#next = undefined
    next?.(context)
  }

  /** The peer goes on to Quick mode: then it has what we sent. */
  heardQuickMode(context: IkeContext): void {
    const stage = this.#stage
    if (stage.kind === 'settling' && !this.#awaitsAddress()) this.#settled(stage.then, context)
  }

  deadline(): Instant {
    if (this.#stage.kind === 'settling') return this.#stage.until
    return this.#isOver() ? Number.POSITIVE_INFINITY : this.#giveUpAt
  }

  handleDeadline(context: IkeContext): void {
    const stage = this.#stage
    if (stage.kind === 'settling') {
      if (stage.until <= context.now) this.#settled(stage.then, context)
      return
    }
    if (!this.#isOver() && this.#giveUpAt <= context.now) this.unanswered()
  }

  answer(asked: AttributePayload, context: IkeContext): AttributePayload {
    const isRequest = asked.message === AttributeMessage.number('REQUEST')
    if (isXauth(asked)) return this.#answerXauth(asked, isRequest)
    const { modeConfig } = this.#tunnel
    if (this.#stage.kind !== 'done' && !CONFIG_STAGES.has(this.#stage.kind)) {
      throw new PeerViolation('out-of-state', 'Mode Config before XAUTH is done')
    }
    if (modeConfig?.role === 'server' && isRequest) return answerAddress(asked, modeConfig)
    if (isRequest) this.#tellDeclined(context)
    if (isRequest || !this.#awaitsAddress()) return declined(asked)
    this.#assign(readAssignment(asked))
    if (this.#assigned !== undefined) this.#next = (context) => this.#settle('done', context)
    return acknowledge(asked)
  }

  /** The peer may now wait for what never comes, or give up, without a word. */
  #tellDeclined(context: IkeContext): void {
    if (this.#hasToldDeclined) return
    this.#hasToldDeclined = true
    const { name } = this.#tunnel
    const text = addressAsked(name)
    context.tell({ kind: 'warning', tunnel: name, text })
  }

  learn(answered: AttributePayload): void {
    const stage = this.#stage
    switch (stage.kind) {
      case 'asking-user':
        this.#judge(answered)
        return
      case 'telling-status':
        this.#user = stage.user
        this.#next = (context) => this.#beginConfig(context)
        return
      case 'telling-refusal':
        this.#fail(stage.failure)
        return
      case 'asking-address':
        try {
          this.#assign(readAssignment(answered))
        } catch (error) {
          if (!(error instanceof PeerViolation)) throw error
          this.#fail(failures.noAddress(this.#tunnel, error.message))
        }
        return
      case 'telling-address':
        this.#stage = { kind: 'done' }
        return
      default:
        throw new PeerViolation('out-of-state', `an answer while ${stage.kind}`)
    }
  }

  /** The peer has deleted the ISAKMP SA meanwhile. @returns what that says of its login or address */
  endedByPeer(): Failure | undefined {
    switch (this.#stage.kind) {
      case 'asking-user':
      case 'awaiting-question':
        this.#fail(failures.loginEnded(this.#tunnel, this.#stage.kind === 'asking-user'))
        break
      default:
        this.unanswered()
    }
    return this.#stage.kind === 'failed' ? this.#stage.failure : undefined
  }

  unanswered(): void {
    const tunnel = this.#tunnel
    switch (this.#stage.kind) {
      case 'asking-user':
      case 'telling-status':
        this.#fail(failures.loginUnfinished(tunnel, 'server'))
        return
      case 'telling-refusal':
        this.#fail(this.#stage.failure)
        return
      case 'awaiting-question':
        this.#fail(failures.loginUnfinished(tunnel, 'client'))
        return
      case 'asking-address':
        this.#fail(failures.noAddress(tunnel, 'it did not answer'))
        return
      case 'awaiting-address':
        this.#fail(failures.noAddress(tunnel, 'it told none'))
        return
      case 'telling-address':
        this.#fail(failures.addressNotTaken(tunnel))
        return
      default:
    }
  }

  /** The client's part; a server is never asked, and nothing is believed out of turn. */
  #answerXauth(asked: AttributePayload, isRequest: boolean): AttributePayload {
    const { xauth } = this.#tunnel
    const stage = this.#stage
    if (xauth?.role !== 'client' || stage.kind !== 'awaiting-question') {
      throw new PeerViolation('out-of-state', `XAUTH while ${stage.kind}`)
    }
    if (isRequest) {
      const { reply, given, refusal } = answerQuestion(asked, xauth, stage.given)
      if (refusal === undefined) this.#stage = { kind: 'awaiting-question', given }
      else this.#fail(failures.questionDeclined(this.#tunnel, refusal))
      return reply
    }
    const { ack, status } = readStatus(asked, stage.given)
    if (status === 'OK') this.#next = (context) => this.#loggedIn(context)
    else this.#fail(failures.loginRefused(this.#tunnel))
    return ack
  }

  /** The server's part. A client that fails hears of it before the SA ends. */
  #judge(answered: AttributePayload): void {
    const { xauth } = this.#tunnel
    const users = xauth?.role === 'server' ? xauth.users : []
    const found = checkCredentials(answered, users)
    if (found.kind === 'none') {
      this.#fail(failures.clientDeclined(this.#tunnel))
      return
    }
    const right = found.kind === 'right'
    this.#stage = right
      ? { kind: 'telling-status', user: found.user }
      : { kind: 'telling-refusal', failure: failures.userRefused(this.#tunnel, found.user) }
    const status = tellStatus(right ? 'OK' : 'FAIL', this.#identifier)
    this.#next = (context) => this.transactions.begin(status, context)
  }

  /** Who only waits for what the server pushes may be told of it at once. */
  #loggedIn(context: IkeContext): void {
    const { modeConfig } = this.#tunnel
    if (modeConfig?.role === 'client' && modeConfig.method === 'push') this.#beginConfig(context)
    else this.#settle('config', context)
  }

  /**
   * Servers of many threads may take what follows our acknowledgement before it, and then end the SA (strongSwan), since nothing tells us that
   * it has come.
   */
  #settle(then: 'config' | 'done', { now }: IkeContext): void {
    this.#stage = { kind: 'settling', until: now + SETTLING, then }
  }

  #settled(then: 'config' | 'done', context: IkeContext): void {
    if (then === 'config') this.#beginConfig(context)
    else this.#stage = { kind: 'done' }
  }

  #awaitsAddress(): boolean {
    const { kind } = this.#stage
    const willAsk = kind === 'settling' && this.#assigned === undefined
    return (
      kind === 'asking-address' ||
      kind === 'awaiting-address' ||
      (willAsk && this.#tunnel.modeConfig?.role === 'client')
    )
  }

  #beginConfig(context: IkeContext): void {
    const { modeConfig, networks } = this.#tunnel
    this.#giveUpAt = context.now + PATIENCE
    if (modeConfig?.role === 'client') {
      const pull = modeConfig.method === 'pull'
      this.#stage = { kind: pull ? 'asking-address' : 'awaiting-address' }
      if (pull) this.transactions.begin(askForAddress(networks, this.#identifier), context)
      return
    }
    if (modeConfig?.role === 'server' && modeConfig.method === 'push') {
      this.#stage = { kind: 'telling-address' }
      this.transactions.begin(pushAddress(modeConfig, this.#identifier), context)
      return
    }
    this.#stage = { kind: 'done' }
  }

  #assign(assigned: Assignment): void {
    this.transactions.stop()
    if (assignedPairs(this.#tunnel.networks, assigned) === undefined) {
      const had = assigned.addresses.join(', ')
      const detail = had === '' ? 'it gave none' : `our networks need another family than ${had}`
      this.#fail(failures.noAddress(this.#tunnel, detail))
      return
    }
    this.#assigned = assigned
    this.#stage = { kind: 'done' }
  }

  #fail(failure: Failure): void {
    this.transactions.stop()
    this.#stage = { kind: 'failed', failure }
  }

  #isOver(): boolean {
    return this.#stage.kind === 'done' || this.#stage.kind === 'failed'
  }
}

const CONFIG_STAGES: ReadonlySet<PreliminaryStage['kind']> = new Set([
  'settling',
  'asking-address',
  'awaiting-address',
  'telling-address',
])
/** How long the peer may take for its part of either, in milliseconds: what we ask is repeated for 31 s. */
const PATIENCE = 35_000
/** How long what follows our acknowledgement waits, in milliseconds; longer than the threads of a busy server take to sort themselves. */
const SETTLING = 100
