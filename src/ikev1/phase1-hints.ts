import { equalOctets } from '#bytes/equal'
import type { TunnelConfig } from '#config/config'
import type { Answer, Instant } from '#ike/effects'
import type { Failure, UnansweredMessage } from '#ike/events'
import type { Datagram, IkeContext } from '#ike/version'
import type { Moment } from '#pki/moment'
import type { Payload } from '#wire/v1/payloads'
import { withAuthorities, withOwnDates } from './certificate-failures.ts'
import { unsuitedWarning } from './certificate-requests.ts'
import { answerRefused, phase1Refused } from './failures.ts'
import { type HalfOpen, leftHalfOpen, message6Lost } from './half-open-failures.ts'
import { lastProofRefused, orClosedByHand } from './identity-failures.ts'
import { answerUnreadable } from './key-failures.ts'
import { keySearch, opensInformational } from './key-search.ts'
import type { Phase1Sender } from './phase1-sender.ts'
import { type Finding, SecondLook } from './second-look.ts'
import { lookedAt, type Treatment } from './second-look-failures.ts'
import { unanswered } from './silence-failures.ts'
import type { Keyed, PeerAbilities, Phase1State } from './state.ts'
import type { TunnelChoice } from './tunnel-choice.ts'

/**
 * What the operator is told of a phase 1 that does not get on before its time is up: what the peer, or someone in its name, said in clear, and
 * what a second look made of it. It changes nothing in the negotiation; the last hint is the reason when that fails.
 */
export class Phase1Hints {
  readonly #choice: TunnelChoice
  readonly #look: SecondLook
  readonly #sender: Phase1Sender
  readonly #isOver: () => boolean
  /** How often the peer has sent its last message again. */
  #repeatedByPeer = 0
  #hint: Failure | undefined
  #isTold = false
  /** What was made of an Informational message that may only have overtaken message 3 of Aggressive mode. */
  #unread: { readonly octets: Uint8Array; readonly failure: Failure } | undefined
  #treatment: Treatment = 'ignored'
  #signedAt: Moment | undefined
  /** The peer answers other messages there. */
  #port4500Passes = false

  constructor(choice: TunnelChoice, sender: Phase1Sender, isOver: () => boolean) {
    this.#choice = choice
    this.#sender = sender
    this.#isOver = isOver
    this.#look = new SecondLook(choice.config, (finding, context) => this.#find(finding, context))
  }

  get hint(): Failure | undefined {
    return this.#hint
  }

  /** The first one stays, unless a second look tells more. */
  learn(hint: Failure, context: IkeContext): void {
    if (this.#hint === undefined) this.#tell(hint, context)
  }

  /** It needs no telling: the failure itself is told. */
  keep(failure: Failure): void {
    this.#hint = failure
    this.#isTold = true
  }

  /** Why it failed, now that its time is up. */
  reason(now: Instant): Failure {
    return (
      this.#hint ??
      unanswered(this.#asCalled, {
        ...this.#sender.manner,
        ...this.#sender.patience(now),
        repeatedByPeer: this.#repeatedByPeer,
        port4500Passes: this.#port4500Passes,
      })
    )
  }

