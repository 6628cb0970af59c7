import type { IpAddress } from '#bytes/ip'
import { ipFromOctets } from '#bytes/ip'
import { writeIpv4Fragment } from '#esp/fragment-ipv4'
import { FragmentTable } from '#esp/fragment-table'
import { clampMss } from '#esp/mss'
import { mssFor } from '#esp/mtu'
import { encapsulate, OutboundVerdict, SealedPacket } from '#esp/outbound'
import { PacketFields, readPacketFields } from '#esp/packet-fields'
import { Expiry } from '#esp/sequence'
import { NO_PAIR } from '#esp/spd'
import { writeTooBig } from '#esp/too-big'
import type { PacketSummary } from '#policy/packet-summary'
import type { Events } from './events.ts'
import { TunnelCounter } from './messages.ts'
import type { PacketMemory } from './packet-memory.ts'
import type { OutboundSlot, PairSlot, Tunnel } from './tunnel.ts'

const EMSGSIZE = 90
const NONE: readonly Tunnel[] = []

/** From the host to the network: what comes out of a TUN device is checked against the policy, sealed and sent. */
export class Sender {
  readonly #memory: PacketMemory
  readonly #events: Events
  readonly #fragments = new FragmentTable()
  readonly #fields = new PacketFields()
  readonly #piece = new PacketFields()
  readonly #sealed = new SealedPacket()
  readonly #all: { readonly tunnels: readonly Tunnel[] }
  /** Told of an SA whose packet did not fit the path. */
  readonly #onTooBig: (slot: OutboundSlot) => void

  constructor(
    memory: PacketMemory,
    events: Events,
    all: { readonly tunnels: readonly Tunnel[] },
    onTooBig: (slot: OutboundSlot) => void,
  ) {
    this.#memory = memory
    this.#events = events
    this.#all = all
    this.#onTooBig = onTooBig
  }

