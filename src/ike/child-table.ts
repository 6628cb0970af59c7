import type { EspSpi, OutboundSa } from '#esp/sa'
import type { Lifetime } from '#policy/proposal'
import type { Instant } from './effects.ts'
import type { ChildSaFacts, CloseReason } from './events.ts'
import { lifeOf } from './lifetimes.ts'
import { type Candidate, preferredOf } from './preference.ts'
import type { IkeContext } from './version.ts'

/** A Child SA as the tunnel keeps it. */
export type ChildSa = Candidate & {
  facts: Omit<ChildSaFacts, 'state' | 'rekeyAt'>
  /** Who began its negotiation: that side also clears away what it replaces. */
  readonly role: 'initiator' | 'responder'
  readonly outbound: OutboundSa
  rekeyAt: Instant
}

/** The Child SAs of one tunnel. Of each network pair one is active, the others drain: they still receive, and are no longer renewed. */
export class ChildTable {
  readonly #tunnel: string
  readonly #children = new Set<ChildSa>()
  /** Whose outbound SA the data plane has. Given once only: a second time would begin its sequence numbers, and so its IVs, anew. */
  readonly #sending = new Set<ChildSa>()
  /** How often it was told that the outbound SA is near its end. */
  readonly #nearEnd = new Map<ChildSa, number>()
  /** What is older may have died with the IKE SA the peer closed. */
  #doubtfulBefore: Instant = Number.NEGATIVE_INFINITY

  constructor(tunnel: string) {
    this.#tunnel = tunnel
  }

  get all(): readonly ChildSa[] {
    return [...this.#children]
  }

  active(pair: number): ChildSa | undefined {
    return preferredOf(this.all.filter(({ facts }) => facts.child.pair === pair))
  }

  get actives(): readonly ChildSa[] {
    const pairs = new Set(this.all.map(({ facts }) => facts.child.pair))
    return [...pairs].map((pair) => this.active(pair)).filter((child) => child !== undefined)
  }

  /** Those that another one has replaced. */
  get draining(): readonly ChildSa[] {
    const actives = new Set(this.actives)
    return this.all.filter((child) => !actives.has(child))
  }

  facts(): readonly ChildSaFacts[] {
    const actives = new Set(this.actives)
    return this.all.map((child) => ({
      ...child.facts,
      rekeyAt: child.rekeyAt,
      state: actives.has(child) ? 'active' : 'draining',
    }))
  }

  /** The peer has closed the IKE SA: what there is is renewed as soon as there is another. */
  doubt(now: Instant): void {
    this.#doubtfulBefore = now
  }

  renewDoubtful(now: Instant): void {
    for (const child of this.actives) {
      if (child.establishedAt < this.#doubtfulBefore) child.rekeyAt = now
    }
    this.#doubtfulBefore = Number.NEGATIVE_INFINITY
  }

  add(child: ChildSa, context: IkeContext): void {
    this.#children.add(child)
    this.#sendOnActive(child.facts.child.pair, context)
  }

  /** Forgets a Child SA and takes it out of the data plane; the peer hears of it elsewhere. */
  remove(child: ChildSa, why: CloseReason, context: IkeContext): void {
    if (!this.#children.delete(child)) return
    this.#nearEnd.delete(child)
    const { child: id, inboundSpi, outboundSpi } = child.facts
    this.#sendOnActive(id.pair, context)
    if (this.#sending.delete(child)) {
      context.effects.push({
        kind: 'remove-sa',
        direction: 'outbound',
        child: id,
        spi: outboundSpi,
      })
    }
    context.effects.push({ kind: 'remove-sa', direction: 'inbound', child: id, spi: inboundSpi })
    context.tell({
      kind: 'child-sa-closed',
      tunnel: this.#tunnel,
      child: id,
      inboundSpi,
      outboundSpi,
      why,
    })
  }

  /**
   * An outbound SA is near its end. Told a second time, it has no more to give for the second that a peer has to install the next: at a high
   * rate the volume that is left is gone sooner.
   */
  nearEnd(child: ChildSa, context: IkeContext): void {
    this.#nearEnd.set(child, (this.#nearEnd.get(child) ?? 0) + 1)
    this.#sendOnActive(child.facts.child.pair, context)
  }

  /** When the next outbound SA takes over; infinite when none waits. */
  deadline(): Instant {
    const waiting = this.actives.filter((child) => !this.#sending.has(child))
    return Math.min(...waiting.map((child) => this.#takesOverAt(child)))
  }

  handleDeadline(context: IkeContext): void {
    for (const { facts } of this.actives) this.#sendOnActive(facts.child.pair, context)
  }

  /**
   * A responder sends on the new SA at once: message 3 told it that the peer is ready. The initiator's message 3 is still on its
   * way, and the peer takes a moment to install what it promises; until then an older SA serves, so that no packet is lost.
   */
  #takesOverAt(child: ChildSa): Instant {
    const { pair } = child.facts.child
    const older = this.all.some(
      (other) =>
        other !== child &&
        other.facts.child.pair === pair &&
        this.#sending.has(other) &&
        (this.#nearEnd.get(other) ?? 0) < 2,
    )
    const wait = older && child.role === 'initiator' ? PEER_INSTALLS_WITHIN : 0
    return child.establishedAt + wait
  }

  /**
   * Of two Child SAs negotiated at the same time one drains from the start: the peer will delete it, so nothing is sent on it. The
   * data plane sends on the newest it has.
   */
  #sendOnActive(pair: number, context: IkeContext): void {
    const active = this.active(pair)
    if (active === undefined || this.#sending.has(active)) return
    if (this.#takesOverAt(active) > context.now) return
    this.#sending.add(active)
    context.effects.push({ kind: 'install-sa', sa: active.outbound })
  }

  /**
   * The peer names a shorter time after it has agreed (RFC 2407 §4.6.3.1): ours ends with its. A volume is the data plane's, which was
   * given its own when the SA was installed.
   */
  shorten(outboundSpi: EspSpi, { seconds }: Partial<Lifetime>, { crypto }: IkeContext): void {
    const child = this.byOutboundSpi(outboundSpi)
    if (child === undefined || seconds === undefined || seconds >= child.facts.lifetime.seconds)
      return
    const { rekeyAt, expiresAt } = lifeOf(seconds, child.role, child.establishedAt, crypto)
    child.facts = { ...child.facts, lifetime: { ...child.facts.lifetime, seconds }, expiresAt }
    child.rekeyAt = Math.min(child.rekeyAt, rekeyAt)
  }

  byOutboundSpi(spi: EspSpi): ChildSa | undefined {
    return this.all.find(({ facts }) => facts.outboundSpi === spi)
  }

  bySpi(direction: 'inbound' | 'outbound', spi: EspSpi): ChildSa | undefined {
    if (direction === 'outbound') return this.byOutboundSpi(spi)
    return this.all.find(({ facts }) => facts.inboundSpi === spi)
  }
}

/** What both sides know of a pair of SPIs, in the same order on both. */
export function rankOf({
  inboundSpi,
  outboundSpi,
}: {
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
}): string {
  return [inboundSpi, outboundSpi]
    .sort((a, b) => a - b)
    .map((spi) => spi.toString(16).padStart(8, '0'))
    .join('')
}

/** Milliseconds. */
const PEER_INSTALLS_WITHIN = 1_000
