import type { Duration, Instant } from './effects.ts'
import type { UnansweredMessage } from './events.ts'

/** Waits between transmissions of one message; after the last one the peer counts as silent. 31 s in all. */
export const RETRANSMIT_AFTER: readonly Duration[] = [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]

/** A message that is repeated until its answer comes. */
export type Retransmission = {
  readonly octets: Uint8Array
  /** How often it was sent after the first time. */
  readonly repeats: number
  readonly firstAt: Instant
  readonly nextAt: Instant
}

export function firstTransmission(octets: Uint8Array, now: Instant): Retransmission {
  return { octets, repeats: 0, firstAt: now, nextAt: now + (RETRANSMIT_AFTER[0] ?? 0) }
}

/** @returns the next state, or `'exhausted'` when it was sent as often as it may be. */
export function retransmitted(last: Retransmission, now: Instant): Retransmission | 'exhausted' {
  const repeats = last.repeats + 1
  const wait = RETRANSMIT_AFTER[repeats]
  if (wait === undefined) return 'exhausted'
  return { ...last, repeats, nextAt: now + wait }
}

/** How a message without an answer stands. */
export type Patience = Pick<UnansweredMessage, 'sent' | 'waited' | 'remaining'>

export function patienceWith(
  { repeats, firstAt, nextAt }: Omit<Retransmission, 'octets'>,
  now: Instant,
): Patience {
  const later = RETRANSMIT_AFTER.slice(repeats + 1).reduce((sum, wait) => sum + wait, 0)
  const remaining = Math.max(0, Math.round(nextAt + later - now))
  return { sent: repeats + 1, waited: Math.round(now - firstAt), remaining }
}

/** A message is lost now and then; of one sent for the third time, 3 s after the first, the operator is told. */
export const TOLD_AT_REPEAT = 2
