import type { Duration, Instant } from './effects.ts'

/**
 * Work that only serves to tell an operator more, and that anyone may provoke: done at most once a minute for each subject, its result kept
 * meanwhile.
 */
export class RareWork {
  readonly #done = new Map<string, { readonly at: Instant; readonly result: string | undefined }>()

  result(subject: string, now: Instant, work: () => string | undefined): string | undefined {
    const last = this.#done.get(subject)
    if (last !== undefined && now - last.at < EVERY) return last.result
    if (this.#done.size >= MOST_SUBJECTS) this.#done.clear()
    const result = work()
    this.#done.set(subject, { at: now, result })
    return result
  }
}

const EVERY: Duration = 60_000
const MOST_SUBJECTS = 1_000
