import type { Endpoint, IpAddress } from '#bytes/ip'
import type { Random32 } from '#crypto/seeded-random'

/** A router that hides what stands behind it: address and port of outgoing datagrams are replaced (RFC 3947 §1). */
export class SimulatedNat {
  readonly outside: IpAddress
  readonly #random: Random32
  /** From inside port to outside port; the one host behind it needs no more. */
  readonly #ports = new Map<number, number>()
  #inside: IpAddress | undefined

  constructor(outside: IpAddress, random: Random32) {
    this.outside = outside
    this.#random = random
  }

  outward({ address, port }: Endpoint): Endpoint {
    this.#inside = address
    const known = this.#ports.get(port)
    if (known !== undefined) return { address: this.outside, port: known }
    const fresh = this.#freePort()
    this.#ports.set(port, fresh)
    return { address: this.outside, port: fresh }
  }

  /** @returns undefined for a port nothing inside has used: such datagrams go nowhere. */
  inward(port: number): Endpoint | undefined {
    const inside = [...this.#ports].find(([, outside]) => outside === port)
    if (inside === undefined || this.#inside === undefined) return undefined
    return { address: this.#inside, port: inside[0] }
  }

  /** Loses every mapping, as by a restart: the next datagram out gets another port. */
  forget(): void {
    this.#ports.clear()
  }

  #freePort(): number {
    const taken = [...this.#ports.values()]
    for (;;) {
      const port = 1_024 + (this.#random() % 60_000)
      if (!taken.includes(port)) return port
    }
  }
}
