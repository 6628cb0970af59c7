import type { Config, TunnelConfig } from '#config/config'
import { addressesTaken, callable } from '#config/peer-answers'
import { withAddresses } from '#config/peer-name'
import { nameLeadsNowhere } from '#diagnosis/peer-name-failures'
import type { Event, Failure, TunnelSnapshot } from '#ike/events'
import { addressOfPeer } from '#policy/peer-address'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import type { EnginePort } from './loop.ts'
import { NameBook, type NameFacts } from './name-book.ts'
import type { Lookup } from './name-lookup.ts'
import { inTime } from './patience.ts'

export type PeerNamesParts = {
  readonly clock: Clock
  readonly lookUp: Lookup
  readonly engine: Pick<EnginePort, 'snapshot'>
  readonly log: Pick<Log, 'note'>
  /** What runs. */
  readonly config: () => Config
  /** Puts what `addressed` makes of the running configuration in its place. @returns false where that failed */
  readonly renew: (addressed: (config: Config) => Config) => Promise<boolean>
  readonly tell: (event: Event) => void
}

type NamedTunnel = TunnelConfig & Required<Pick<TunnelConfig, 'peerName'>>

/** Milliseconds: how often it is looked for what is due, and what a start, a reload and `up` wait for names at most. */
const LOOK_EVERY = 2_000
const PATIENCE = 2_000
/** Milliseconds between two tries of a change that failed: doubled each time, up to that. */
const LONGEST_PAUSE = 60_000

/**
 * The host names that stand for peers, and the addresses their tunnels take of them. A name is looked up at a start and a reload, and again
 * and again while its tunnel is not up. A tunnel that is up keeps the address it has, and so does one the operator has closed; any other
 * does as long as it is among the answers.
 */
