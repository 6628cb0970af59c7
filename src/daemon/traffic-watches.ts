import type { Endpoint, IpAddress } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import type { DataPlaneCounters, DataPlaneEvent, SaCounters } from '#dataplane/port'
import type { HostFacts, TrafficCounts, TrafficExamples } from '#diagnosis/traffic-facts'
import { type Degradation, TrafficWatch } from '#diagnosis/traffic-watch'
import type { WatchedHostFacts } from '#diagnosis/watched-host'
import type { Instant } from '#ike/effects'
import type { Event, IkeSaFacts, PathFacts, TunnelSnapshot } from '#ike/events'
import type { HostView } from './host-view.ts'
import type { TrafficLedger } from './traffic-totals.ts'

export type TrafficWatchesParts = {
  readonly now: () => Instant
  readonly config: () => Config | undefined
  readonly snapshots: () => readonly TunnelSnapshot[]
  readonly counters: () => DataPlaneCounters
  readonly ledger: TrafficLedger
  readonly host: Pick<HostView, 'common' | 'ofTunnel'>
  readonly watched: (tunnel: string) => WatchedHostFacts | undefined
  readonly tell: (event: Event) => void
}

/** Milliseconds. */
const EVERY = 5_000
/** Tunnels for which the host is asked in one round; with more of them they take turns. */
const ASKED_AT_ONCE = 50
/** Milliseconds that an odd packet is spoken of. */
const ODD_FOR = 65_000

type Watched = {
  readonly watch: TrafficWatch
  examples: Omit<TrafficExamples, 'latest'>
  host: Omit<HostFacts, 'ownAddresses' | 'translations'>
  /** Where the peer was at the last look, and when it had been heard. */
  seen?: {
    readonly initiatorSpi: string
    readonly remote: Endpoint
    readonly heard: Instant
    readonly at: Instant
  }
}

/** Looks every few seconds at what the tunnels that are up carry, and says when one does not carry what it should, once, and when it does again. */
export class TrafficWatches {
  readonly #parts: TrafficWatchesParts
  readonly #watched = new Map<string, Watched>()
  #timer: NodeJS.Timeout | undefined
  #turn = 0
  #oddAt = Number.NEGATIVE_INFINITY

