import type { Event } from '#ike/events'

/** One event and when it was told; `sequence` grows by one and never repeats while the gateway runs. */
export type JournalEntry = { readonly sequence: number; readonly at: Date; readonly event: Event }

export type JournalLimits = {
  /** For each tunnel, and for what belongs to none. */
  readonly entries: number
  /** Of IKE messages kept for each tunnel. */
  readonly octets: number
}

const DEFAULT_LIMITS: JournalLimits = { entries: 300, octets: 256 * 1024 }

/** The last events of every tunnel. One noisy tunnel pushes out only its own. */
export class Journal {
  readonly #limits: JournalLimits
  readonly #byTunnel = new Map<string, JournalEntry[]>()
  #sequence = 0

  constructor(limits: JournalLimits = DEFAULT_LIMITS) {
    this.#limits = limits
  }

  append(at: Date, event: Event): JournalEntry {
    const entry: JournalEntry = { sequence: ++this.#sequence, at, event }
    const key = tunnelOf(event) ?? ''
    const entries = this.#byTunnel.get(key) ?? []
    entries.push(entry)
    this.#byTunnel.set(key, entries)
    // Signs of life go first: within the hour they would push out why a tunnel failed at night.
    if (isSignOfLife(event)) dropOne(entries, this.#limits.entries / 4)
    let octets = entries.reduce((sum, { event }) => sum + weight(event), 0)
    while (
      entries.length > this.#limits.entries ||
      (octets > this.#limits.octets && entries.length > 1)
    ) {
      const oldest = entries.shift()
      if (oldest !== undefined) octets -= weight(oldest.event)
    }
    return entry
  }

  /** In the order they were told. Without names: everything. */
  entries(tunnels?: readonly string[]): readonly JournalEntry[] {
    const keys = tunnels ?? [...this.#byTunnel.keys()]
    return keys
      .flatMap((key) => this.#byTunnel.get(key) ?? [])
      .sort((a, b) => a.sequence - b.sequence)
  }

  /** Forgets tunnels that are configured no more. */
  keepOnly(tunnels: readonly string[]): void {
    const kept = new Set(['', ...tunnels])
    for (const name of this.#byTunnel.keys()) if (!kept.has(name)) this.#byTunnel.delete(name)
  }
}

export function tunnelOf(event: Event): string | undefined {
  return 'tunnel' in event ? event.tunnel : undefined
}

function isSignOfLife(event: Event): boolean {
  return (
    event.kind === 'peer-alive' || (event.kind === 'message' && event.exchange === 'informational')
  )
}

/** The oldest sign of life, where there are more than `most`. */
function dropOne(entries: JournalEntry[], most: number): void {
  const signs = entries.filter(({ event }) => isSignOfLife(event))
  const [oldest] = signs
  if (signs.length > most && oldest !== undefined) entries.splice(entries.indexOf(oldest), 1)
}

function weight(event: Event): number {
  return event.kind === 'message' ? event.octets : 0
}
