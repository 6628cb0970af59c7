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
  /** Authentic, of a packet that cannot carry the news that its way was congested (RFC 6040 §4.2). */
  congested: 10,
  /** The SA had no volume or no sequence number left. */
  exhausted: 11,
  /** What transport mode has no form for: fragments, IPv4 options, IPv6 extension headers. */
  cannotCarry: 12,
  /** Dummy packets of the peer (RFC 4303 §2.6): no error, and nothing carried. */
  dummies: 13,
} as const
export type SaCounter = (typeof SaCounter)[keyof typeof SaCounter]

export const SA_COUNTER_FIELDS = 14

export function count(counters: Float64Array, field: SaCounter): void {
  counters[field] = (counters[field] as number) + 1
}
