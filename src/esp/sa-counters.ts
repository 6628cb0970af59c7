/**
 * Counters of one SA as a run of float64 in memory that the main thread reads while the packet path writes: `block[base + field]`.
 * Only the packet path writes them.
 */
export const SaCounter = {
  packets: 0,
  octets: 1,
  sequence: 2,
  lastUsed: 3,
  replayed: 4,
  badIcv: 5,
  badPadding: 6,
  outsideSelectors: 7,
  /** Of no length the SA can have made. */
  malformed: 8,
  /** How far behind the newest an authentic packet came at most, where that was too far. */
  latest: 9,
} as const
export type SaCounter = (typeof SaCounter)[keyof typeof SaCounter]

export const SA_COUNTER_FIELDS = 10

export function count(counters: Float64Array, field: SaCounter): void {
  counters[field] = (counters[field] as number) + 1
}
