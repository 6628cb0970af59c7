import type { IpAddress } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import type { DataPlaneEvent, HostEcho } from '#dataplane/port'
import { WatchedHost, type WatchedHostFacts } from '#diagnosis/watched-host'
import type { Instant } from '#ike/effects'
import type { TunnelSnapshot } from '#ike/events'
import { carriesEcho, echoSource } from '#policy/echo-way'
import type { SelectorPair } from '#policy/traffic-selector'
import type { HostView } from './host-view.ts'

export type HostWatchesParts = {
  readonly now: () => Instant
  readonly config: () => Config | undefined
  readonly snapshots: () => readonly TunnelSnapshot[]
  readonly host: Pick<HostView, 'ownAddresses'>
  readonly askHost: (tunnel: string, echo: HostEcho) => void
}

export type WatchFacts = WatchedHostFacts & {
  /** Why it is not asked although the tunnel is up: no SA is there for its network, or nothing of ours could be answered through it. */
  readonly unasked?: 'no-sa' | 'no-address'
}

type Watched = { readonly host: WatchedHost; unasked: WatchFacts['unasked'] }

/** Asks the hosts that `watch` names through their tunnels, while these are up. */
export class HostWatches {
  readonly #parts: HostWatchesParts
  readonly #watched = new Map<string, Watched>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: HostWatchesParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => this.ask(), EVERY)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  facts(tunnel: string): WatchFacts | undefined {
    const watched = this.#watched.get(tunnel)
    if (watched === undefined) return undefined
    const { host, unasked } = watched
    return { ...host.facts, ...(unasked === undefined ? {} : { unasked }) }
  }

  take(event: DataPlaneEvent): void {
    if (event.kind !== 'echo-answered') return
    const { id, tunnel } = event
    this.#watched.get(tunnel)?.host.handle({ kind: 'answered', id }, this.#parts.now())
  }

  ask(): void {
    const { config, snapshots, host, askHost, now } = this.#parts
    const tunnels = (config()?.tunnels ?? []).filter(({ watch }) => watch !== undefined)
    const names = new Set(tunnels.map(({ name }) => name))
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#watched.delete(name)
    if (tunnels.length === 0) return
    const states = new Map(snapshots().map((snapshot) => [snapshot.tunnel, snapshot]))
    const own = host.ownAddresses()
    for (const { name, watch, addresses = [] } of tunnels) {
      if (watch === undefined) continue
      const watched = this.#of(name, watch)
      const isUp = states.get(name)?.state === 'up'
      const pairs = isUp ? servedPairs(states.get(name), watch) : []
      const ofInterface = addresses.map(({ address }) => address)
      const source = echoSource(pairs, watch, ofInterface, own)
      const why = pairs.length === 0 ? 'no-sa' : 'no-address'
      watched.unasked = isUp && source === undefined ? why : undefined
      for (const { id, source: from } of watched.host.handle({ kind: 'due', source }, now()))
        askHost(name, { id, source: from, target: watch })
    }
  }

  #of(tunnel: TunnelConfig['name'], target: IpAddress): Watched {
    const known = this.#watched.get(tunnel)
    if (known?.host.target === target) return known
    const fresh = { host: new WatchedHost(target), unasked: undefined }
    this.#watched.set(tunnel, fresh)
    return fresh
  }
}

/** What the SAs that are there were agreed on for, as far as it holds the host. */
function servedPairs(
  snapshot: TunnelSnapshot | undefined,
  target: IpAddress,
): readonly SelectorPair[] {
  return (snapshot?.childSas ?? [])
    .filter(({ state, selectors }) => state === 'active' && carriesEcho(selectors.remote, target))
    .map(({ selectors }) => selectors)
}

/** Milliseconds. */
const EVERY = 5_000
