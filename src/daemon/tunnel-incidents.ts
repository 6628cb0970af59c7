import type { Config } from '#config/config'
import type { DataPlaneCounters } from '#dataplane/port'
import { type Incident, Incidents } from '#diagnosis/incidents'
import type { Instant } from '#ike/effects'
import type { Event } from '#ike/events'
import type { Clock } from './clock.ts'
import { tunnelOf } from './journal.ts'
import type { TrafficLedger } from './traffic-totals.ts'

export type TunnelIncidentsParts = {
  readonly clock: Clock
  readonly config: () => Config | undefined
  readonly counters: () => DataPlaneCounters
  readonly ledger: TrafficLedger
  readonly tell: (event: Event) => void
}

/** Milliseconds between two looks at the clocks, and by how much they may part in that time without anybody having set one. */
const EVERY = 5_000
const STEP = 5_000

/** What has happened to each tunnel that had been working, told when it happens and kept for `status`. */
export class TunnelIncidents {
  readonly #parts: TunnelIncidentsParts
  readonly #byTunnel = new Map<string, Incidents>()
  readonly #heardAt = new Map<string, Instant>()
  /** How far the wall clock is ahead of the monotonic one. */
  #ahead: number
  #timer: NodeJS.Timeout | undefined

  constructor(parts: TunnelIncidentsParts) {
    this.#parts = parts
    this.#ahead = this.#offset()
  }

  start(): void {
    this.#timer = setInterval(() => this.lookAtClock(), EVERY)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  history(tunnel: string): readonly Incident[] {
    return this.#byTunnel.get(tunnel)?.history ?? []
  }

  /** Every event, as soon as it is told. */
  take(event: Event): void {
    const { config, clock, counters, ledger, tell } = this.#parts
    const name = tunnelOf(event)
    if (name === undefined) return
    const now = clock.now()
    if (SIGNS_OF_LIFE.has(event.kind)) this.#heardAt.set(name, now)
    if (!WATCHED.has(event.kind)) return
    const tunnel = config()?.tunnels.find((one) => one.name === name)
    if (tunnel === undefined) return
    const incidents = this.#byTunnel.get(name) ?? new Incidents()
    this.#byTunnel.set(name, incidents)
    const counted = counters()
    const inbound = counted.sas.filter(
      ({ child, direction }) => child.tunnel === name && direction === 'inbound',
    )
    const heard = Math.max(this.#heardAt.get(name) ?? 0, ...inbound.map(({ lastUsed }) => lastUsed))
    const told = incidents.take(event, {
      now,
      tunnel,
      heardAt: heard === 0 ? undefined : heard,
      carriedAt: ledger.lastUsed(name, counted),
      octetsOf: (inboundSpi, outboundSpi) =>
        Math.max(
          0,
          ...counted.sas
            .filter(({ direction, spi }) =>
              direction === 'inbound' ? spi === inboundSpi : spi === outboundSpi,
            )
            .map(({ octets }) => octets),
        ),
      clockText: (at) => `${clock.wall(at).toISOString().slice(11, 19)} UTC`,
    })
    for (const one of told) tell(one)
  }

  keepOnly(tunnels: readonly string[]): void {
    for (const name of this.#byTunnel.keys()) {
      if (tunnels.includes(name)) continue
      this.#byTunnel.delete(name)
      this.#heardAt.delete(name)
    }
  }

  lookAtClock(): void {
    const ahead = this.#offset()
    const by = ahead - this.#ahead
    this.#ahead = ahead
    if (Math.abs(by) >= STEP) this.#parts.tell({ kind: 'clock-jumped', by: Math.round(by) })
  }

  #offset(): number {
    const { clock } = this.#parts
    const now = clock.now()
    return clock.wall(now).getTime() - now
  }
}

const SIGNS_OF_LIFE: ReadonlySet<Event['kind']> = new Set([
  'peer-alive',
  'ike-sa-established',
  'child-sa-established',
])
const WATCHED: ReadonlySet<Event['kind']> = new Set([
  'child-sa-established',
  'child-sa-closed',
  'ike-sa-closed',
])
