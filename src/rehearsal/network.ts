import type { Endpoint } from '#bytes/ip'
import type { Random32 } from '#crypto/seeded-random'
import type { Duration, Instant } from '#ike/effects'

/** What a network does to datagrams. Shares are probabilities from 0 to 1, each datagram on its own. */
export type Conditions = {
  readonly loss: number
  readonly duplication: number
  /** Share of datagrams with some octet changed. */
  readonly corruption: number
  /** Each datagram takes a time between the two; where they differ, datagrams overtake one another. */
  readonly delay: { readonly least: Duration; readonly most: Duration }
  /** Nothing passes in either direction. */
  readonly partitioned: boolean
}

export const CLEAN_NETWORK: Conditions = {
  loss: 0,
  duplication: 0,
  corruption: 0,
  delay: { least: 10, most: 10 },
  partitioned: false,
}

/** What travels: `content` is an IKE message's octets, or a data packet that only its own receiver understands. */
export type Parcel<Content> = {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly content: Content
}

export type Delivery<Content> = { readonly at: Instant; readonly parcel: Parcel<Content> }

/** A network whose every whim comes from a seed: the same seed and the same parcels give the same deliveries. */
export class SimulatedNetwork {
  conditions: Conditions
  readonly #random: Random32

  constructor(conditions: Conditions, random: Random32) {
    this.conditions = conditions
    this.#random = random
  }

  /**
   * @param corrupt makes the damaged form of a content.
   * @returns when and in which form the parcel arrives: never, once or twice.
   */
  carry<Content>(
    parcel: Parcel<Content>,
    now: Instant,
    corrupt: (content: Content, random: Random32) => Content,
  ): readonly Delivery<Content>[] {
    const { loss, duplication, corruption, delay, partitioned } = this.conditions
    if (partitioned) return []
    const copies = this.#happens(duplication) ? 2 : 1
    const deliveries: Delivery<Content>[] = []
    for (let i = 0; i < copies; i++) {
      if (this.#happens(loss)) continue
      const damaged = this.#happens(corruption)
      const at = now + delay.least + Math.round(this.#share() * (delay.most - delay.least))
      const content = damaged ? corrupt(parcel.content, this.#random) : parcel.content
      deliveries.push({ at, parcel: { ...parcel, content } })
    }
    return deliveries
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#share() < probability
  }

  #share(): number {
    return this.#random() / 2 ** 32
  }
}

/** Changes one to four octets, or cuts the tail off. */
export function corruptOctets(octets: Uint8Array, random: Random32): Uint8Array {
  if (octets.length === 0) return octets
  if (random() % 8 === 0) return octets.slice(0, random() % octets.length)
  const damaged = octets.slice()
  const changes = 1 + (random() % 4)
  for (let i = 0; i < changes; i++) {
    const at = random() % damaged.length
    damaged[at] = (damaged[at] ?? 0) ^ (1 + (random() % 255))
  }
  return damaged
}
