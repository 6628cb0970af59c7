import type { Crypto } from '#crypto/port'
import { type BackOff, failedAgain, NO_FAILURE } from './back-off.ts'
import type { ChildSa } from './child-table.ts'
import type { Instant } from './effects.ts'
import type { Failure, TunnelSnapshot } from './events.ts'
import { LookMemory } from './look-memory.ts'
import { isRekeyFailure } from './rekey-failure.ts'

/** What a failure is of: phase 1, a network pair by its number, or a wish of the peer that is no pair of ours. */
export type FailurePlace = 'phase 1' | 'no pair' | number

/** The Child SAs of a tunnel that are to be renewed. */
type Renewals = { readonly actives: readonly Pick<ChildSa, 'facts' | 'rekeyAt'>[] }

/**
 * Why negotiations of a tunnel came to nothing, each kept until what failed has passed, and when a network pair is tried again. One pair's success
 * says nothing of another's.
 */
export class NegotiationFailures {
  /** Newest last. */
  readonly #standing = new Map<FailurePlace, Failure>()
  readonly #backOff = new Map<number, BackOff>()
  readonly looks: LookMemory
  #count = 0

  constructor(children: Renewals) {
    this.looks = new LookMemory((besides) => this.#nextRenewal(children, besides))
  }

  /** All there ever were. */
  get count(): number {
    return this.#count
  }

  get newest(): Failure | undefined {
    return [...this.#standing.values()].at(-1)
  }

  /** As `status` tells of them. */
  facts(): Pick<TunnelSnapshot, 'lastFailure' | 'failures'> {
    const { newest, count } = this
    return { ...(newest === undefined ? {} : { lastFailure: newest }), failures: count }
  }

  ofPair(pair: number): Failure | undefined {
    return this.#standing.get(pair)
  }

  note(place: FailurePlace, failure: Failure): void {
    this.#count++
    this.#standing.delete(place)
    this.#standing.set(place, failure)
  }

  /** A pair that failed again is tried again later each time. */
  defer(pair: number, now: Instant, crypto: Crypto): void {
    this.#backOff.set(pair, failedAgain(this.#backOff.get(pair) ?? NO_FAILURE, now, crypto))
  }

  /** The same for the first time, whatever was before. */
  deferAnew(pair: number, now: Instant, crypto: Crypto): void {
    this.#backOff.set(pair, failedAgain(NO_FAILURE, now, crypto))
  }

  retryAt(pair: number): Instant {
    return (this.#backOff.get(pair) ?? NO_FAILURE).retryAt
  }

  get retryTimes(): readonly Instant[] {
    return [...this.#backOff.values()].map(({ retryAt }) => retryAt)
  }

  /** When a Child SA of another network pair is renewed next. */
  #nextRenewal({ actives }: Renewals, besides: number): Instant {
    const others = actives.filter(({ facts }) => facts.child.pair !== besides)
    return Math.min(
      ...others.map(({ rekeyAt, facts }) => Math.max(rekeyAt, this.retryAt(facts.child.pair))),
    )
  }

  phase1Passed(): void {
    this.#standing.delete('phase 1')
  }

  pairPassed(pair: number): void {
    this.#backOff.delete(pair)
    this.looks.pairPassed(pair)
    this.#standing.delete(pair)
    this.#standing.delete('no pair')
    // The IKE SA there is serves; that it cannot be renewed stays true.
    const phase1 = this.#standing.get('phase 1')
    if (phase1 !== undefined && !isRekeyFailure(phase1)) this.#standing.delete('phase 1')
  }

  /** The operator wants every pair at once: what they failed of before is history, until it fails again. */
  pairsAskedAnew(): void {
    this.#backOff.clear()
    this.looks.forget()
    for (const place of this.#standing.keys()) {
      if (place !== 'phase 1') this.#standing.delete(place)
    }
  }

  /** Nothing is wanted any more, so nothing is amiss. */
  forget(): void {
    this.#backOff.clear()
    this.looks.forget()
    this.#standing.clear()
  }
}