export class PeerNames {
  readonly #parts: PeerNamesParts
  readonly #book: NameBook
  /** Of tunnels without an address: what was told last. */
  readonly #told = new Map<string, string>()
  #isRenewing = false
  /** Milliseconds; of a change of address that failed. */
  #pause = 0
  #failedAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(parts: PeerNamesParts) {
    this.#parts = parts
    this.#book = new NameBook(parts.clock, parts.lookUp)
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY)
    this.#timer.unref()
    this.#tellFailures()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** @returns `config` with what its names lead to, as far as that can be had in a short time */
  async resolved(config: Config): Promise<Config> {
    await this.#askAll(this.#open(config))
    return this.#applied(config)
  }

  /** The operator wants these tunnels up: the names of those that are not are looked up anew. */
  async askAnew(tunnels: readonly string[]): Promise<void> {
    const open = this.#open(this.#parts.config(), tunnels)
    const asked = open.filter(({ name }) => tunnels.includes(name))
    if (asked.length === 0) return
    for (const { peerName } of asked) this.#book.rest(peerName.name)
    await this.#askAll(asked)
    await this.#renew(tunnels)
    for (const { name } of asked) this.#told.delete(name)
    this.#tellFailures()
  }

  /** After a configuration has taken the place of another. */
  follow(from: Config | undefined, to: Config): void {
    this.#pause = 0
    const before = byName(from)
    for (const tunnel of named(to)) {
      const [was, address] = [before.get(tunnel.name), addressOfPeer(tunnel)]
      const old = was && addressOfPeer(was)
      if (address === undefined || address === old) continue
      const change = old === undefined ? '' : `, no longer to ${old}`
      const { name, peerName } = tunnel
      this.#parts.log.note('info', `${name}: ${peerName.name} leads to ${address}${change}`)
      this.#book.rest(peerName.name)
    }
    this.#book.keepOnly(named(to).map(({ peerName }) => peerName.name))
  }

  facts({ peerName }: TunnelConfig): (NameFacts & { readonly name: string }) | undefined {
    return peerName && { name: peerName.name, ...this.#book.facts(peerName.name) }
  }

  /** What the engine knows of tunnels, and what it cannot know: why there is nobody to call. */
  over(snapshots: readonly TunnelSnapshot[]): readonly TunnelSnapshot[] {
    const tunnels = new Map(named(this.#parts.config()).map((tunnel) => [tunnel.name, tunnel]))
    return snapshots.map((snapshot) => {
      const tunnel = tunnels.get(snapshot.tunnel)
      const failure = tunnel && this.#failureOf(tunnel)
      if (tunnel === undefined || failure === undefined) return snapshot
      if (snapshot.state === 'up' || snapshot.state === 'stopped') return snapshot
      const retryAt = this.#retryAt(tunnel)
      const pairs = snapshot.pairs.map((pair) =>
        pair.state === 'connecting' ? ({ state: 'failed', failure, retryAt } as const) : pair,
      )
      return { ...snapshot, lastFailure: failure, retryAt, pairs }
    })
  }

  /** Tells of each tunnel that has no address once, and again when the reason is another. */
  #tellFailures(): void {
    for (const tunnel of named(this.#parts.config())) {
      const failure = this.#failureOf(tunnel)
      if (this.#told.get(tunnel.name) === failure?.summary) continue
      if (failure === undefined) {
        this.#told.delete(tunnel.name)
        continue
      }
      this.#told.set(tunnel.name, failure.summary)
      const retryAt = this.#retryAt(tunnel)
      const { name } = tunnel
      this.#parts.tell({ kind: 'negotiation-failed', tunnel: name, phase: 1, failure, retryAt })
    }
  }

  #look(): void {
    const config = this.#parts.config()
    const waitedFor = new Set(this.#open(config).map(({ peerName }) => peerName.name))
    for (const { peerName } of named(config)) {
      if (!waitedFor.has(peerName.name)) this.#book.rest(peerName.name)
    }
    const now = this.#parts.clock.now()
    for (const name of waitedFor) {
      if (this.#book.dueAt(name) <= now) void this.#book.ask(name).then(() => this.#takeUp())
    }
    // One that took its time may have been answered meanwhile.
    this.#takeUp()
  }

  #takeUp(): void {
    const config = this.#parts.config()
    this.#tellFailures()
    const isPausing = this.#parts.clock.now() < this.#failedAt + this.#pause
    if (this.#isRenewing || isPausing || this.#applied(config) === config) return
    this.#isRenewing = true
    void this.#renew().finally(() => {
      this.#isRenewing = false
    })
  }

  /** @param wanted tunnels that the operator wants up again */
  async #renew(wanted: readonly string[] = []): Promise<void> {
    if (await this.#parts.renew((running) => this.#applied(running, wanted))) return
    this.#failedAt = this.#parts.clock.now()
    this.#pause = Math.min(LONGEST_PAUSE, Math.max(LOOK_EVERY, 2 * this.#pause))
  }

  /** Looks nothing up. @param wanted tunnels that the operator wants up again */
  #applied(config: Config, wanted: readonly string[] = []): Config {
    const running = byName(this.#parts.config())
    const open = new Set(this.#open(config, wanted).map(({ name }) => name))
    const taken = addressesTaken(config, (tunnel) => {
      const twin = running.get(tunnel.name)
      return {
        answers: this.facts(tunnel)?.addresses ?? [],
        present: twin && addressOfPeer(twin),
        mayMove: open.has(tunnel.name),
      }
    })
    return withAddresses(config, ({ name }) => taken.get(name))
  }

  /** The tunnels with a name that may take another address. */
  #open(config: Config, wanted: readonly string[] = []): readonly NamedTunnel[] {
    const tunnels = named(config)
    if (tunnels.length === 0) return []
    const { engine, clock } = this.#parts
    const snapshots = new Map(engine.snapshot(clock.now()).map((one) => [one.tunnel, one]))
    const running = byName(this.#parts.config())
    return tunnels.filter(({ name, peerName }) => {
      const snapshot = snapshots.get(name)
      const isSame = running.get(name)?.peerName?.name === peerName.name
      if (snapshot === undefined || !isSame) return true
      if (snapshot.state === 'stopped') return wanted.includes(name)
      return snapshot.state !== 'up' && snapshot.ikeSas.length === 0
    })
  }

  #failureOf(tunnel: NamedTunnel): Failure | undefined {
    const { name } = tunnel.peerName
    if (tunnel.peer !== 'unresolved') return undefined
    const facts = this.#book.facts(name)
    const { tunnels } = this.#parts.config()
    // Where there is one, it is about to be put in.
    if (callable(tunnel, facts.addresses, tunnels).length > 0) return undefined
    return nameLeadsNowhere(tunnel, { name, ...facts }, tunnels)
  }

  #retryAt({ peerName }: NamedTunnel): number {
    return Math.max(this.#parts.clock.now(), this.#book.dueAt(peerName.name))
  }

  async #askAll(tunnels: readonly NamedTunnel[]): Promise<void> {
    const names = new Set(tunnels.map(({ peerName }) => peerName.name))
    if (names.size === 0) return
    await inTime(Promise.all([...names].map((name) => this.#book.askAnew(name))), PATIENCE)
  }
}

function named({ tunnels }: Config): readonly NamedTunnel[] {
  return tunnels.filter((tunnel): tunnel is NamedTunnel => tunnel.peerName !== undefined)
}

function byName(config: Config | undefined): ReadonlyMap<string, TunnelConfig> {
  return new Map(config?.tunnels.map((tunnel) => [tunnel.name, tunnel]))
}
