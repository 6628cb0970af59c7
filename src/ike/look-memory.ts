import type { Duration, Instant } from './effects.ts'
import type { Failure } from './events.ts'

/**
 * What second looks at phase 2 have shown of a tunnel. It outlives the IKE SA they were under: a peer that ends it for a Quick mode that
 * nobody finishes would be asked all of it again under the next one, and the next.
 */
export class LookMemory {
  readonly #begun = new Map<string, Instant>()
  readonly #shown = new Map<string, Failure>()

  begun(treatment: string, now: Instant): void {
    this.#begun.set(treatment, now)
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