  /** Our last message, where it was sent again and has no answer, and nothing was told of why. */
  unanswered({ asksFor }: PeerAbilities, now: Instant): readonly UnansweredMessage[] {
    const { lastExchange: exchange, lastNumber: message, isOverdue } = this.#sender
    const awaited = exchange === 'main' || exchange === 'aggressive'
    if (!isOverdue || !awaited || this.#isOver() || this.#hint !== undefined) return []
    const failure = this.judged(this.reason(now), asksFor)
    return [{ phase: 1, exchange, message, ...this.#sender.patience(now), failure }]
  }

  /** The peer has said something new. */
  wentOn(): void {
    this.#repeatedByPeer = 0
  }

  /** Why a negotiation of the peer's was left, where there is something to say that was not said; what came in clear was only shown. */
  halfOpen(kind: HalfOpen['kind'], udp: boolean, context: IkeContext): Failure | undefined {
    if (this.#hint !== undefined) return this.#isTold ? undefined : this.#hint
    if (this.#unread !== undefined) return this.#unread.failure
    // Whoever sends no more than message 1 need not even hear us: of a tunnel that is up it says nothing.
    if (kind !== 'ke-answered' && this.#isUp(context)) return undefined
    const repeatedByPeer = this.#repeatedByPeer
    return leftHalfOpen(this.#choice.config, { kind, repeatedByPeer, udp })
  }

  /** The peer sends its last message again, though it was answered. */
  repeated(kind: HalfOpen['kind'], udp: boolean, context: IkeContext): void {
    const repeatedByPeer = ++this.#repeatedByPeer
    const hint = message6Lost(this.#choice.config, { kind, repeatedByPeer, udp })
    if (hint !== undefined) this.learn(hint, context)
  }

  /**
   * What the peer answers to our proof does not decrypt with our key. In Aggressive mode it may as well have gone out behind message 3, whose last
   * block is in its IV (RFC 2409 appendix B), and that was lost or comes later: one such message is told when that never comes.
   */
  unreadable(keyed: Keyed, { octets }: Datagram, context: IkeContext): void {
    if (this.#hint !== undefined) return
    const { config } = this.#choice
    const { crypto } = context
    const search = keySearch(config, context)
    const theirs = search((key) => opensInformational(crypto, keyed, octets, key))
    const failure = answerUnreadable(config, theirs)
    const isSecond = this.#unread !== undefined && !equalOctets(this.#unread.octets, octets)
    const isSure = config.ike !== 'v1-aggressive' || theirs !== undefined || isSecond
    if (isSure) this.learn(failure, context)
    else this.#unread ??= { octets: octets.slice(), failure }
  }

  /** We proved ourselves on a date, as far as it is known; or the peer did, and something was tolerated. */
  answered(answer: Answer, context: IkeContext): void {
    if (answer.kind === 'signed') this.#signedAt = answer.at
    if (answer.kind !== 'peer-verified') return
    const { name: tunnel } = this.#choice.config
    for (const text of answer.notes) context.tell({ kind: 'warning', tunnel, text })
  }

  /** What our own certificate says about a refusal of it. @param asked names of the CAs the peer asked for certificates of */
  judged(failure: Failure, asked?: readonly Uint8Array[]): Failure {
    const { config } = this.#choice
    return withAuthorities(withOwnDates(failure, config, this.#signedAt), config, asked)
  }

  /** Why the peer ended the SA by its first word under the keys, where our proof was the last it got, and the tunnel has no other SA instead. */
  proofRefused(
    { role, state, abilities }: Standing,
    notifyType: number | undefined,
    context: IkeContext,
  ): Failure | undefined {
    const age = state.kind === 'established' ? context.now - state.at : 0
    // Later, it was closed for want of use, or by hand.
    if (age > PROOF_IS_WEIGHED) return undefined
    const failure = lastProofRefused(this.#choice.config, role, notifyType)
    if (failure === undefined || (notifyType === undefined && this.#isUp(context))) return undefined
    const mayBeByHand = notifyType === undefined && age > NOBODY_IS_AS_QUICK
    const judged = this.judged(failure, abilities.asksFor)
    return mayBeByHand ? orClosedByHand(judged) : judged
  }

  /** A notify in clear. */
  refused(
    notifyType: number,
    role: 'initiator' | 'responder',
    afterMessage: number,
    context: IkeContext,
  ): void {
    const { config } = this.#choice
    if (role === 'responder') {
      if (config.ike === 'v1-aggressive') this.learn(answerRefused(config, notifyType), context)
      return
    }
    this.#treatment = 'refused'
    this.learn(phase1Refused(config, notifyType, afterMessage), context)
    if (afterMessage === 1) this.#look.askSets(context)
  }

  /** A certificate of ours went out; the peer may have asked for another. */
  sent(payloads: readonly Payload[], { asksFor }: PeerAbilities, context: IkeContext): void {
    if (!payloads.some(({ type }) => type === 'CERT')) return
    const text = unsuitedWarning(this.#choice.config, asksFor)
    const tunnel = this.#choice.config.name
    if (text !== undefined) context.tell({ kind: 'warning', tunnel, text })
  }

  /** A message stays unanswered: something beside it may tell why. */
  sentAgain(udp: boolean, context: IkeContext): void {
    const { lastNumber: message, repeats } = this.#sender
    if (repeats !== LOOK_AT_REPEAT) return
    if (message === 1) {
      this.#look.askSets(context)
      this.#look.askIkev2(context)
    } else if (message === 5 && udp) this.#look.askPort4500(context)
  }

  /** A peer from anywhere, or at another address than is written, is named by where it is called. */
  get #asCalled(): TunnelConfig {
    return { ...this.#choice.config, peer: this.#sender.remote.address }
  }

  #isUp({ selectorsOf }: IkeContext): boolean {
    const { name: tunnel, networks } = this.#choice.config
    return networks.some((_, pair) => selectorsOf({ tunnel, pair }) !== undefined)
  }

  #find(finding: Finding, context: IkeContext): void {
    if (this.#isOver()) return
    if (finding.kind === 'port-4500-passes') {
      this.#port4500Passes = true
      return
    }
    if (finding.kind === 'refuses-ikev2') {
      if (this.#hint !== undefined) return
      // What passes both ways is ignored for a reason of the peer's own.
      this.#look.askOtherProof(context)
    }
    const clearer = lookedAt(this.#choice.config, finding, this.#treatment)
    // Some would take either proof (strongSwan): that they take ours with other algorithms says more.
    if (clearer?.code === 'CW-204' && this.#hint?.code === 'CW-102') return
    if (clearer !== undefined) this.#tell(clearer, context)
  }

  #tell(found: Failure, context: IkeContext): void {
    const hint = withOwnDates(found, this.#choice.config, this.#signedAt)
    this.#hint = hint
    context.tell({ kind: 'refusal-hinted', tunnel: this.#choice.config.name, failure: hint })
  }
}

/** How far phase 1 has come. */
type Standing = {
  readonly role: 'initiator' | 'responder'
  readonly state: Phase1State
  readonly abilities: PeerAbilities
}

/** Milliseconds in which a peer has judged our proof, also where it fetches revocation lists for that. */
const PROOF_IS_WEIGHED = 30_000
/** Milliseconds after phase 1 in which a delete is no administrator's. */
const NOBODY_IS_AS_QUICK = 3_000
/** Half of the time a message is repeated for has passed; there is time left for an answer. */
const LOOK_AT_REPEAT = 4
