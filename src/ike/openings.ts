import type { ChildToOpen } from './desired-state.ts'
import type { Duration, Instant } from './effects.ts'

/**
 * Which Child SAs are begun together. There are peers that forget every exchange under way when they refuse one of them (strongSwan's IKEv1): what
 * they had accepted then exists on our side only. So a network pair that has not been up, or failed last, is begun alone; the others, which the
 * peer is known to take, together.
 */
export class Openings {
  readonly #taken = new Set<number>()
  #aloneUntil: Instant = Number.NEGATIVE_INFINITY

  /** Until then what is under way is not disturbed; a peer that says nothing does not keep the other pairs waiting for longer. */
  get aloneUntil(): Instant {
    return this.#aloneUntil
  }

  passed(pair: number): void {
    this.#taken.add(pair)
  }

  failed(pair: number): void {
    this.#taken.delete(pair)
  }

  /** Of what should be begun, what is begun now; `busy` are the pairs under way. */
  choose(
    due: readonly ChildToOpen[],
    busy: ReadonlySet<number>,
    now: Instant,
  ): readonly ChildToOpen[] {
    const isUndisturbed = busy.size > 0 && now < this.#aloneUntil
    if (isUndisturbed && [...busy].some((pair) => !this.#taken.has(pair))) return []
    const known = due.filter(({ pair }) => this.#taken.has(pair))
    const chosen = known.length > 0 ? known : due.slice(0, isUndisturbed ? 0 : 1)
    const begun = chosen.slice(0, Math.max(0, AT_ONCE - busy.size))
    if (begun.length > 0) this.#aloneUntil = now + ALONE
    return begun
  }
}

/** Longer than a peer takes to answer. */
const ALONE: Duration = 2_000
/** Quick mode exchanges under way for one tunnel; more overwhelm small gateways. */
const AT_ONCE = 8