  constructor(parts: TrafficWatchesParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), EVERY)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  degradation(tunnel: string): Degradation | undefined {
    return this.#watched.get(tunnel)?.watch.current
  }

  /** What the packet path has seen. */
  take(event: DataPlaneEvent): void {
    const at = this.#parts.now()
    switch (event.kind) {
      case 'odd-packet':
        this.#oddAt = at
        this.#note(event.tunnel, { [event.cause]: event.packet })
        return
      case 'icv-tested':
        this.#note(event.child.tunnel, { icv: event.variant })
        return
      case 'esp-refused':
        for (const name of this.#tunnelsWith(event.remote))
          this.#note(name, { espRefused: { reporter: event.reporter, at } })
        return
      default:
        return
    }
  }

  look(): void {
    const { config: configured, snapshots, counters, host, now } = this.#parts
    const config = configured()
    if (config === undefined) return
    const counted = byTunnel(counters())
    const common = this.#isOdd() ? host.common() : { ownAddresses: [], translations: [] }
    const states = new Map(snapshots().map((snapshot) => [snapshot.tunnel, snapshot]))
    const names = new Set(config.tunnels.map(({ name }) => name))
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#watched.delete(name)
    const asked = this.#whoseTurn(config.tunnels)
    for (const tunnel of config.tunnels) {
      const watched = this.#of(tunnel.name)
      const own = counted(tunnel.name)
      const counts = this.#counts(tunnel.name, own)
      const snapshot = states.get(tunnel.name)
      const before = watched.watch.current
      const active = snapshot?.childSas.filter(({ state }) => state === 'active') ?? []
      const [child] = active
      if (snapshot?.state !== 'up' || child === undefined) {
        watched.watch.rest(now(), counts)
        watched.examples = {}
        this.#tell(tunnel.name, before, undefined)
        continue
      }
      if (asked.has(tunnel.name)) watched.host = host.ofTunnel(tunnel, config)
      const [newest] = [...snapshot.ikeSas].sort((a, b) => b.establishedAt - a.establishedAt)
      if (newest !== undefined) this.#followNat(watched, newest, snapshot.peerAliveAt ?? 0)
      const degradation = watched.watch.observe({
        now: now(),
        tunnel,
        upSince: snapshot.since,
        encapsulation: child.encapsulation,
        peerAliveAt: snapshot.peerAliveAt,
        counts,
        examples: {
          ...watched.examples,
          ...blackHoleOf(snapshot.path),
          latest: latestOf(own),
        },
        host: { ...common, ...watched.host },
        watched: this.#parts.watched(tunnel.name),
      })
      this.#tell(tunnel.name, before, degradation)
    }
  }

  #tell(tunnel: string, before: Degradation | undefined, now: Degradation | undefined): void {
    const { tell } = this.#parts
    if (before !== undefined && before.failure.code !== now?.failure.code) {
      const lasted = this.#parts.now() - before.since
      tell({ kind: 'recovered', tunnel, code: before.failure.code, lasted })
    }
    if (now !== undefined && before?.failure.code !== now.failure.code)
      tell({ kind: 'traffic-degraded', tunnel, failure: now.failure })
  }

  #counts(tunnel: string, counted: DataPlaneCounters): TrafficCounts {
    const { ledger, now } = this.#parts
    const totals = ledger.totals(tunnel, counted)
    ledger.sample(tunnel, totals, now())
    const { replayed, badIcv, malformed, outsideSelectors } = totals.dropped
    const [own] = counted.tunnels
    return {
      in: totals.in.packets,
      // What we ask of the path ourselves need not be answered by everybody.
      out: totals.out.packets - (own?.probes ?? 0),
      replayed,
      badIcv,
      malformed,
      outsideSelectors,
      noPolicy: own?.noPolicy ?? 0,
      probes: own?.probes ?? 0,
    }
  }

  /** Whether the peer's NAT has given it another port since the last look. */
  #followNat(watched: Watched, sa: IkeSaFacts, peerAliveAt: Instant): void {
    const at = this.#parts.now()
    const { initiatorSpi, remote } = sa
    const { seen } = watched
    watched.seen = { initiatorSpi, remote, heard: peerAliveAt, at }
    if (seen?.initiatorSpi !== initiatorSpi || seen.remote.address !== remote.address) return
    if (!sa.nat.remote || seen.remote.port === remote.port) return
    const moved = {
      at,
      fromPort: seen.remote.port,
      toPort: remote.port,
      idle: seen.at - seen.heard,
    }
    watched.examples = { ...watched.examples, moved }
  }

  #note(tunnel: string, examples: Omit<TrafficExamples, 'latest'>): void {
    const watched = this.#of(tunnel)
    watched.examples = { ...watched.examples, ...examples }
  }

  #of(tunnel: string): Watched {
    const known = this.#watched.get(tunnel)
    if (known !== undefined) return known
    const fresh: Watched = { watch: new TrafficWatch(), examples: {}, host: { ways: [] } }
    this.#watched.set(tunnel, fresh)
    return fresh
  }

  /** Rules of packet filters can be many; they are read only while packets come whose source they may have changed. */
  #isOdd(): boolean {
    return this.#parts.now() - this.#oddAt < ODD_FOR
  }

  #whoseTurn(tunnels: readonly TunnelConfig[]): ReadonlySet<string> {
    const from = this.#turn % Math.max(1, tunnels.length)
    this.#turn = from + ASKED_AT_ONCE
    const twice = [...tunnels, ...tunnels]
    const chosen = tunnels.length <= ASKED_AT_ONCE ? tunnels : twice.slice(from, this.#turn)
    return new Set(chosen.map(({ name }) => name))
  }

  #tunnelsWith(peer: IpAddress): readonly string[] {
    const tunnels = this.#parts.config()?.tunnels ?? []
    return tunnels.filter((tunnel) => tunnel.peer === peer).map(({ name }) => name)
  }
}

/** The counters of one tunnel, of all of which it is asked. */
function byTunnel(all: DataPlaneCounters): (tunnel: string) => DataPlaneCounters {
  const sas = new Map<string, SaCounters[]>()
  for (const sa of all.sas) {
    const own = sas.get(sa.child.tunnel) ?? []
    own.push(sa)
    sas.set(sa.child.tunnel, own)
  }
  const tunnels = new Map(all.tunnels.map((one) => [one.tunnel, one]))
  return (name) => {
    const own = tunnels.get(name)
    return { ...all, sas: sas.get(name) ?? [], tunnels: own === undefined ? [] : [own] }
  }
}

function latestOf({ sas }: DataPlaneCounters): number {
  return Math.max(0, ...sas.map(({ latest }) => latest))
}

/** What a host believes to fit, against what does. */
function blackHoleOf(path: PathFacts | undefined): Pick<TrafficExamples, 'blackHole'> {
  if (path?.blackHole !== true) return {}
  const { inner, host, octets } = path
  return { blackHole: { passed: inner, lost: inner + host - octets } }
}
