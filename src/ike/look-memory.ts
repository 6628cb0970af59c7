import type { ChildSa } from './child-table.ts'
import type { Duration, Instant } from './effects.ts'
import type { Failure } from './events.ts'

/**
 * What second looks at phase 2 have shown of a tunnel. It outlives the IKE SA they were under: a peer that ends it for a Quick mode that
 * nobody finishes would be asked all of it again under the next one, and the next.
 */
export class LookMemory {
  readonly #begun = new Map<string, Instant>()
  readonly #shown = new Map<string, Failure>()
  readonly #nextRenewal: (besides: number) => Instant
  #underWayUntil: Instant = Number.NEGATIVE_INFINITY

  /** @param nextRenewal when a Child SA is renewed next, of another network pair than this */
  constructor(nextRenewal: (besides: number) => Instant) {
    this.#nextRenewal = nextRenewal
  }

  begun(treatment: string, now: Instant): void {
    this.#begun.set(treatment, now)
    this.#underWayUntil = now + LOOK_TAKES
  }

  /** None is under way any more. */
  ended(): void {
    this.#underWayUntil = Number.NEGATIVE_INFINITY
  }

  /** Whether one would have ended before anything is renewed that its refusals could disturb (see Openings). */
  isUndisturbing(pair: number, now: Instant): boolean {
    return this.#nextRenewal(pair) > now + LOOK_TAKES
  }

  /** When a Child SA is renewed: what comes due during a look waits for its end, but not long, and no more than half of what is left of it. */
  renewalAt({ rekeyAt, facts }: Pick<ChildSa, 'facts' | 'rekeyAt'>): Instant {
    const latest = Math.min(rekeyAt + HELD_FOR, (rekeyAt + facts.expiresAt) / 2)
    return Math.max(rekeyAt, Math.min(this.#underWayUntil, latest))
  }

  /** Whether one was begun so short a time ago that another would show the same. */
  isRecent(treatment: string, now: Instant): boolean {
    const at = this.#begun.get(treatment)
    return at !== undefined && at > now - LOOK_AGAIN_AFTER
  }

  /** @param plain what would have been told of the network pair without a look */
  note(pair: number, treatment: string, plain: Failure, shown: Failure): void {
    this.#shown.set(keyOf(pair, treatment, plain), shown)
  }

  shown(pair: number, treatment: string, plain: Failure): Failure | undefined {
    return this.#shown.get(keyOf(pair, treatment, plain))
  }

  pairPassed(pair: number): void {
    for (const key of this.#shown.keys()) if (key.startsWith(`${pair} `)) this.#shown.delete(key)
  }

  forget(): void {
    this.#begun.clear()
    this.#shown.clear()
  }
}

function keyOf(pair: number, treatment: string, { code }: Failure): string {
  return `${pair} ${code} ${treatment}`
}

const LOOK_AGAIN_AFTER: Duration = 600_000
/** No more than nine questions, each waited for as long as a peer may take to answer. */
const LOOK_TAKES: Duration = 20_000
const HELD_FOR: Duration = 5_000
