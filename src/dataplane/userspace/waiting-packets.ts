/** Packets a network pair keeps while its SA is being negotiated; enough for the first of each host, no buffer for a stream. */
const CAPACITY = 16
/** Nobody waits longer than this for an answer. */
const PATIENCE_MS = 10_000

/** The first packets for a network pair without an outbound SA, so that the traffic that asks for a tunnel is not lost with it. */
export class WaitingPackets {
  #packets: { readonly octets: Uint8Array; readonly since: number }[] = []

  /** @returns false when there is no room */
  add(octets: Uint8Array, now: number): boolean {
    if (this.#packets.length >= CAPACITY) return false
    this.#packets.push({ octets: octets.slice(), since: now })
    return true
  }

  /** Takes out all that wait, oldest first. */
  take(): readonly Uint8Array[] {
    const packets = this.#packets
    this.#packets = []
    return packets.map(({ octets }) => octets)
  }

  /** @returns how many were given up */
  expire(now: number): number {
    const before = this.#packets.length
    this.#packets = this.#packets.filter(({ since }) => now - since < PATIENCE_MS)
    return before - this.#packets.length
  }
}
