import type { Endpoint, IpAddress } from '#bytes/ip'
import type { EspSpi } from '#esp/sa'
import type { DataPlaneEvent } from '../port.ts'
import { type FromWorker, GlobalCounter, TunnelCounter } from './messages.ts'
import type { PlannedTunnel } from './routing-plan.ts'

/** IKE datagrams that may wait for the main thread; a flood is dropped here, before it fills the memory. */
const MAX_IKE_WAITING = 2048
/** Of them, so many may be of strangers: whoever floods from elsewhere must not push out what the peers send. */
const MAX_IKE_OF_STRANGERS = 1024
/** What is told of paths in a second, each once: ICMP errors are easily forged, and every one would be a message to every thread. */
const MAX_PATHS_TOLD = 256

/** What the worker says to the main thread, and the counters that belong to no SA or tunnel. */
export class Events {
  readonly #post: (message: FromWorker) => void
  readonly #counters: Float64Array
  #peers: ReadonlySet<IpAddress> = new Set()
  #ikePosted = 0
  #warnedAt = Number.NEGATIVE_INFINITY
  readonly #pathsTold = new Set<string>()
  #pathsToldAt = Number.NEGATIVE_INFINITY

  constructor(post: (message: FromWorker) => void, counters: Float64Array) {
    this.#post = post
    this.#counters = counters
  }

  /** Whose IKE datagrams go before those of others: the peers of all lanes, because IKE comes to the first. */
  follow(peers: readonly IpAddress[]): void {
    this.#peers = new Set(peers)
  }

  emit(event: DataPlaneEvent): void {
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

  /** Counted and dropped when the main thread is far behind. */
  ikeDatagram(event: DataPlaneEvent & { readonly kind: 'ike-datagram' }): void {
    const most = this.#peers.has(event.remote.address) ? MAX_IKE_WAITING : MAX_IKE_OF_STRANGERS
    if (this.#ikePosted - (this.#counters[GlobalCounter.ikeTaken] as number) >= most) {
      this.#count(GlobalCounter.ikeOverflow)
      return
    }
    this.#ikePosted++
    this.emit(event)
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

  #count(field: number, by = 1): void {
    this.#counters[field] = (this.#counters[field] as number) + by
  }
}
