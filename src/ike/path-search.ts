/** Octets of outer packets. */
export type SearchLimits = {
  /** The least any path must carry. */
  readonly floor: number
  /** What nearly every path carries; the search begins here, because without an answer to it nothing can be concluded. */
  readonly base: number
  /** What the host and the routers heard of say the path carries. */
  readonly top: number
  /** What an earlier search found, tried before halving. */
  readonly known?: number | undefined
  /** The largest probe not above a size, where a way of probing cannot make every size. */
  readonly fit: (octets: number) => number
}

export type SearchResult =
  | { readonly kind: 'silent' }
  | {
      readonly kind: 'found'
      readonly octets: number
      /** Larger packets vanish, although nobody says that they are too large. */
      readonly blackHole: boolean
    }

/**
 * The search for the largest packet that passes (RFC 8899 §5): base, top, and when the top vanishes, halves in between. Pure: who
 * holds it sends `size` and says what became of it.
 */
export class PathSearch {
  readonly #limits: SearchLimits
  /** The largest that passed, and the smallest that vanished. */
  #low = 0
  #high = Number.POSITIVE_INFINITY
  #size: number
  #result: SearchResult | undefined
  /** Sizes in between that are tried before halving. */
  #hints: readonly number[]
  #confirmed = false

  constructor(limits: SearchLimits) {
    this.#limits = limits
    this.#size = limits.fit(Math.min(limits.base, limits.top))
    const { known = 0 } = limits
    this.#hints = [known, ETHERNET, IPV6_LEAST].map(limits.fit)
  }

  /** What to send next. */
  get size(): number {
    return this.#size
  }

  /** Set when the search is over. */
  get result(): SearchResult | undefined {
    return this.#result
  }

  /** The largest size shown to pass so far; 0 before the first. */
  get shown(): number {
    return this.#low
  }

  /** Whether packets as large as the host sends them have vanished while smaller ones pass. */
  get topVanished(): boolean {
    return this.#low > 0 && this.#high <= this.#top
  }

  passed(size: number): void {
    if (this.#result !== undefined || size !== this.#size) return
    this.#low = Math.max(this.#low, size)
    this.#next()
  }

  /** After as many tries as a lossy path deserves. */
  vanished(size: number): void {
    if (this.#result !== undefined || size !== this.#size) return
    if (this.#low === 0) {
      const floor = this.#limits.fit(this.#limits.floor)
      if (floor >= size) this.#result = { kind: 'silent' }
      this.#high = size
      this.#size = floor
      return
    }
    this.#high = Math.min(this.#high, size)
    this.#next()
  }

  get #top(): number {
    return this.#limits.fit(this.#limits.top)
  }

  #next(): void {
    const top = this.#top
    if (this.#low >= top) {
      this.#result = { kind: 'found', octets: this.#limits.top, blackHole: false }
      return
    }
    if (this.#high > top) {
      this.#size = top
      return
    }
    const between = this.#between()
    if (between !== undefined) {
      this.#size = between
      return
    }
    // A burst of loss may have taken the top's probes: it has a second chance before the path is called narrow.
    if (!this.#confirmed) {
      this.#confirmed = true
      this.#size = top
      return
    }
    this.#result = { kind: 'found', octets: this.#low, blackHole: true }
  }

  #between(): number | undefined {
    const open = (size: number) => size > this.#low && size < this.#high
    const hint = this.#hints.find(open)
    if (hint !== undefined) {
      this.#hints = this.#hints.filter((size) => size !== hint)
      return hint
    }
    if (this.#high - this.#low <= CLOSE_ENOUGH) return undefined
    const middle = this.#limits.fit((this.#low + this.#high) >>> 1)
    return open(middle) ? middle : undefined
  }
}

/** Beyond which most paths carry nothing, whatever an interface takes. */
const ETHERNET = 1500
/** RFC 8200 §5. */
const IPV6_LEAST = 1280
/** Octets; what one more halving could win is not worth the time. */
const CLOSE_ENOUGH = 4
