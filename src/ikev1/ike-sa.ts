import { toHex } from '#bytes/hex'
import type { Endpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { ChildId, EspSpi } from '#esp/sa'
import { ExchangeType } from '#iana/isakmp'
import type { Answer, Instant } from '#ike/effects'
import { PeerViolation } from '#ike/errors'
import type { CloseReason, Failure, IkeSaFacts } from '#ike/events'
import type { Holder } from '#ike/holder'
import type { Datagram, Ends, IkeContext, IkeSa, PathProbe, UnansweredRequest } from '#ike/version'
import { formatIdentity } from '#policy/identity'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { toldAfterAggressiveMode } from './aggressive-status.ts'
import { handleEarlyInformational } from './early-informational.ts'
import { FRAGMENT, FragmentAssembly, joinFragment } from './fragments.ts'
import { takenByAnother } from './identity-failures.ts'
import { assignedPairs } from './mode-config.ts'
import { Phase1 } from './phase1.ts'
import { Phase2 } from './phase2.ts'
import { Preliminaries } from './preliminaries.ts'
import { FLAG_ENCRYPTION } from './protect.ts'
import { SaLife } from './sa-life.ts'

/** One ISAKMP SA: leads each message to phase 1, or to what runs under its keys. */
export class Ikev1Sa implements IkeSa {
  readonly role: 'initiator' | 'responder'
  readonly startedAt: Instant
  readonly #phase1: Phase1
  readonly #fragments = new FragmentAssembly()
  /** There once phase 1 is done. */
  #phase2: Phase2 | undefined
  /** What comes before Quick mode, where the tunnel has such. */
  #preliminaries: Preliminaries | undefined
  /** Phase 1 is done, and what the tunnel wants before Quick mode. */
  #ready = false
  /** What came under the keys while the peer's proof was still being verified. */
  readonly #early: (readonly [Datagram, IkeHeader])[] = []
  /** The peer has said something under the keys. */
  #heard = false
  #keepaliveAt: Instant | undefined
  #closed = false

  private constructor(phase1: Phase1, now: Instant) {
    this.role = phase1.role
    this.startedAt = now
    this.#phase1 = phase1
  }

  /** Message 1 goes out at once. */
  static initiate(
    config: TunnelConfig,
    isFirstContact: () => boolean,
    context: IkeContext,
    along?: Ends,
  ): Ikev1Sa {
    const sa = new Ikev1Sa(Phase1.initiator(config, isFirstContact, context, along), context.now)
    sa.#phase1.begin(context)
    sa.#followPhase1(context)
    return sa
  }

  /** @throws NoAgreement, PeerViolation, MalformedMessage; then no SA exists. */
  static accept(
    candidates: readonly [TunnelConfig, ...TunnelConfig[]],
    datagram: Datagram,
    header: IkeHeader,
    context: IkeContext,
  ): Ikev1Sa {
    const phase1 = Phase1.responder(candidates, datagram, header, context)
    const sa = new Ikev1Sa(phase1, context.now)
    sa.#followPhase1(context)
    return sa
  }

  get tunnel(): string {
    return this.#phase1.config.name
  }

  get initiatorSpi(): string {
    return toHex(this.#phase1.cookies.initiator)
  }

  get responderSpi(): string {
    return toHex(this.#phase1.cookies.responder)
  }

  get local(): Endpoint {
    return this.#phase1.ends.local
  }

  get remote(): Endpoint {
    return this.#phase1.ends.remote
  }

  get state(): 'negotiating' | 'established' | 'closed' {
    if (this.#closed) return 'closed'
    return this.#ready ? 'established' : 'negotiating'
  }

  get holder(): Holder | undefined {
    const { state } = this.#phase1
    if (state.kind !== 'established') return undefined
    return { identity: state.peer.identity, user: this.#preliminaries?.facts().user }
  }

  get peerAliveAt(): Instant {
    return this.#phase2?.aliveAt ?? this.startedAt
  }

  get answeredProbeAt(): Instant {
    return this.#phase2?.answeredProbeAt ?? Number.NEGATIVE_INFINITY
  }

  facts(): IkeSaFacts | undefined {
    const { state, abilities, ends } = this.#phase1
    const phase2 = this.#phase2
    if (this.state !== 'established' || state.kind !== 'established' || phase2 === undefined)
      return undefined
    const { life } = phase2
    return {
      initiatorSpi: this.initiatorSpi,
      responderSpi: this.responderSpi,
      role: this.role,
      version: 'IKEv1',
      exchange: this.#phase1.config.ike === 'v1-aggressive' ? 'Aggressive mode' : 'Main mode',
      suite: state.suite,
      lifetime: life.lifetime,
      local: this.local,
      remote: this.remote,
      localId: formatIdentity(this.#phase1.config.localId),
      remoteId: formatIdentity(state.peer.identity),
      ...(abilities.vendor === undefined ? {} : { peerVendor: abilities.vendor }),
      ...(state.peer.certificate === undefined ? {} : { peerCertificate: state.peer.certificate }),
      nat: ends.nat,
      ...this.#preliminaries?.facts(),
      establishedAt: state.at,
      rekeyAt: phase2.worn ? state.at : life.rekeyAt,
      expiresAt: life.expiresAt,
    }
  }

  handleDatagram(datagram: Datagram, header: IkeHeader, context: IkeContext): void {
    if (this.#closed) return
    if (header.nextPayload === FRAGMENT) {
      this.#join(datagram, header, context)
      return
    }
    const encrypted = (header.flags & FLAG_ENCRYPTION) !== 0
    if (encrypted && this.#isHeld(datagram, header)) return
    switch (header.exchangeType) {
      case ExchangeType.number('IDENTITY-PROTECTION'):
      case ExchangeType.number('AGGRESSIVE'):
        this.#phase1.handleMessage(datagram, header, encrypted, context)
        this.#followPhase1(context)
        return
      case ExchangeType.number('QUICK-MODE'):
      case ExchangeType.number('INFORMATIONAL'):
        if (!encrypted) this.#phase1.handleClearNotify(datagram, header, context)
        else if (this.#phase2 === undefined) {
          handleEarlyInformational(this.#phase1, datagram, header, context)
          this.#followPhase1(context)
        } else this.#handlePhase2(this.#phase2, datagram, header, context)
        return
      case ExchangeType.number('NEW-GROUP-MODE'):
      case ExchangeType.number('TRANSACTION'): {
        const detail = `${ExchangeType.nameOf(header.exchangeType)} before its time`
        if (!encrypted || this.#phase2 === undefined)
          this.#phase1.drop(datagram, 'out-of-state', detail, context)
        else this.#handlePhase2(this.#phase2, datagram, header, context)
        return
      }
      default: {
        const detail = `exchange type ${header.exchangeType} is not spoken here`
        this.#phase1.drop(datagram, 'out-of-state', detail, context)
      }
    }
  }

  handleAnswer(id: number, answer: Answer, context: IkeContext): void {
    if (!this.#phase1.work.awaits(id)) {
      this.#phase2?.quick.handleAnswer(id, answer, context)
      return
    }
    this.#phase1.handleAnswer(answer, context)
    this.#followPhase1(context)
    for (const held of this.#early.splice(0)) this.handleDatagram(...held, context)
  }

  handleDeadline(context: IkeContext): void {
    if (this.#closed) return
    this.#phase1.handleDeadline(context)
    if (this.#phase2 === undefined) {
      this.#followPhase1(context)
      return
    }
    if (this.#phase2.handleDeadline(context) === 'dead') {
      this.#end('dead-peer', context)
      return
    }
    this.#preliminaries?.handleDeadline(context)
    this.#followPreliminaries(context)
    if (this.#phase2.life.expiresAt <= context.now) {
      this.close('expired', [], context)
      return
    }
    if (this.#keepaliveAt === undefined || this.#keepaliveAt > context.now) return
    const { local, remote } = this
    context.effects.push({ kind: 'nat-keepalive', local, remote })
    this.#keepaliveAt = context.now + NAT_KEEPALIVE_EVERY
  }

  deadline(): Instant | undefined {
    if (this.#closed) return undefined
    if (this.#phase2 === undefined) return this.#phase1.deadline()
    return Math.min(
      this.#phase2.life.expiresAt,
      this.#phase1.deadline(),
      this.#phase2.deadline(),
      this.#preliminaries?.deadline() ?? Number.POSITIVE_INFINITY,
      this.#keepaliveAt ?? Number.POSITIVE_INFINITY,
    )
  }

  openChild(child: ChildId, rekeyOf: EspSpi | undefined, context: IkeContext): void {
    this.#phase2?.quick.initiate(child, rekeyOf, context)
  }

  negotiating(): readonly ChildId[] {
    return this.#phase2?.quick.negotiating() ?? []
  }

  unanswered(now: Instant): readonly UnansweredRequest[] {
    const { hints, abilities } = this.#phase1
    return [...hints.unanswered(abilities, now), ...(this.#phase2?.quick.unanswered(now) ?? [])]
  }

  deleteChildren(inboundSpis: readonly EspSpi[], context: IkeContext): void {
    this.#phase2?.sendDeletes(inboundSpis, 'children only', context)
  }

  follow(remote: Endpoint): void {
    if (this.#phase1.ends.nat.remote) this.#phase1.ends.moveTo({ local: this.local, remote })
  }

  heard(at: Instant): void {
    this.#phase2?.heard(at)
  }

  probe(context: IkeContext): boolean {
    return this.#phase2?.probe(context) === true
  }

  pathProbe(): PathProbe | undefined {
    return this.#phase2?.pathProbe()
  }

  close(why: CloseReason, inboundSpis: readonly EspSpi[], context: IkeContext): void {
    if (this.#closed) return
    // A peer that restarted or fell silent knows nothing of this SA.
    if (why !== 'peer-restarted' && why !== 'dead-peer')
      this.#phase2?.sendDeletes(inboundSpis, 'with ISAKMP SA', context)
    this.#end(why, context)
  }

  abandon(context: IkeContext): void {
    this.#end('failed', context)
  }

  /** Whoever sent the last message of phase 1 may go on at once, while we still verify what it said. */
  #isHeld(datagram: Datagram, header: IkeHeader): boolean {
    if (header.messageId === 0 || this.#phase1.state.kind !== 'checking') return false
    if (this.#early.length === MOST_EARLY) return false
    this.#early.push([datagram, header])
    return true
  }

  /** Fragments are known by their SA alone; what they make is a message like any other, but not a fragment again (CVE-2013-6076). */
  #join(datagram: Datagram, header: IkeHeader, context: IkeContext): void {
    try {
      const whole = joinFragment(this.#fragments, datagram, header, context.now)
      if (whole !== undefined) this.handleDatagram(...whole, context)
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
      this.#phase1.drop(datagram, 'malformed', `fragment: ${error.message}`, context)
    }
  }

  #handlePhase2(phase2: Phase2, datagram: Datagram, header: IkeHeader, context: IkeContext): void {
    const isQuick = header.exchangeType === ExchangeType.number('QUICK-MODE')
    if (isQuick && !this.#ready) this.#preliminaries?.heardQuickMode(context)
    this.#followPreliminaries(context)
    if (isQuick && !this.#ready) {
      this.#phase1.drop(datagram, 'out-of-state', 'Quick mode before its time', context)
      return
    }
    const fresh = phase2.handle(datagram, header, context)
    const isFirst = fresh && !this.#heard
    this.#heard ||= fresh
    if (fresh) this.#phase1.confirmed()
    if (fresh && this.#phase1.ends.nat.remote) this.#followNat(datagram, context)
    if (phase2.closedByPeer) {
      const { refusedWith } = phase2
      // Some end a login they refuse, or have no user for, without a word.
      const login = this.#ready ? undefined : this.#preliminaries?.endedByPeer()
      const { hints } = this.#phase1
      const proof = isFirst ? hints.proofRefused(this.#phase1, refusedWith, context) : undefined
      this.#tell(refusedWith === undefined ? (login ?? proof) : (proof ?? login), context)
      this.#end('peer-deleted', context)
    } else if (phase2.spent) this.close('expired', [], context)
    else this.#followPreliminaries(context)
  }

  /** A fresh message under the keys may come from where a NAT has put the peer meanwhile (RFC 3947 §4). */
  #followNat(datagram: Datagram, context: IkeContext): void {
    const { address, port } = datagram.remote
    if (address === this.remote.address && port === this.remote.port) return
    this.#phase1.ends.moveTo(datagram)
    context.outcomes.push({ kind: 'peer-moved', sa: this })
  }

  /** Acts on what phase 1 came to. */
  #followPhase1(context: IkeContext): void {
    const phase1 = this.#phase1
    for (const failure of phase1.takeFailures()) this.#tell(failure, context)
    for (const question of phase1.work.take()) phase1.work.asked(context.ask(this, question))
    if (phase1.state.kind === 'closed') this.#end('failed', context)
    if (phase1.state.kind !== 'established' || this.#phase2 !== undefined) return
    const channel = phase1.channel(phase1.state, phase1.state.lastBlock)
    const { lifetime, at } = phase1.state
    const life = new SaLife(lifetime, this.role, at, context.crypto)
    const { config, abilities } = phase1
    if (config.xauth !== undefined || config.modeConfig !== undefined) {
      this.#preliminaries = new Preliminaries(config, channel, context)
    }
    const transactions = this.#preliminaries?.transactions
    const udp = () => phase1.ends.udpNumbers
    const options = { udp, peerKnowsDpd: abilities.dpd, life, transactions }
    this.#phase2 = new Phase2(this, config, channel, options, context)
    if (phase1.ends.needsKeepalive) this.#keepaliveAt = context.now + NAT_KEEPALIVE_EVERY
    this.#preliminaries?.begin(context)
    this.#followPreliminaries(context)
  }

  /** Acts on what XAUTH and Mode Config came to; the SA serves only when both are done. */
  #followPreliminaries(context: IkeContext): void {
    if (this.#ready || this.#closed) return
    const preliminaries = this.#preliminaries
    preliminaries?.proceed(context)
    const stage = preliminaries?.stage ?? { kind: 'done' }
    if (stage.kind === 'failed') {
      this.#tell(stage.failure, context)
      this.close('failed', [], context)
    }
    if (stage.kind !== 'done' || this.#isTaken(context)) return
    // Asked while this SA does not count yet.
    this.#phase2?.say(toldAfterAggressiveMode(this.#phase1), context)
    this.#ready = true
    const { config, initialContact } = this.#phase1
    const assigned = preliminaries?.assigned
    if (assigned !== undefined) {
      this.#phase2?.quick.useNetworks(assignedPairs(config.networks, assigned) ?? [])
      context.effects.push({ kind: 'assign-addresses', tunnel: config.name, assigned })
    }
    context.outcomes.push({ kind: 'ike-sa-established', sa: this })
    if (initialContact || this.#phase2?.initialContact)
      context.outcomes.push({ kind: 'initial-contact', sa: this })
  }

  /** Whether another peer that the tunnel takes has it; then this one has to wait. */
  #isTaken(context: IkeContext): boolean {
    const { config } = this.#phase1
    const failure = takenByAnother(config, this.holder, context.holderOf(config.name))
    if (failure === undefined) return false
    context.outcomes.push({ kind: 'ike-sa-failed', sa: this, failure })
    this.close('failed', [], context)
    return true
  }

  #tell(failure: Failure | undefined, context: IkeContext): void {
    if (failure !== undefined) context.outcomes.push({ kind: 'ike-sa-failed', sa: this, failure })
  }

  #end(why: CloseReason, context: IkeContext): void {
    if (this.#closed) return
    this.#closed = true
    this.#phase1.close()
    this.#phase2?.quick.abandon(why, context)
    context.outcomes.push({ kind: 'ike-sa-closed', sa: this, why })
  }
}

/** Milliseconds; RFC 3948 §4 suggests 20 s. */
const NAT_KEEPALIVE_EVERY = 20_000
const MOST_EARLY = 4
