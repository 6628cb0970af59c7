import type { TunnelConfig } from '#config/config'
import type { Instant } from './effects.ts'
import type { Holder } from './holder.ts'
import { type Candidate, preferredOf } from './preference.ts'
import type { Ends, IkeContext, IkeSa } from './version.ts'

/** An established IKE SA with what decides between it and others. */
export type EstablishedIkeSa = Candidate & { readonly sa: IkeSa }

/** The IKE SAs of one tunnel. One established SA serves; others are on their way in or out. */
export class IkeSaSet {
  readonly #ikeSas = new Set<IkeSa>()
  /** Whose SA was established last. */
  lastHolder: Holder | undefined
  #yieldingSince = Number.NEGATIVE_INFINITY

  get all(): readonly IkeSa[] {
    return [...this.#ikeSas]
  }

  get halfOpen(): readonly IkeSa[] {
    return this.all.filter(({ state, role }) => state === 'negotiating' && role === 'responder')
  }

  /**
   * Whether what is under way makes another beginning of ours needless. What the peer began is waited for, but not for long: a first
   * message shows neither whose it is nor that anyone hears the answer, and a stream of them must not keep us silent.
   */
  isBusy(now: Instant): boolean {
    const negotiating = this.all.filter(({ state }) => state === 'negotiating')
    if (negotiating.length === 0) return false
    return now < this.ourTurnAt || negotiating.some(({ role }) => role === 'initiator')
  }

  /** Whether there is one that was established at `at` or later. */
  isServedSince(at: Instant): boolean {
    return this.established.some(({ establishedAt }) => establishedAt >= at)
  }

  /** When the peer's beginnings are waited for no longer. */
  get ourTurnAt(): Instant {
    return this.#yieldingSince + YIELD
  }

  get established(): readonly EstablishedIkeSa[] {
    return this.all.flatMap((sa) => {
      const facts = sa.facts()
      if (facts === undefined) return []
      const { establishedAt, initiatorSpi } = facts
      return [{ sa, startedAt: sa.startedAt, establishedAt, rank: initiatorSpi }]
    })
  }

  get preferred(): IkeSa | undefined {
    return preferredOf(this.established)?.sa
  }

  /** Behind a NAT, or elsewhere than at its address, the peer can be reached only the way it came, and what replaces an SA has to go the same way. */
  wayToHidden({ peer }: TunnelConfig): Ends | undefined {
    const known = this.preferred
    if (known === undefined) return undefined
    const isHidden = known.remote.address !== peer || known.facts()?.nat.remote === true
    if (!isHidden) return undefined
    return { local: known.local, remote: known.remote }
  }

  handleDeadlines(context: IkeContext): void {
    for (const sa of this.all) {
      const at = sa.deadline()
      if (at === undefined || at > context.now) continue
      try {
        sa.handleDeadline(context)
      } catch (error) {
        // Its deadline would stay due for ever.
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
        context.tell({ kind: 'defect', detail })
        sa.abandon(context)
      }
    }
  }

  add(sa: IkeSa, now: Instant): void {
    if (this.#ikeSas.has(sa)) return
    if (!this.all.some(({ state }) => state === 'negotiating')) this.#yieldingSince = now
    this.#ikeSas.add(sa)
  }

  /** @returns whether it was there */
  remove(sa: IkeSa): boolean {
    return this.#ikeSas.delete(sa)
  }
}

/** Milliseconds; three times the longest that a responder's part of phase 1 takes without loss. */
const YIELD = 5_000
