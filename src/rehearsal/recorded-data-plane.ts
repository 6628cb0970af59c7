import { equalSecret } from '#bytes/equal'
import type { Endpoint } from '#bytes/ip'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'

/** A data plane that carries nothing and knows everything: which SAs are installed, and what they could open. */
export class RecordedDataPlane {
  readonly #inbound = new Map<EspSpi, InboundSa>()
  /** In the order of installation. */
  #outbound: readonly OutboundSa[] = []

  get inbound(): readonly InboundSa[] {
    return [...this.#inbound.values()]
  }

  get outbound(): readonly OutboundSa[] {
    return this.#outbound
  }

  /** @throws Error on an SA that could not be told from one that is there: two SAs of one SPI. */
  install(sa: InboundSa | OutboundSa): void {
    if (sa.direction === 'inbound') {
      if (this.#inbound.has(sa.spi)) throw new Error(`inbound SPI ${sa.spi} is installed twice`)
      this.#inbound.set(sa.spi, sa)
      return
    }
    if (this.#outbound.some((other) => isSame(other, sa)))
      throw new Error(`outbound SPI ${sa.spi} is installed twice`)
    this.#outbound = [...this.#outbound, sa]
  }

  remove(sa: {
    readonly direction: 'inbound' | 'outbound'
    readonly child: ChildId
    readonly spi: EspSpi
  }): void {
    if (sa.direction === 'inbound') this.#inbound.delete(sa.spi)
    else this.#outbound = this.#outbound.filter((other) => !isSame(other, sa))
  }

  move(tunnel: string, local: Endpoint, remote: Endpoint): void {
    for (const [spi, sa] of this.#inbound) {
      if (sa.child.tunnel === tunnel) this.#inbound.set(spi, { ...sa, local, remote })
    }
    this.#outbound = this.#outbound.map((sa) =>
      sa.child.tunnel === tunnel ? { ...sa, local, remote } : sa,
    )
  }

  clear(): void {
    this.#inbound.clear()
    this.#outbound = []
  }

  /** The SA a packet of this network pair would leave with. */
  newestOutbound({ tunnel, pair }: ChildId): OutboundSa | undefined {
    return this.#outbound.findLast(({ child }) => child.tunnel === tunnel && child.pair === pair)
  }

  /** Whether a packet sealed with the peer's outbound SA can be opened here, and why not. */
  verdictOn(sealedWith: OutboundSa): 'opened' | 'unknown SPI' | 'wrong key' | 'other selectors' {
    const sa = this.#inbound.get(sealedWith.spi)
    if (sa === undefined) return 'unknown SPI'
    if (!hasSameKeys(sa, sealedWith)) return 'wrong key'
    return hasMirroredSelectors(sa, sealedWith) ? 'opened' : 'other selectors'
  }
}

function isSame(a: OutboundSa, b: { readonly child: ChildId; readonly spi: EspSpi }): boolean {
  return a.spi === b.spi && a.child.tunnel === b.child.tunnel
}

function hasSameKeys(inbound: InboundSa, outbound: OutboundSa): boolean {
  return (
    JSON.stringify(inbound.suite) === JSON.stringify(outbound.suite) &&
    inbound.mode === outbound.mode &&
    inbound.encapsulation === outbound.encapsulation &&
    equalSecret(inbound.encryptionKey.reveal(), outbound.encryptionKey.reveal()) &&
    equalSecret(inbound.integrityKey.reveal(), outbound.integrityKey.reveal())
  )
}

function hasMirroredSelectors(inbound: InboundSa, outbound: OutboundSa): boolean {
  return (
    JSON.stringify(inbound.selectors.local) === JSON.stringify(outbound.selectors.remote) &&
    JSON.stringify(inbound.selectors.remote) === JSON.stringify(outbound.selectors.local)
  )
}
