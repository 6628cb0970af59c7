import type { Duration, Instant } from './effects.ts'

/** Waits between transmissions of one message; after the last one the peer counts as silent. 31 s in all. */
export const RETRANSMIT_AFTER: readonly Duration[] = [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]

/** A message that is repeated until its answer comes. */
export type Retransmission = {
  readonly octets: Uint8Array
  /** How often it was sent after the first time. */
  readonly repeats: number
  readonly nextAt: Instant
}

export function firstTransmission(octets: Uint8Array, now: Instant): Retransmission {
  return { octets, repeats: 0, nextAt: now + (RETRANSMIT_AFTER[0] ?? 0) }
}

/** @returns the next state, or `'exhausted'` when it was sent as often as it may be. */
export function retransmitted(last: Retransmission, now: Instant): Retransmission | 'exhausted' {
  const repeats = last.repeats + 1
  const wait = RETRANSMIT_AFTER[repeats]
  if (wait === undefined) return 'exhausted'
  return { octets: last.octets, repeats, nextAt: now + wait }
}
