/**
 * Whether an SA is near its end. `soft` asks for a rekey, `last` means that what replaces it must take over now, `hard` that it carries
 * nothing any more.
 */
export const Expiry = { none: 0, soft: 1, last: 2, hard: 3 } as const
export type Expiry = (typeof Expiry)[keyof typeof Expiry]

/** A quarter of a milliard packets before the end: minutes at millions of packets a second. */
const SOFT_LOW = 0xf000_0000
const LAST_HALF = 0xffff_ffff

/**
 * Sequence numbers of one outbound SA (RFC 4303 §2.2, §3.3.3): from 1, never twice, and never round the end.
 */
export class SequenceCounter {
  low = 0
  high = 0
  readonly #esn: boolean

  constructor(esn: boolean, low = 0, high = 0) {
    this.#esn = esn
    this.low = low
    this.high = high
  }

  /** Moves to the next number. @returns `hard` when there is none, with the number unchanged */
  next(): Expiry {
    if (this.low !== LAST_HALF) {
      this.low++
    } else {
      if (!this.#esn || this.high === LAST_HALF) return Expiry.hard
      this.low = 0
      this.high++
    }
    return this.#nearEnd() ? Expiry.soft : Expiry.none
  }

  #nearEnd(): boolean {
    return this.low >= SOFT_LOW && (!this.#esn || this.high === LAST_HALF)
  }
}
