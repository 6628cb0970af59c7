import type { DataPlaneEvent } from '#dataplane/port'
import type { Incident } from '#diagnosis/incidents'
import type { Degradation } from '#diagnosis/traffic-watch'
import type { Event } from '#ike/events'
import type { Clock } from './clock.ts'
import { DailyWarnings } from './daily-warnings.ts'
import { TrafficWatches, type TrafficWatchesParts } from './traffic-watches.ts'
import { TunnelIncidents } from './tunnel-incidents.ts'

export type HealthFacts = {
  readonly degradation: Degradation | undefined
  readonly incidents: readonly Incident[]
}

export type TunnelHealthParts = Omit<TrafficWatchesParts, 'now'> & {
  readonly clock: Clock
  readonly warn: (text: string) => void
}

/** How tunnels fare once they are up: what they do not carry, what happens to them, and what is about to end. */
export class TunnelHealth {
  readonly #watches: TrafficWatches
  readonly #incidents: TunnelIncidents
  readonly #daily: DailyWarnings

  constructor(parts: TunnelHealthParts) {
    const { clock } = parts
    this.#watches = new TrafficWatches({ ...parts, now: () => clock.now() })
    this.#incidents = new TunnelIncidents(parts)
    this.#daily = new DailyWarnings({ ...parts, now: () => clock.wall(clock.now()) })
  }

  start(): void {
    this.#watches.start()
    this.#incidents.start()
    this.#daily.start()
  }

  stop(): void {
    this.#watches.stop()
    this.#incidents.stop()
    this.#daily.stop()
  }

  take(event: DataPlaneEvent): void {
    this.#watches.take(event)
  }

  hear(event: Event): void {
    this.#incidents.take(event)
  }

  keepOnly(tunnels: readonly string[]): void {
    this.#incidents.keepOnly(tunnels)
  }

  of(tunnel: string): HealthFacts {
    return {
      degradation: this.#watches.degradation(tunnel),
      incidents: this.#incidents.history(tunnel),
    }
  }
}
