/**
 * Which sequence numbers of one inbound SA were already seen: a ring of bits after RFC 6479, which moves forward by clearing
 * whole words. Sequence numbers are two uint32 halves; without ESN the high half is always 0.
 */
export class ReplayWindow {
  /** Packets behind the highest that are still accepted; 0 when replay protection is off. */
  readonly size: number
  readonly #esn: boolean
  readonly #words: Uint32Array
  readonly #mask: number
  #topHigh = 0
  #topLow = 0

  /** @param size a multiple of 32, at most 2³⁰; 0 turns the check off. */
  constructor(size: number, esn: boolean) {
    this.size = size
    this.#esn = esn
    // One word more than the window needs, so that the word being entered never holds bits still in the window.
    let words = 2
    while (words * 32 < size + 32) words *= 2
    this.#words = new Uint32Array(words)
    this.#mask = words - 1
  }

  /** Highest sequence number accepted so far, exact up to 2⁵³. */
  get highest(): number {
    return this.#topHigh * 0x1_0000_0000 + this.#topLow
  }

  /**
   * The high half that a packet with these low bits must have (RFC 4303 appendix A2.2). With the window off there is still an
   * estimate to make; half the number space each way serves then.
   */
  sequenceHigh(low: number): number {
    if (!this.#esn) return 0
    const window = this.size === 0 ? 0x8000_0000 : this.size
    if (this.#topLow >= window - 1) {
      return low >= this.#topLow - window + 1 ? this.#topHigh : this.#topHigh + 1
    }
    const bottom = this.#topLow - window + 1 + 0x1_0000_0000
    // Below the first subspace there is nothing: such a packet can only be far ahead.
    return low >= bottom && this.#topHigh > 0 ? this.#topHigh - 1 : this.#topHigh
  }

  /** A cheap check before the packet is authenticated; changes nothing. */
  wouldAccept(low: number, high: number): boolean {
    if (this.size === 0) return true
    if (low === 0 && high === 0) return false // RFC 4303 §3.3.3: the first packet has 1
    const ahead = (high - this.#topHigh) * 0x1_0000_0000 + (low - this.#topLow)
    if (ahead > 0) return true
    if (-ahead >= this.size) return false
    return (((this.#words[(low >>> 5) & this.#mask] as number) >>> (low & 31)) & 1) === 0
  }

  /** How many packets behind the newest one with these low bits is; 0 for one that is newer. */
  lateness(low: number): number {
    const high = this.sequenceHigh(low)
    return Math.max(0, (this.#topHigh - high) * 0x1_0000_0000 + (this.#topLow - low))
  }

  /** Marks a sequence number as seen. Only after authentication: a forged packet must not move the window. */
  accept(low: number, high: number): void {
    const ahead = (high - this.#topHigh) * 0x1_0000_0000 + (low - this.#topLow)
    if (ahead > 0) this.#advance(low, high)
    if (this.size === 0) return
    const word = (low >>> 5) & this.#mask
    this.#words[word] = (this.#words[word] as number) | (1 << (low & 31))
  }

  #advance(low: number, high: number): void {
    const entered = (high - this.#topHigh) * 0x0800_0000 + ((low >>> 5) - (this.#topLow >>> 5))
    if (entered > this.#mask) this.#words.fill(0)
    else {
      for (let i = 1; i <= entered; i++) this.#words[((this.#topLow >>> 5) + i) & this.#mask] = 0
    }
    this.#topLow = low
    this.#topHigh = high
  }
}
