import type { Endpoint, IpAddress } from '#bytes/ip'
import type { EspSpi } from '#esp/sa'
import type { DataPlaneEvent, IkeDatagram } from '../port.ts'
import { type FromWorker, GlobalCounter, TunnelCounter } from './messages.ts'
import type { PlannedTunnel } from './routing-plan.ts'

/**
 * IKE datagrams that may wait for the main thread, of each kind behind so many others: a flood is dropped here, before it fills the memory.
 * Whoever floods must not push out what belongs to an SA, nor from elsewhere what comes from the peers.
 */
const MAX_IKE_WAITING = { trusted: 2048, peer: 1536, other: 1024 } as const
/** Messages in a second that go before others for the SPI they bear: SPIs are sent in clear, so whoever has seen one can flood with it. */
const MAX_TRUSTED_OF_AN_SPI = 256
/** What is told of paths in a second, each once: ICMP errors are easily forged, and every one would be a message to every thread. */
const MAX_PATHS_TOLD = 256

/** What the worker says to the main thread, and the counters that belong to no SA or tunnel. */
export class Events {
  readonly #post: (message: FromWorker) => void
  readonly #counters: Float64Array
  #peers: ReadonlySet<IpAddress> = new Set()
  readonly #trusted = new Set<bigint>()
  /** How many came for each trusted SPI within the second. */
  readonly #heard = new Map<bigint, number>()
  #heardSince = Number.NEGATIVE_INFINITY
  #ikePosted = 0
  #warnedAt = Number.NEGATIVE_INFINITY
  readonly #pathsTold = new Set<string>()
  #pathsToldAt = Number.NEGATIVE_INFINITY

  constructor(post: (message: FromWorker) => void, counters: Float64Array) {
    this.#post = post
    this.#counters = counters
  }

  /** Whose messages of IKE go before those of strangers: the peers of all lanes, because IKE comes to the first. */
  follow(peers: readonly IpAddress[]): void {
    this.#peers = new Set(peers)
  }

  /** SPIs that a message must bear to go before all others. */
  trust(come: readonly bigint[], gone: readonly bigint[]): void {
    for (const spi of come) this.#trusted.add(spi)
    for (const spi of gone) this.#trusted.delete(spi)
  }

  emit(event: Exclude<DataPlaneEvent, IkeDatagram>): void {
    this.#post({ kind: 'event', event })
  }

  /** At most one a second: what provokes them may be somebody else's flood. */
  warn(text: string): void {
    const now = performance.now()
    if (now - this.#warnedAt < 1000) return
    this.#warnedAt = now
    this.#post({ kind: 'warning', text })
  }

  /** What was found out about this host; only for what happens rarely. */
  notice(text: string): void {
    this.#post({ kind: 'notice', text })
  }

  /** Counted and dropped when the main thread is far behind. `octets` has an IKE header. */
  ikeDatagram(event: IkeDatagram): void {
    const kind = this.#kindOf(event)
    const waiting = this.#ikePosted - (this.#counters[GlobalCounter.ikeTaken] as number)
    if (waiting >= MAX_IKE_WAITING[kind]) {
      this.#count(GlobalCounter.ikeOverflow)
      return
    }
    this.#ikePosted++
    this.#post({ kind: 'ike', trusted: kind === 'trusted', event })
  }

  saExpired(direction: 'inbound' | 'outbound', spi: EspSpi, hard: boolean): void {
    this.emit({ kind: 'sa-expired', direction, spi, hard })
  }

  /** For the threads that send. */
  pathMtu(remote: Endpoint, mtu: number): void {
    const now = performance.now()
    if (now - this.#pathsToldAt >= 1000) {
      this.#pathsToldAt = now
      this.#pathsTold.clear()
    }
    const news = `${remote.address} ${mtu}`
    if (this.#pathsTold.size >= MAX_PATHS_TOLD || this.#pathsTold.has(news)) return
    this.#pathsTold.add(news)
    this.#post({ kind: 'path-mtu', remote, mtu })
  }

  /** For the thread that asks: an echo has shown this gateway, as words, at the other end of the tunnel. */
  echoShown(tunnel: string, address: Uint32Array): void {
    this.#post({ kind: 'echo-shown', tunnel, address })
  }

  /** For the lane that lays routes. */
  plan(tunnels: readonly PlannedTunnel[]): void {
    this.#post({ kind: 'plan', tunnels })
  }

  get routesAreOurs(): boolean {
    return this.#counters[GlobalCounter.routesAreOurs] === 1
  }

  claimRoutes(): void {
    this.#counters[GlobalCounter.routesAreOurs] = 1
  }

  countUnknownSpi(): void {
    this.#count(GlobalCounter.unknownSpi)
  }

  countMalformed(): void {
    this.#count(GlobalCounter.malformed)
  }

  countNotReceived(packets: number): void {
    this.#count(GlobalCounter.notReceived, packets)
  }

  countCameInClear(packets: number): void {
    this.#count(GlobalCounter.cameInClear, packets)
  }

  /** @param tunnel its counters, where the packets are known to be of one */
  countNotSent(
    packets: number,
    tunnel?: Float64Array,
    field: number = TunnelCounter.notSent,
  ): void {
    this.#count(GlobalCounter.notSent, packets)
    if (tunnel !== undefined) tunnel[field] = (tunnel[field] as number) + packets
  }

  #kindOf({ octets, remote }: IkeDatagram): keyof typeof MAX_IKE_WAITING {
    const { buffer, byteOffset, byteLength } = octets
    const header = new DataView(buffer, byteOffset, byteLength)
    const spis = [header.getBigUint64(0), header.getBigUint64(8)]
    const ours = spis.find((spi) => this.#trusted.has(spi))
    if (ours !== undefined && this.#isWithinShare(ours)) return 'trusted'
    return this.#peers.has(remote.address) ? 'peer' : 'other'
  }

  #isWithinShare(spi: bigint): boolean {
    const now = performance.now()
    if (now - this.#heardSince >= 1000) {
      this.#heardSince = now
      this.#heard.clear()
    }
    const heard = this.#heard.get(spi) ?? 0
    this.#heard.set(spi, heard + 1)
    return heard < MAX_TRUSTED_OF_AN_SPI
  }

  #count(field: number, by = 1): void {
    this.#counters[field] = (this.#counters[field] as number) + by
  }
}
