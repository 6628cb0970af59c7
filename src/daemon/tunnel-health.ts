import type { DataPlaneEvent } from '#dataplane/port'
import type { Incident } from '#diagnosis/incidents'
import type { Degradation } from '#diagnosis/traffic-watch'
import type { Event } from '#ike/events'
import type { Clock } from './clock.ts'
import { DailyWarnings } from './daily-warnings.ts'
import { HostWatches, type HostWatchesParts, type WatchFacts } from './host-watches.ts'
import { TrafficWatches, type TrafficWatchesParts } from './traffic-watches.ts'
import { TunnelIncidents } from './tunnel-incidents.ts'

export type HealthFacts = {
  readonly degradation: Degradation | undefined
  readonly incidents: readonly Incident[]
  /** Of the host that `watch` names. */
  readonly watched: WatchFacts | undefined
}

export type TunnelHealthParts = Omit<TrafficWatchesParts & HostWatchesParts, 'now' | 'watched'> & {
  readonly clock: Clock
  readonly warn: (text: string) => void
}

/** How tunnels fare once they are up: what they do not carry, what happens to them, and what is about to end. */
export class TunnelHealth {
  readonly #hosts: HostWatches
  readonly #watches: TrafficWatches
  readonly #incidents: TunnelIncidents
  readonly #daily: DailyWarnings

  constructor(parts: TunnelHealthParts) {
    const { clock } = parts
    const now = () => clock.now()
    this.#hosts = new HostWatches({ ...parts, now })
    const watched = (tunnel: string) => this.#hosts.facts(tunnel)
    this.#watches = new TrafficWatches({ ...parts, now, watched })
    this.#incidents = new TunnelIncidents(parts)
    this.#daily = new DailyWarnings({ ...parts, now: () => clock.wall(clock.now()) })
  }

  start(): void {
    this.#hosts.start()
    this.#watches.start()
    this.#incidents.start()
    this.#daily.start()
  }

  stop(): void {
    this.#hosts.stop()
    this.#watches.stop()
    this.#incidents.stop()
    this.#daily.stop()
  }

  take(event: DataPlaneEvent): void {
    this.#hosts.take(event)
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
      watched: this.#hosts.facts(tunnel),
    }
  }
}
