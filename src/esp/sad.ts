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
    const slot = this.#slot(spi)
    return slot < 0 ? undefined : this.#states[slot]
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
    let hole = this.#slot(spi)
    if (hole < 0) return undefined
    const state = this.#states[hole]
    this.#size--
    const spis = this.#spis
    const states = this.#states
    const mask = spis.length - 1
    // What was pushed on by what is gone moves back, so that lookups meet no tombstones.
    for (let next = (hole + 1) & mask; spis[next] !== EMPTY; next = (next + 1) & mask) {
      const home = slotOf(spis[next] as number, mask)
      if (((next - home) & mask) < ((next - hole) & mask)) continue
      spis[hole] = spis[next] as number
      states[hole] = states[next]
      hole = next
    }
    spis[hole] = EMPTY
    states[hole] = undefined
    return state
  }

  list(): State[] {
    return this.#states.filter((state): state is State => state !== undefined)
  }

  /** @returns -1 when there is none of this SPI */
  #slot(spi: number): number {
    const key = spi | 0
    if (key === EMPTY) return -1
    const mask = this.#spis.length - 1
    for (let slot = slotOf(key, mask); ; slot = (slot + 1) & mask) {
      const at = this.#spis[slot]
      if (at === key) return slot
      if (at === EMPTY) return -1
    }
  }

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
