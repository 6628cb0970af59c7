import type { Endpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { EspSpi } from '#esp/sa'
import { addressOfPeer } from '#policy/peer-address'
import { type BackOff, failedAgain, NO_FAILURE } from './back-off.ts'
import { type ChildSa, ChildTable, rankOf } from './child-table.ts'
import {
  childrenToOpen,
  INITIATOR_GOES_FIRST,
  missingPairs,
  pairFacts,
  stateOf,
  underWay,
} from './desired-state.ts'
import type { Instant } from './effects.ts'
import type { CloseReason, Failure, TunnelSnapshot } from './events.ts'
import { followPeer } from './follow-peer.ts'
import { type IcmpError, IcmpEvidence } from './icmp-evidence.ts'
import { IkeSaSet } from './ike-sa-set.ts'
import { type FailurePlace, NegotiationFailures } from './negotiation-failures.ts'
import { Openings } from './openings.ts'
import { PathWatch } from './path-watch.ts'
import { Proof } from './proof.ts'
import { type Failed, judgedFailure } from './rekey-failure.ts'
import { clearReplaced, replacedSas } from './replacement.ts'
import { RestartDoubt } from './restart-doubt.ts'
import { UnansweredMessages } from './unanswered-messages.ts'
import type { IkeContext, IkeSa, Initiate, Outcome } from './version.ts'

/**
 * One configured tunnel: what should be (all its network pairs, some, or none), what is (IKE SAs, Child SAs), and the repair of the
 * difference, for ever. Which messages that takes is the version's affair.
 */
export class Tunnel {
  /** Replaced by one that means the same for its SAs. */
  config: TunnelConfig
  readonly children: ChildTable
  readonly ikeSas: IkeSaSet = new IkeSaSet()
  readonly failures: NegotiationFailures
  readonly proof: Proof = new Proof()
  readonly #restartDoubt: RestartDoubt
  readonly path: PathWatch = new PathWatch()
  /** `'all'` pairs, or those traffic asked for. */
  #wanted: 'all' | Set<number>
  #stopped = false
  #state: TunnelSnapshot['state'] = 'down'
  #since: Instant
  #phase1BackOff: BackOff = NO_FAILURE
  #rekeys = 0
  readonly #openings = new Openings()
  readonly #icmp: IcmpEvidence
  readonly #unanswered: UnansweredMessages
  readonly #initiate: Initiate

  constructor(config: TunnelConfig, now: Instant, initiate: Initiate) {
    this.config = config
    this.children = new ChildTable(config.name)
    this.failures = new NegotiationFailures(this.children)
    this.#restartDoubt = new RestartDoubt(this.ikeSas, this.children)
    this.#icmp = new IcmpEvidence(config)
    this.#unanswered = new UnansweredMessages(this.#icmp)
    this.#initiate = initiate
    this.#wanted = config.start === 'always' ? 'all' : new Set()
    this.#since = now
  }

  up(): void {
    this.#wanted = 'all'
    this.#stopped = false
    this.#phase1BackOff = NO_FAILURE
    this.failures.pairsAskedAnew()
  }

  /** Closes everything, telling the peer; what it opens itself later is welcome unless the gateway ends. */
  down(why: CloseReason, context: IkeContext): void {
    this.#wanted = new Set()
    this.#stopped = true
    this.failures.forget()
    const preferred = this.ikeSas.preferred
    const inboundSpis = this.children.all.map(({ facts }) => facts.inboundSpi)
    for (const child of this.children.all) this.children.remove(child, why, context)
    for (const sa of this.ikeSas.all) sa.close(why, sa === preferred ? inboundSpis : [], context)
  }

  acquire(pair: number, now: Instant): void {
    if (this.#stopped || this.#wanted === 'all' || this.config.start === 'respond') return
    if (this.#phase1BackOff.retryAt > now) return
    this.#wanted.add(pair)
  }

  rekey(phase: 1 | 2, context: IkeContext): void {
    if (phase === 1) {
      if (this.ikeSas.preferred !== undefined) this.#begin(context)
      return
    }
    for (const child of this.children.actives) child.rekeyAt = context.now
  }

  saExpired(
    direction: 'inbound' | 'outbound',
    spi: EspSpi,
    hard: boolean,
    context: IkeContext,
  ): void {
    const child = this.children.bySpi(direction, spi)
    if (child === undefined) return
    if (hard) {
      this.#closeChild(child, 'expired', context)
      return
    }
    child.rekeyAt = Math.min(child.rekeyAt, context.now)
    if (direction === 'outbound') this.children.nearEnd(child, context)
  }

  moved(remote: Endpoint, context: IkeContext): void {
    for (const sa of this.ikeSas.all) sa.follow(remote)
    const now = this.ikeSas.preferred?.remote
    // Where no NAT is before the peer, it is not followed by ESP alone.
    if (now?.address === remote.address && now.port === remote.port) followPeer(this, context)
  }

  /**
   * The peer sends on an SA that is not ours: a delete of it was lost, since IKEv1 deletes are not answered (RFC 2409 §5.7), or
   * the last message of its negotiation. A delete tells it, under the keys; it then negotiates anew.
   */
  disown(spi: EspSpi, context: IkeContext): void {
    // It may be the very one that is being negotiated: some peers send before the last message.
    if (this.ikeSas.all.some((sa) => sa.negotiating().length > 0)) return
    this.ikeSas.preferred?.deleteChildren([spi], context)
  }

  unreachable(error: IcmpError, context: IkeContext): void {
    const asking = this.ikeSas.all.find(
      ({ role, state }) => role === 'initiator' && state === 'negotiating',
    )
    const failure = this.#icmp.note(error, context.now, asking?.startedAt)
    if (failure !== undefined)
      context.tell({ kind: 'refusal-hinted', tunnel: this.config.name, failure })
  }

  refused(place: FailurePlace, failure: Failure, context: IkeContext): void {
    this.failures.note(place, failure)
    const isOurs = typeof place === 'number' && this.#wanted === 'all'
    const retryAt = Math.max(this.#phase1BackOff.retryAt, isOurs ? this.failures.retryAt(place) : 0)
    context.tell({
      kind: 'negotiation-failed',
      tunnel: this.config.name,
      phase: place === 'phase 1' ? 1 : 2,
      ...(typeof place === 'number' ? { pair: place } : {}),
      failure,
      ...(retryAt > context.now ? { retryAt } : {}),
    })
  }

  learn(outcome: Exclude<Outcome, { kind: 'refused' }>, context: IkeContext): void {
    const { now } = context
    switch (outcome.kind) {
      case 'ike-sa-established':
        this.#ikeSaEstablished(outcome.sa, context)
        return
      case 'initial-contact':
        this.#restartDoubt.raise(outcome.sa, context)
        return
      case 'ike-sa-failed':
        // An attempt that the peer's own has overtaken was not needed.
        if (this.ikeSas.isServedSince(outcome.sa.startedAt)) return
        if (outcome.sa.role === 'initiator') {
          this.#phase1BackOff = failedAgain(this.#phase1BackOff, now, context.crypto)
          if (this.#wanted !== 'all') this.#wanted.clear()
        }
        this.refused('phase 1', this.#judged(1, outcome, now), context)
        return
      case 'ike-sa-closed':
        this.#ikeSaClosed(outcome.sa, outcome.why, context)
        return
      case 'child-established':
        this.#childEstablished(outcome, context)
        return
      case 'child-failed':
        this.#childFailed(outcome, context)
        return
      case 'children-deleted':
        for (const spi of outcome.outboundSpis) this.#peerDeleted(spi, context)
        return
      case 'child-shortened':
        this.children.shorten(outcome.outboundSpi, outcome.lifetime, context)
        return
      case 'peer-moved':
        followPeer(this, context)
        return
      case 'path-probe-answered':
        this.path.acknowledged(outcome.id, this, context)
    }
  }

  /** Deadlines that have come. */
  handleDeadline(context: IkeContext): void {
    this.ikeSas.handleDeadlines(context)
    this.#unanswered.advance(this, context)
    this.children.handleDeadline(context)
    this.#restartDoubt.handleDeadline(context)
    for (const child of this.children.all) {
      if (child.facts.expiresAt <= context.now) this.#closeChild(child, 'expired', context)
    }
  }

  /** Does what the difference between wanted and present asks for now; called after everything that may have changed it. */
  repair(context: IkeContext): void {
    clearReplaced(this, context)
    this.path.advance(this, context)
    this.proof.advance(this, context)
    const preferred = this.ikeSas.preferred
    if (preferred === undefined) this.#repairPhase1(context)
    else {
      this.#renewPhase1(preferred, context)
      this.#repairPhase2(preferred, context)
    }
    this.#noteState(context.now)
  }

  /** The next moment at which something is due. */
  deadline(now: Instant): Instant {
    const later = (at: Instant) => (at > now ? at : Number.POSITIVE_INFINITY)
    const preferred = this.ikeSas.preferred
    const facts = preferred?.facts()
    return Math.min(
      ...this.ikeSas.all.map((sa) => sa.deadline() ?? Number.POSITIVE_INFINITY),
      this.children.deadline(),
      this.#restartDoubt.deadline(),
      ...this.children.all.map(({ facts: { expiresAt } }) => expiresAt),
      ...this.children.actives.map((child) => later(this.failures.looks.renewalAt(child))),
      ...this.failures.retryTimes.map(later),
      ...replacedSas(this).map(({ clearAt }) => later(clearAt)),
      later(this.#phase1BackOff.retryAt),
      later(this.proof.nextAt),
      later(this.path.nextAt),
      later(this.ikeSas.ourTurnAt),
      later(this.#openings.aloneUntil),
      later(facts?.rekeyAt ?? Number.POSITIVE_INFINITY),
      later((facts?.establishedAt ?? Number.POSITIVE_INFINITY) + INITIATOR_GOES_FIRST),
    )
  }

  snapshot(now: Instant): TunnelSnapshot {
    const { retryAt } = this.#phase1BackOff
    const willRetry = retryAt > now && this.#missing().length > 0
    const aliveAt = Math.max(...this.ikeSas.established.map(({ sa }) => sa.peerAliveAt))
    return {
      tunnel: this.config.name,
      state: this.#state,
      since: this.#since,
      ikeSas: this.ikeSas.all.map((sa) => sa.facts()).filter((facts) => facts !== undefined),
      childSas: this.children.facts(),
      pairs: pairFacts(this, this.#wanted, this.#stopped, now),
      ...this.#unanswered.facts(this, now),
      ...this.failures.facts(),
      rekeys: this.#rekeys,
      ...(willRetry && this.#state !== 'up' ? { retryAt } : {}),
      ...(Number.isFinite(aliveAt) ? { peerAliveAt: aliveAt } : {}),
      ...this.proof.facts(),
      ...this.path.facts(),
    }
  }

  #judged(phase: 1 | 2, failed: Failed, now: Instant): Failure {
    const plain = this.#icmp.judge(failed.failure, failed.sa.startedAt)
    return judgedFailure(phase, { ...failed, failure: plain }, this, now)
  }

  #ikeSaEstablished(sa: IkeSa, context: IkeContext): void {
    const facts = sa.facts()
    if (facts === undefined) return
    this.failures.phase1Passed()
    this.#phase1BackOff = { ...this.#phase1BackOff, retryAt: NO_FAILURE.retryAt }
    if (this.ikeSas.established.length > 1) this.#rekeys++
    this.children.renewDoubtful(context.now)
    context.tell({ kind: 'ike-sa-established', tunnel: this.config.name, ikeSa: facts })
  }

  #ikeSaClosed(sa: IkeSa, why: CloseReason, context: IkeContext): void {
    this.ikeSas.remove(sa)
    const { name } = this.config
    context.tell({ kind: 'ike-sa-closed', tunnel: name, initiatorSpi: sa.initiatorSpi, why })
    if (this.ikeSas.preferred !== undefined) return
    if (why === 'dead-peer') {
      for (const child of this.children.all) this.children.remove(child, why, context)
    }
    if (why !== 'peer-deleted') return
    this.children.doubt(context.now)
    // A peer that closes at once what we open would otherwise be asked again without pause.
    this.#phase1BackOff = failedAgain(this.#phase1BackOff, context.now, context.crypto)
  }

  #childEstablished(
    outcome: Extract<Outcome, { kind: 'child-established' }>,
    context: IkeContext,
  ): void {
    const { facts, role, startedAt, outbound } = outcome
    const { rekeyAt, ...rest } = facts
    const before = this.children.active(facts.child.pair)
    const { establishedAt } = facts
    const rank = rankOf(facts)
    this.children.add(
      { facts: rest, role, rekeyAt, startedAt, establishedAt, rank, outbound },
      context,
    )
    this.#phase1BackOff = NO_FAILURE
    this.failures.pairPassed(facts.child.pair)
    this.#openings.passed(facts.child.pair)
    this.#stopped = false
    if (before !== undefined) this.#rekeys++
    context.tell({
      kind: 'child-sa-established',
      tunnel: this.config.name,
      childSa: { ...facts, state: 'active' },
      ...(before === undefined ? {} : { rekeyOf: before.facts.inboundSpi }),
    })
  }

  #childFailed(outcome: Extract<Outcome, { kind: 'child-failed' }>, context: IkeContext): void {
    const { child, askedPair, sa } = outcome
    const { now } = context
    if (child !== undefined) {
      this.failures.defer(child.pair, now, context.crypto)
      this.#openings.failed(child.pair)
      if (this.#wanted !== 'all') this.#wanted.delete(child.pair)
    }
    const place = child?.pair ?? askedPair ?? 'no pair'
    this.refused(place, this.#judged(2, outcome, now), context)
    // Not a word under this IKE SA, and nothing that needs it: the peer has lost it and knows no DPD that would show it.
    if (this.children.all.length === 0 && sa.peerAliveAt < now - SILENCE)
      sa.close('failed', [], context)
  }

  #peerDeleted(outboundSpi: EspSpi, context: IkeContext): void {
    const child = this.children.byOutboundSpi(outboundSpi)
    if (child === undefined) return
    const { pair } = child.facts.child
    const wasActive = this.children.active(pair) === child
    this.children.remove(child, 'peer-deleted', context)
    if (wasActive) this.failures.deferAnew(pair, context.now, context.crypto)
  }

  #closeChild(child: ChildSa, why: CloseReason, context: IkeContext): void {
    this.children.remove(child, why, context)
    this.ikeSas.preferred?.deleteChildren([child.facts.inboundSpi], context)
  }

  #repairPhase1(context: IkeContext): void {
    const renewals = this.children.actives.some(({ rekeyAt }) => rekeyAt <= context.now)
    if (!renewals && this.#missing().length === 0 && this.#wanted !== 'all') return
    if (this.#phase1BackOff.retryAt > context.now) return
    // The peer is at it already: its IKE SA will serve.
    if (this.ikeSas.isBusy(context.now)) return
    this.#begin(context)
  }

  #renewPhase1(preferred: IkeSa, context: IkeContext): void {
    const due = (preferred.facts()?.rekeyAt ?? Number.POSITIVE_INFINITY) <= context.now
    const inUse = this.#wanted === 'all' || this.children.all.length > 0
    if (!due || !inUse || this.#phase1BackOff.retryAt > context.now) return
    if (this.ikeSas.isBusy(context.now)) return
    this.#begin(context)
  }

  #repairPhase2(sa: IkeSa, context: IkeContext): void {
    const busy = underWay(this.ikeSas)
    const due = childrenToOpen(sa, this.#missing(), this, busy, context.now)
    for (const { pair, rekeyOf } of this.#openings.choose(due, busy, context.now)) {
      sa.openChild({ tunnel: this.config.name, pair }, rekeyOf, context)
    }
  }

  #missing(): readonly number[] {
    return missingPairs(this.#wanted, this.config.networks.length, this.children)
  }

  /** Whether it is the first contact is asked when that is said: the peer may have come before us meanwhile. */
  #begin(context: IkeContext): void {
    const along = this.ikeSas.wayToHidden(this.config)
    if (addressOfPeer(this.config) === undefined && along === undefined) return
    const isFirstContact = () =>
      this.children.all.length === 0 && this.ikeSas.established.length === 0
    this.ikeSas.add(this.#initiate(this.config, isFirstContact, context, along), context.now)
  }

  #noteState(now: Instant): void {
    const before = this.#state
    this.#state = stateOf(this.children, this.ikeSas, this.#stopped)
    if (this.#state !== before) this.#since = now
  }
}

/** Milliseconds without an authenticated message: nearly all the time a Quick mode is repeated for. */
const SILENCE = 30_000
