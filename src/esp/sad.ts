import type { InboundState } from './inbound.ts'

const EMPTY = 0
const MIN_SLOTS = 64

/**
 * The inbound Security Association Database: SAs by SPI (RFC 4301 §4.4.2, unicast). Open addressing over an Int32Array, because
 * a `Map` would make an object of every SPI above 2³⁰ it is asked for.
 */
export class Sad<State extends InboundState = InboundState> {
  #spis = new Int32Array(MIN_SLOTS)
  #states: (State | undefined)[] = new Array(MIN_SLOTS).fill(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  find(spi: number): State | undefined {
    const key = spi | 0
    if (key === EMPTY) return undefined
    const mask = this.#spis.length - 1
    for (let slot = slotOf(key, mask); ; slot = (slot + 1) & mask) {
      const at = this.#spis[slot]
      if (at === key) return this.#states[slot]
      if (at === EMPTY) return undefined
    }
  }

  /** Replaces an SA of the same SPI. */
  insert(state: State): void {
    const known = this.find(state.spi) !== undefined
    if (!known && (this.#size + 1) * 2 > this.#spis.length) this.#rebuild(this.list())
    this.#place(state)
    if (!known) this.#size++
  }

  /** @returns the SA that was there */
  remove(spi: number): State | undefined {
    const state = this.find(spi)
    if (state === undefined) return undefined
    this.#rebuild(this.list().filter((other) => other !== state))
    return state
  }

  list(): State[] {
    return this.#states.filter((state): state is State => state !== undefined)
  }

  /** A fresh table keeps lookups free of tombstones. */
  #rebuild(states: readonly State[]): void {
    let slots = MIN_SLOTS
    while (slots < (states.length + 1) * 2) slots *= 2
    this.#spis = new Int32Array(slots)
    this.#states = new Array(slots).fill(undefined)
    this.#size = states.length
    for (const state of states) this.#place(state)
  }

  #place(state: State): void {
    const key = state.spi | 0
    const mask = this.#spis.length - 1
    let slot = slotOf(key, mask)
    while (this.#spis[slot] !== EMPTY && this.#spis[slot] !== key) slot = (slot + 1) & mask
    this.#spis[slot] = key
    this.#states[slot] = state
  }
}

function slotOf(key: number, mask: number): number {
  return (Math.imul(key, 0x9e37_79b1) >>> 15) & mask
}