  /** The packet of `length` octets at `at` came out of the device of `tunnel`. */
  handle(tunnel: Tunnel, at: number, length: number, now: number): void {
    if (!readPacketFields(this.#memory.arena.view, at, length, this.#fields)) {
      count(tunnel, TunnelCounter.noPolicy, 1)
      return
    }
    if (this.#handleFor(tunnel, at, now)) return
    // Routes know destinations only: where remote networks overlap, the source may mean another tunnel. Not so where routes were
    // written: they mean this one.
    const tunnels = tunnel.isRouteBased ? NONE : this.#all.tunnels
    for (let i = 0; i < tunnels.length; i++) {
      const other = tunnels[i] as Tunnel
      if (other !== tunnel && !other.isRouteBased && this.#handleFor(other, at, now)) return
    }
    if (!isLinkLocalMulticast(this.#fields)) count(tunnel, TunnelCounter.noPolicy, 1)
  }

  /** @returns false when no pair of the tunnel takes the packet */
  #handleFor(tunnel: Tunnel, at: number, now: number): boolean {
    const fields = this.#fields
    const index = tunnel.spd.find(fields, this.#fragments, now)
    const pair = index === NO_PAIR ? undefined : tunnel.pairs[index]
    if (pair === undefined) return false
    const slot = pair.current
    if (slot === undefined) {
      this.#keep(tunnel, pair, index, at, now)
      return true
    }
    const { innerMtu } = slot.state
    if (fields.totalOctets > innerMtu) {
      this.#handleTooBig(tunnel, slot, at, now)
      return true
    }
    const mtu = Math.min(innerMtu, tunnel.mtu)
    clampMss(this.#memory.arena.view, at, fields, mssFor(mtu, fields.family))
    this.#send(slot, at, fields, now)
    return true
  }

  /** Sends what waited for the SA that has just come. */
  flush(tunnel: Tunnel, pair: PairSlot, now: number): void {
    for (const packet of pair.waiting.take()) {
      this.#memory.arena.octets.set(packet, this.#memory.fromHost)
      this.handle(tunnel, this.#memory.fromHost, packet.length, now)
    }
  }

  #send(slot: OutboundSlot, at: number, fields: PacketFields, now: number): void {
    const { state, path } = slot
    const before = state.expiry
    const sealed = this.#sealed
    let verdict: OutboundVerdict = OutboundVerdict.exhausted
    try {
      verdict = encapsulate(this.#memory.arena, state, at, fields, now, sealed)
    } catch (error) {
      // A defect in the cipher or above it ends this SA, and nothing else.
      state.expiry = Expiry.hard
      const reason = error instanceof Error ? error.message : String(error)
      this.#events.emit({ kind: 'failed', message: `outbound SPI ${state.sa.spi}: ${reason}` })
    }
    if (state.expiry !== before) {
      this.#events.saExpired('outbound', state.sa.spi, state.expiry === Expiry.hard)
    }
    if (verdict !== OutboundVerdict.sealed) {
      this.#events.countNotSent()
      return
    }
    // Congestion marks and class go on the outer header as they are (RFC 6040 §4.1, RFC 4301 §5.1.2.1).
    const result = path.socket.send(
      sealed.offset,
      sealed.length,
      path.destination,
      fields.trafficClass,
    )
    if (result >= 0) return
    // A full socket loses the packet, as a full router does; waiting would stall every other tunnel.
    this.#events.countNotSent()
    if (result === -EMSGSIZE) this.#onTooBig(slot)
  }

  #keep(tunnel: Tunnel, pair: PairSlot, index: number, at: number, now: number): void {
    const fields = this.#fields
    const octets = this.#memory.arena.octets.subarray(at, at + fields.totalOctets)
    const kept = tunnel.settings.acquire && pair.waiting.add(octets, now)
    if (!kept) count(tunnel, TunnelCounter.noSa, 1)
    if (!tunnel.settings.acquire || now - pair.acquiredAt < 1000) return
    pair.acquiredAt = now
    this.#events.emit({
      kind: 'acquire',
      child: { tunnel: tunnel.settings.name, pair: index },
      packet: summaryOf(fields),
    })
  }

  #handleTooBig(tunnel: Tunnel, slot: OutboundSlot, at: number, now: number): void {
    const { arena, made } = this.#memory
    const fields = this.#fields
    const mtu = slot.state.innerMtu
    if (fields.dontFragment) {
      count(tunnel, TunnelCounter.tooBig, 1)
      const length = writeTooBig(arena, at, fields, mtu, made)
      if (length > 0) tunnel.tun.write(made, length)
      return
    }
    const piece = this.#piece
    for (let index = 0; ; index++) {
      const length = writeIpv4Fragment(arena, at, fields, mtu, index, made)
      if (index === 0 && length === 0) count(tunnel, TunnelCounter.tooBig, 1)
      if (length === 0 || !readPacketFields(arena.view, made, length, piece)) return
      this.#send(slot, made, piece, now)
    }
  }
}

function count(tunnel: Tunnel, field: number, by: number): void {
  tunnel.counters[field] = (tunnel.counters[field] as number) + by
}

/** The host's own talk on a new device (multicast listener reports and the like); it never means the other end. */
function isLinkLocalMulticast({ family, destination }: PacketFields): boolean {
  const first = destination[0] as number
  return family === 4 ? first >>> 8 === 0xe0_0000 : first >>> 16 === 0xff02
}

function summaryOf(fields: PacketFields): PacketSummary {
  return {
    source: addressOf(fields.source, fields.family),
    destination: addressOf(fields.destination, fields.family),
    protocol: fields.protocol,
    sourcePort: fields.sourcePort,
    destinationPort: fields.destinationPort,
  }
}

function addressOf(words: Uint32Array, family: 4 | 6): IpAddress {
  const octets = new Uint8Array(family === 4 ? 4 : 16)
  const view = new DataView(octets.buffer)
  for (let i = 0; i * 4 < octets.length; i++) view.setUint32(i * 4, words[i] as number)
  return ipFromOctets(octets) as IpAddress
}
