import type { Event } from '#ike/events'

/** One event and when it was told; `sequence` grows by one and never repeats while the gateway runs. */
export type JournalEntry = { readonly sequence: number; readonly at: Date; readonly event: Event }

/** For each tunnel, and for what belongs to none. */
export type JournalLimits = {
  /** Of IKE messages that negotiate something. */
  readonly messages: number
  /** Their octets altogether. */
  readonly octets: number
  readonly signsOfLife: number
  /** Of datagrams dropped: anyone can make there be many. */
  readonly drops: number
  /** Of everything else. */
  readonly others: number
}

/** 200 messages: what failed at night can be explained in the morning. */
const DEFAULT_LIMITS: JournalLimits = {
  messages: 200,
  octets: 512 * 1024,
  signsOfLife: 60,
  drops: 60,
  others: 200,
}

/** The last events of every tunnel. One noisy tunnel pushes out only its own, and one kind of event only its like. */
export class Journal {
  readonly #limits: JournalLimits
  readonly #byTunnel = new Map<string, TunnelJournal>()
  #sequence = 0

  constructor(limits: Partial<JournalLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
  }

  append(at: Date, event: Event): JournalEntry {
    const entry: JournalEntry = { sequence: ++this.#sequence, at, event }
    const key = tunnelOf(event) ?? ''
    const own = this.#byTunnel.get(key) ?? new TunnelJournal()
    this.#byTunnel.set(key, own)
    own.append(entry, this.#limits)
    return entry
  }

  /** In the order they were told. Without names: everything. */
  entries(tunnels?: readonly string[]): readonly JournalEntry[] {
    const keys = tunnels ?? [...this.#byTunnel.keys()]
    return keys
      .flatMap((key) => this.#byTunnel.get(key)?.entries() ?? [])
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

type Ring = Exclude<keyof JournalLimits, 'octets'>

class TunnelJournal {
  readonly #rings: Readonly<Record<Ring, JournalEntry[]>> = {
    messages: [],
    signsOfLife: [],
    drops: [],
    others: [],
  }
  /** By code and network pair: the first failure of its kind since that was up, with the messages that led to it. */
  readonly #firsts = new Map<string, readonly JournalEntry[]>()
  readonly #sinceUp = new Set<string>()

  append(entry: JournalEntry, limits: JournalLimits): void {
    const { event } = entry
    const name = ringOf(event)
    const ring = this.#rings[name]
    ring.push(entry)
    let octets = name === 'messages' ? ring.reduce((sum, one) => sum + weight(one), 0) : 0
    while (ring.length > limits[name] || (octets > limits.octets && ring.length > 1)) {
      const oldest = ring.shift()
      if (oldest !== undefined) octets -= weight(oldest)
    }
    if (event.kind === 'child-sa-established') this.#passed(event.childSa.child.pair)
    if (event.kind === 'negotiation-failed')
      this.#keepFirst(`${event.failure.code}${pairSuffix(event.pair)}`, entry)
  }

  entries(): readonly JournalEntry[] {
    const all = [...this.#firsts.values(), ...Object.values(this.#rings)].flat()
    return [...new Set(all)]
  }

  /** What another pair failed of goes on. */
  #passed(pair: number): void {
    for (const kind of this.#sinceUp) {
      if (!kind.includes(PAIR) || kind.endsWith(pairSuffix(pair))) this.#sinceUp.delete(kind)
    }
  }

  /** What repeats itself all night would push out how it began. */
  #keepFirst(kind: string, entry: JournalEntry): void {
    if (this.#sinceUp.has(kind)) return
    this.#sinceUp.add(kind)
    this.#firsts.delete(kind)
    const [oldest] = this.#firsts.keys()
    if (this.#firsts.size >= MOST_FIRSTS && oldest !== undefined) this.#firsts.delete(oldest)
    this.#firsts.set(kind, [...this.#rings.messages.slice(-MESSAGES_OF_FIRST), entry])
  }
}

const PAIR = ' of pair '

function pairSuffix(pair: number | undefined): string {
  return pair === undefined ? '' : `${PAIR}${pair}`
}

const MOST_FIRSTS = 6
const MESSAGES_OF_FIRST = 16

function ringOf(event: Event): Ring {
  if (event.kind === 'dropped') return 'drops'
  if (event.kind === 'peer-alive') return 'signsOfLife'
  if (event.kind !== 'message') return 'others'
  return event.exchange === 'informational' ? 'signsOfLife' : 'messages'
}

function weight({ event }: JournalEntry): number {
  return event.kind === 'message' ? event.octets : 0
}
