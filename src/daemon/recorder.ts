import { toHex } from '#bytes/hex'
import type { Endpoint } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import type { KeptDatagram } from '#control/schema'
import type { InboundSa, OutboundSa } from '#esp/sa'
import { ExchangeType } from '#iana/isakmp'
import type { Effect, Input, Instant } from '#ike/effects'
import type { EnginePort } from './loop.ts'
import { WiresharkFolder } from './wireshark-folder.ts'
import { ESP_TABLE, espRow, IKEV1_TABLE, ikev1Row } from './wireshark-tables.ts'

/** How many SAs have a row, and how many rows are new. */
export type WrittenKeys = { readonly ike: number; readonly esp: number; readonly added: number }

/**
 * What `causeway capture` asks a gateway for: the last IKE datagrams of each tunnel as they were on the wire, so that a failure at night
 * can be looked at in the morning, and the keys of SAs that are in use.
 */
export class Recorder {
  readonly #wall: (instant: Instant) => Date
  readonly #datagrams = new Map<string, Kept>()
  readonly #tunnelBySpi = new Map<string, string>()
  readonly #ikeKeys = new Map<string, Map<string, IkeKey>>()
  readonly #sas = new Map<string, InboundSa | OutboundSa>()
  #sequence = 0

  constructor(wall: (instant: Instant) => Date) {
    this.#wall = wall
  }

  /** The same engine; what goes in and out of it passes here. */
  over(engine: EnginePort): EnginePort {
    return {
      handle: (input, now) => {
        const effects = engine.handle(input, now)
        this.take(input, effects, now)
        return effects
      },
      snapshot: (now) => engine.snapshot(now),
    }
  }

  take(input: Input, effects: readonly Effect[], now: Instant): void {
    for (const effect of effects) this.#learn(effect)
    if (input.kind === 'datagram') {
      const { octets, local, remote } = input
      this.#keep('received', octets, { local, remote }, now)
    }
    for (const effect of effects) {
      if (effect.kind === 'send') this.#keep('sent', effect.octets, effect, now)
    }
  }

  datagrams(tunnels: readonly string[]): readonly KeptDatagram[] {
    return tunnels
      .flatMap((tunnel) => this.#datagrams.get(tunnel)?.all() ?? [])
      .toSorted((one, other) => one.sequence - other.sequence)
      .map(({ sequence: _, ...datagram }) => datagram)
  }

  /**
   * Writes the keys in use into a folder that is there, empty or a profile already, and this user's alone: so only this user can ask, and
   * no key crosses the control socket. @throws Error in the operator's words
   */
  writeKeys(tunnels: readonly string[], folder: string): WrittenKeys {
    const profile = new WiresharkFolder(folder)
    // Names of files there are nobody's business who may only ask.
    if (profile.holdsMore()) throw new Error(`${folder} holds more than keys; name a new folder`)
    const ike = tunnels.flatMap((tunnel) => [...(this.#ikeKeys.get(tunnel)?.values() ?? [])])
    const esp = [...this.#sas.values()].filter(({ child }) => tunnels.includes(child.tunnel))
    profile.prepare()
    const ikeRows = ike.map(({ initiatorSpi, cipherKey }) => ikev1Row(initiatorSpi, cipherKey))
    const added =
      profile.appendNew(IKEV1_TABLE, ikeRows) + profile.appendNew(ESP_TABLE, esp.map(espRow))
    return { ike: ike.length, esp: esp.length, added }
  }

  /** Forgets tunnels that are configured no more. */
  keepOnly(tunnels: readonly string[]): void {
    for (const map of [this.#datagrams, this.#ikeKeys]) {
      for (const name of map.keys()) if (!tunnels.includes(name)) map.delete(name)
    }
  }

  #learn(effect: Effect): void {
    switch (effect.kind) {
      case 'tell': {
        const { event } = effect
        if (event.kind === 'message') this.#remember(event.initiatorSpi, event.tunnel)
        if (event.kind === 'ike-sa-closed')
          this.#ikeKeys.get(event.tunnel)?.delete(event.initiatorSpi)
        return
      }
      case 'ike-keys': {
        const { tunnel, initiatorSpi, cipherKey } = effect
        const keys = this.#ikeKeys.get(tunnel) ?? new Map<string, IkeKey>()
        keys.set(toHex(initiatorSpi), { initiatorSpi, cipherKey })
        dropOldest(keys, MOST_IKE_KEYS)
        this.#ikeKeys.set(tunnel, keys)
        return
      }
      case 'install-sa':
        this.#sas.set(keyOf(effect.sa), effect.sa)
        return
      case 'remove-sa':
        this.#sas.delete(keyOf(effect))
        return
      case 'move-sas': {
        const { tunnel, local, remote } = effect
        for (const [key, sa] of this.#sas) {
          if (sa.child.tunnel === tunnel) this.#sas.set(key, { ...sa, local, remote })
        }
        return
      }
      default:
        return
    }
  }

  /** The header names the SA by its cookies; which tunnel that is, the engine says. */
  #remember(initiatorSpi: string, tunnel: string): void {
    this.#tunnelBySpi.delete(initiatorSpi)
    this.#tunnelBySpi.set(initiatorSpi, tunnel)
    dropOldest(this.#tunnelBySpi, MOST_SPIS)
  }

  /** What belongs to no tunnel is not kept: whoever floods a gateway shall not fill its memory. */
  #keep(
    direction: KeptDatagram['direction'],
    octets: Uint8Array,
    { local, remote }: { readonly local: Endpoint; readonly remote: Endpoint },
    now: Instant,
  ): void {
    const tunnel = this.#tunnelBySpi.get(toHex(octets.subarray(0, 8)))
    if (tunnel === undefined) return
    const kept = this.#datagrams.get(tunnel) ?? new Kept()
    this.#datagrams.set(tunnel, kept)
    kept.add({
      sequence: ++this.#sequence,
      at: this.#wall(now).toISOString(),
      tunnel,
      direction,
      local,
      remote,
      octets: octets.slice(),
    })
  }
}

type IkeKey = { readonly initiatorSpi: Uint8Array; readonly cipherKey: Secret }

type Numbered = KeptDatagram & { readonly sequence: number }

const MOST_IKE_KEYS = 8
const MOST_SPIS = 10_000
/** Negotiations; of signs of life and the like fewer, or they would push everything else out within the hour. */
const LIMITS = {
  negotiation: { count: 200, octets: 128 * 1024 },
  other: { count: 50, octets: 16 * 1024 },
}
const EXCHANGE_AT = 18

class Kept {
  readonly #lists: Record<keyof typeof LIMITS, Numbered[]> = { negotiation: [], other: [] }

  add(datagram: Numbered): void {
    const informational = datagram.octets[EXCHANGE_AT] === ExchangeType.number('INFORMATIONAL')
    const kind = informational ? 'other' : 'negotiation'
    const list = this.#lists[kind]
    list.push(datagram)
    let octets = list.reduce((sum, one) => sum + one.octets.length, 0)
    while (list.length > LIMITS[kind].count || (octets > LIMITS[kind].octets && list.length > 1))
      octets -= list.shift()?.octets.length ?? 0
  }

  all(): readonly Numbered[] {
    return [...this.#lists.negotiation, ...this.#lists.other]
  }
}

function dropOldest<Key>(map: Map<Key, unknown>, most: number): void {
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size > most) map.delete(oldest)
}

function keyOf({ direction, spi }: Pick<InboundSa | OutboundSa, 'direction' | 'spi'>): string {
  return `${direction} ${spi}`
}
