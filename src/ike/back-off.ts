import type { Crypto } from '#crypto/port'
import type { Duration, Instant } from './effects.ts'
import { fraction } from './lifetimes.ts'

/** Repeated failures: how often in a row, and when to try again. */
export type BackOff = { readonly failures: number; readonly retryAt: Instant }

export const NO_FAILURE: BackOff = { failures: 0, retryAt: Number.NEGATIVE_INFINITY }

/** Doubles from two seconds to a minute; the second half of each wait is random, so that many tunnels do not return at once. */
export function failedAgain({ failures }: BackOff, now: Instant, crypto: Crypto): BackOff {
  const wait: Duration = Math.min(LONGEST, SHORTEST * 2 ** Math.min(failures, 10))
  return { failures: failures + 1, retryAt: now + wait * (0.5 + 0.5 * fraction(crypto)) }
}

const SHORTEST = 2_000
const LONGEST = 60_000
