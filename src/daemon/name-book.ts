import type { IpAddress } from '#bytes/ip'
import type { Clock } from './clock.ts'
import { type Lookup, lookupTrouble } from './name-lookup.ts'
import { inTime } from './patience.ts'

/** What is known of a host name. */
export type NameFacts = {
  /** Of the last lookup that found any, in its order. */
  readonly addresses: readonly IpAddress[]
  readonly foundAt?: number
  /** Why the last lookup found none. */
  readonly trouble?: string
}

type Entry = {
  facts: NameFacts
  askedAt: number
  /** Lookups since all was well. */
  tries: number
  asking: Promise<void> | undefined
}

/** Milliseconds between two lookups of a name: doubled each time, up to the longest. */
const FIRST_PAUSE = 5_000
const LONGEST_PAUSE = 60_000
/** How long a lookup is waited for. It cannot be taken back, and none is begun beside it. */
const PATIENCE = 5_000
/** More than that no peer has; a name server may say anything. */
const MOST_ADDRESSES = 16

/** Host names and the addresses they led to when they were looked up last, at a bounded pace. */
export class NameBook {
  readonly #clock: Clock
  readonly #lookUp: Lookup
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock, lookUp: Lookup) {
    this.#clock = clock
    this.#lookUp = lookUp
  }

  facts(name: string): NameFacts {
    return this.#entries.get(keyOf(name))?.facts ?? NOTHING
  }

  /** When the name may be looked up again. */
  dueAt(name: string): number {
    const entry = this.#entries.get(keyOf(name))
    if (entry === undefined) return Number.NEGATIVE_INFINITY
    return entry.askedAt + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(0, entry.tries - 1))
  }

  /** Nobody waits for the name: the next who does is served at once. */
  rest(name: string): void {
    const entry = this.#entries.get(keyOf(name))
    if (entry !== undefined) entry.tries = 0
  }

  keepOnly(names: readonly string[]): void {
    const kept = new Set(names.map(keyOf))
    for (const key of this.#entries.keys()) if (!kept.has(key)) this.#entries.delete(key)
  }

  /** As `ask`, but never with what was asked before now. */
  async askAnew(name: string): Promise<void> {
    await this.#entries.get(keyOf(name))?.asking
    await this.ask(name)
  }

  /** Looks the name up, now; never rejects. The promise is kept when there is an answer, or none in time. */
  async ask(name: string): Promise<void> {
    const key = keyOf(name)
    const entry = this.#entries.get(key) ?? {
      facts: NOTHING,
      askedAt: 0,
      tries: 0,
      asking: undefined,
    }
    this.#entries.set(key, entry)
    if (entry.asking === undefined) {
      entry.askedAt = this.#clock.now()
      entry.tries++
      entry.asking = this.#answer(name, entry)
    }
    if ((await inTime(entry.asking, PATIENCE)) === 'late')
      entry.facts = { ...entry.facts, trouble: `no answer in ${PATIENCE / 1_000} s` }
  }

  async #answer(name: string, entry: Entry): Promise<void> {
    try {
      const addresses = (await this.#lookUp(name)).slice(0, MOST_ADDRESSES)
      entry.facts =
        addresses.length > 0
          ? { addresses, foundAt: this.#clock.now() }
          : { ...entry.facts, trouble: 'it has no address' }
    } catch (error) {
      entry.facts = { ...entry.facts, trouble: lookupTrouble(error) }
    }
    entry.asking = undefined
  }
}

function keyOf(name: string): string {
  return name.toLowerCase()
}

const NOTHING: NameFacts = { addresses: [] }
