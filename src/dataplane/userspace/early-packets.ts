import type { EspSpi } from '#esp/sa'

export type EarlyPacket = { readonly octets: Uint8Array; readonly trafficClass: number }

/**
 * ESP packets that met no SA. A peer may send as soon as it has answered Quick mode (RFC 2409 §5.5), while here the answer is still on its way
 * to the keys: what came too early is kept for a moment, and opened when its SA is there.
 */
export class EarlyPackets {
  readonly #packets: (EarlyPacket & { readonly spi: EspSpi; readonly at: number })[] = []
  readonly #firstSeen = new Map<EspSpi, number>()

  /** @returns whether the SPI has been unknown for so long that no SA can be on its way. */
  hold(spi: EspSpi, octets: Uint8Array, trafficClass: number, now: number): 'early' | 'unknown' {
    while (this.#packets[0] !== undefined && this.#packets[0].at + KEPT <= now)
      this.#packets.shift()
    const since = this.#seenSince(spi, now)
    if (since + KEPT <= now) return 'unknown'
    if (octets.length > MAX_OCTETS || this.#packets.length >= MAX_PACKETS) return 'early'
    this.#packets.push({ spi, octets: octets.slice(), trafficClass, at: now })
    return 'early'
  }

  /** Those of an SA that is there now, in the order they came. */
  take(spi: EspSpi, now: number): readonly EarlyPacket[] {
    this.#firstSeen.delete(spi)
    const taken = this.#packets.filter((packet) => packet.spi === spi && packet.at + KEPT > now)
    const left = this.#packets.filter((packet) => packet.spi !== spi)
    this.#packets.splice(0, this.#packets.length, ...left)
    return taken
  }

  #seenSince(spi: EspSpi, now: number): number {
    const since = this.#firstSeen.get(spi)
    if (since !== undefined && since + FORGOTTEN > now) return since
    for (const [oldest] of this.#firstSeen) {
      if (this.#firstSeen.size < MAX_SPIS) break
      this.#firstSeen.delete(oldest)
    }
    this.#firstSeen.delete(spi)
    this.#firstSeen.set(spi, now)
    return now
  }
}

/** Milliseconds: a key agreement over the largest group, with time to spare. */
const KEPT = 2_000
const FORGOTTEN = 60_000
const MAX_PACKETS = 256
const MAX_OCTETS = 2_048
const MAX_SPIS = 64
