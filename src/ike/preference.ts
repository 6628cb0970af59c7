import type { Instant } from './effects.ts'

/** What decides between two SAs that serve the same purpose. Both sides must come to the same answer without asking. */
export type Candidate = {
  /** When its negotiation began and ended, on this side. */
  readonly startedAt: Instant
  readonly establishedAt: Instant
  /** The same on both sides and different for each SA. */
  readonly rank: string
}

/**
 * Whether `a` is to be kept when both are there. The later one replaces the earlier; where the negotiations overlapped, because both
 * sides began at once, time says nothing that both would agree on, so the rank decides (RFC 7296 §2.8.1 compares nonces for the same end).
 */
function isPreferred(a: Candidate, b: Candidate): boolean {
  if (a.startedAt >= b.establishedAt) return true
  if (b.startedAt >= a.establishedAt) return false
  return a.rank > b.rank
}

/** The one that is preferred to all others; undefined of none. */
export function preferredOf<T extends Candidate>(candidates: readonly T[]): T | undefined {
  return candidates.reduce<T | undefined>(
    (best, one) => (best === undefined || isPreferred(one, best) ? one : best),
    undefined,
  )
}
