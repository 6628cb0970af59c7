import type { SaDropped, TrafficTotals } from '#control/status'
import type { DataPlaneCounters, SaCounters } from '#dataplane/port'
import type { Instant } from '#ike/effects'

/** What the SAs of a tunnel carried and dropped. */
export type TunnelTotals = {
  readonly in: TrafficTotals
  readonly out: TrafficTotals
  readonly dropped: SaDropped
}

export type TrafficRate = { readonly in: number; readonly out: number }

type Sample = { readonly at: Instant; readonly in: number; readonly out: number }

/** Those of the last two looks: a rate is over 5 to 10 seconds. */
const SAMPLES = 2

const NOTHING: TunnelTotals = {
  in: { packets: 0, octets: 0 },
  out: { packets: 0, octets: 0 },
  dropped: droppedBy(() => 0),
}

/** What each tunnel has carried since the start, over all its SAs: the counters of an SA go with it, so they are kept here. */
export class TrafficLedger {
  readonly #gone = new Map<string, TunnelTotals>()
  readonly #lastUsed = new Map<string, Instant>()
  readonly #samples = new Map<string, readonly Sample[]>()

  /** Takes over the counters of an SA that is about to be removed. */
  retire(
    sa: { readonly direction: 'inbound' | 'outbound'; readonly spi: number },
    counters: DataPlaneCounters,
  ): void {
    const found = counters.sas.find(
      ({ direction, spi }) => direction === sa.direction && spi === sa.spi,
    )
    if (found === undefined) return
    const { tunnel } = found.child
    this.#gone.set(tunnel, add(this.#gone.get(tunnel) ?? NOTHING, found))
    this.#lastUsed.set(tunnel, Math.max(found.lastUsed, this.#lastUsed.get(tunnel) ?? 0))
  }

  totals(tunnel: string, counters: DataPlaneCounters): TunnelTotals {
    return counters.sas
      .filter(({ child }) => child.tunnel === tunnel)
      .reduce(add, this.#gone.get(tunnel) ?? NOTHING)
  }

  /** When a packet last passed, either way; undefined: never. */
  lastUsed(tunnel: string, counters: DataPlaneCounters): Instant | undefined {
    const used = counters.sas.filter(({ child }) => child.tunnel === tunnel)
    const last = Math.max(this.#lastUsed.get(tunnel) ?? 0, ...used.map(({ lastUsed }) => lastUsed))
    return last === 0 ? undefined : last
  }

  /** Remembers how far the totals have come, for `rate`. */
  sample(tunnel: string, totals: TunnelTotals, at: Instant): void {
    const kept = (this.#samples.get(tunnel) ?? []).slice(1 - SAMPLES)
    this.#samples.set(tunnel, [...kept, { at, in: totals.in.octets, out: totals.out.octets }])
  }

  /** Bits a second between the oldest sample and now; 0 before there is one. */
  rate(tunnel: string, totals: TunnelTotals, now: Instant): TrafficRate {
    const [oldest] = this.#samples.get(tunnel) ?? []
    if (oldest === undefined || now <= oldest.at) return { in: 0, out: 0 }
    const bits = (octets: number) => Math.round((octets * 8_000) / (now - oldest.at))
    return {
      in: bits(totals.in.octets - oldest.in),
      out: bits(totals.out.octets - oldest.out),
    }
  }

  forget(tunnels: readonly string[]): void {
    for (const tunnel of tunnels) {
      this.#samples.delete(tunnel)
      this.#gone.delete(tunnel)
      this.#lastUsed.delete(tunnel)
    }
  }
}

/** Packets that an SA dropped, by cause. */
export function droppedBy(count: (cause: keyof SaDropped) => number): SaDropped {
  return {
    replayed: count('replayed'),
    badIcv: count('badIcv'),
    badPadding: count('badPadding'),
    outsideSelectors: count('outsideSelectors'),
    malformed: count('malformed'),
    congested: count('congested'),
    exhausted: count('exhausted'),
    cannotCarry: count('cannotCarry'),
  }
}

function add({ dropped, ...carried }: TunnelTotals, sa: SaCounters): TunnelTotals {
  const side = sa.direction === 'inbound' ? 'in' : 'out'
  const { packets, octets } = carried[side]
  return {
    ...carried,
    [side]: { packets: packets + sa.packets, octets: octets + sa.octets },
    dropped: droppedBy((cause) => dropped[cause] + sa[cause]),
  }
}
