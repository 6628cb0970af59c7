import { messageOf } from '#bytes/thrown'
import { writeIpv4Fragment } from '#esp/fragment-ipv4'
import { FragmentTable } from '#esp/fragment-table'
import { readQuotedAnswer } from '#esp/icmp-error'
import { clampMss } from '#esp/mss'
import { mssFor } from '#esp/mtu'
import { ENCAPSULATION_TAILROOM, encapsulate, OutboundVerdict, SealedPacket } from '#esp/outbound'
import { Fragment, PacketFields, readPacketFields } from '#esp/packet-fields'
import { Reassembly } from '#esp/reassembly'
import { HostPacket, Segmentation } from '#esp/segmentation'
import { Expiry } from '#esp/sequence'
import { NO_PAIR } from '#esp/spd'
import { Oversize, oversize, writeTooBig } from '#esp/too-big'
import { EMSGSIZE, errnoDetail } from '#platform/errno'
import { SendBatch } from '#platform/send-batch'
import { ESP_HEADER_OCTETS } from '#wire/esp'
import { VIRTIO_HEADER_OCTETS } from '#wire/virtio-net'
import type { Events } from './events.ts'
import { TunnelCounter } from './messages.ts'
import { OddPackets, summaryOf } from './odd-packets.ts'
import { type OuterPath, sendOtherwise } from './outer-path.ts'
import { type PacketMemory, SEND_OCTETS } from './packet-memory.ts'
import type { OutboundSlot, PairSlot, Tunnel } from './tunnel.ts'

const NONE: readonly Tunnel[] = []
/** Milliseconds between two requests for the SA of a pair. */
const ACQUIRE_EVERY = 1_000

/** From the host to the network: what comes out of a TUN device is checked against the policy, sealed and sent. */
export class Sender {
  readonly #memory: PacketMemory
  readonly #events: Events
  readonly #fragments = new FragmentTable()
  readonly #reassembly = new Reassembly()
  readonly #fields = new PacketFields()
  readonly #piece = new PacketFields()
  /** Of what an ICMP error is about. */
  readonly #quoted = new PacketFields()
  readonly #sealed = new SealedPacket()
  readonly #segmentation: Segmentation
  readonly #odd: OddPackets
  readonly #batch: SendBatch<OuterPath>
  readonly #all: { readonly tunnels: readonly Tunnel[] }
  #now = 0

  /** @param onTooBig told of a path that did not take a packet for its size */
  constructor(
    memory: PacketMemory,
    events: Events,
    all: { readonly tunnels: readonly Tunnel[] },
    onTooBig: (path: OuterPath) => void,
  ) {
    this.#memory = memory
    this.#events = events
    this.#all = all
    this.#odd = new OddPackets(events, 'unmatched')
    this.#segmentation = new Segmentation(memory.arena.view, memory.work)
    this.#batch = new SendBatch<OuterPath>(memory.arena, memory.toNetwork, SEND_OCTETS, {
      // A full socket loses packets, as a full router does; waiting would stall every other tunnel.
      onLost: (path, packets, errno) => {
        events.countNotSent(packets, path.user)
        if (errno === EMSGSIZE) onTooBig(path)
      },
      onRefusedSegments: (path, errno) => {
        path.refuseSegments(this.#now)
        events.warn(
          `to ${path.remote} packets go one by one for a minute: segmentation was refused, ${errnoDetail(errno)}`,
        )
      },
    })
  }

  /** `length` octets at `header` came out of the device of `tunnel`: a virtio header and a packet, maybe a long one. */
  handle(tunnel: Tunnel, header: number, length: number, now: number): void {
    this.#now = now
    const at = header + VIRTIO_HEADER_OCTETS
    const octets = length - VIRTIO_HEADER_OCTETS
    const kind = this.#segmentation.read(header, at, octets)
    if (kind === HostPacket.malformed) {
      this.#events.countNotSent(1, tunnel.counters)
      return
    }
    this.#handlePacket(tunnel, at, octets, kind === HostPacket.segmented, now)
  }

  /**
   * Seals the packet at `at`, in its place, and sends it by itself: as a probe with DF, whatever the host believes of the path, or for
   * the host and the routers to cut.
   * @returns a negated errno, or 0 and more
   */
  sendAlone(
    slot: OutboundSlot,
    at: number,
    fields: PacketFields,
    now: number,
    how: 'probe' | 'dont',
  ): number {
    this.sendAll()
    if (!this.#seal(slot, at, fields, now)) return 0
    const { socket, destination } = slot.path
    const { offset, length } = this.#sealed
    return sendOtherwise(socket, offset, length, destination, how, fields.trafficClass)
  }

  /** Sends what was sealed until now. */
  sendAll(): void {
    this.#batch.flush()
  }

  /** Sends what waited for the SA that has just come. */
  flush(tunnel: Tunnel, pair: PairSlot, now: number): void {
    const { arena, fromHost } = this.#memory
    for (const packet of pair.waiting.take()) {
      arena.octets.set(packet, fromHost)
      this.#handlePacket(tunnel, fromHost, packet.length, false, now)
    }
    this.sendAll()
  }

  #handlePacket(tunnel: Tunnel, at: number, length: number, long: boolean, now: number): void {
    if (!readPacketFields(this.#memory.arena.view, at, length, this.#fields)) {
      count(tunnel, TunnelCounter.noPolicy, 1)
      return
    }
    if (tunnel.settings.mode === 'transport' && this.#fields.fragment !== Fragment.none) {
      this.#handleFragment(tunnel, at, now)
      return
    }
    this.#handleWhole(tunnel, at, long, now)
  }

  /** What the host cut for the device goes sealed as a whole, and is cut again outside (RFC 4303 §3.3.4). */
  #handleFragment(tunnel: Tunnel, at: number, now: number): void {
    const { arena, segment } = this.#memory
    const fields = this.#fields
    const length = this.#reassembly.add(arena, at, fields, segment)
    if (length < 0) this.#handleWhole(tunnel, at, false, now)
    if (length <= 0 || !readPacketFields(arena.view, segment, length, fields)) return
    // Nor has IPv6 a word against it when the source has cut the packet itself.
    fields.dontFragment = false
    this.#handleWhole(tunnel, segment, false, now)
  }

  #handleWhole(tunnel: Tunnel, at: number, long: boolean, now: number): void {
    if (this.#handleFor(tunnel, at, long, now)) return
    // Routes know destinations only: where remote networks overlap, the source may mean another tunnel. Not so where routes were
    // written: they mean this one.
    const tunnels = tunnel.isRouteBased ? NONE : this.#all.tunnels
    for (let i = 0; i < tunnels.length; i++) {
      const other = tunnels[i] as Tunnel
      if (other !== tunnel && !other.isRouteBased && this.#handleFor(other, at, long, now)) return
    }
    if (isLinkLocalMulticast(this.#fields) || this.#handleReport(tunnel, at, now)) return
    count(tunnel, TunnelCounter.noPolicy, 1)
    this.#odd.note(tunnel, this.#fields, now)
  }

  /**
   * An ICMP error that no pair takes goes the way an answer to the packet it quotes would go (RFC 4301 §6.2), where that way is open.
   * @returns false when it is none, or no pair would take such an answer
   */
  #handleReport(tunnel: Tunnel, at: number, now: number): boolean {
    const { view } = this.#memory.arena
    if (!readQuotedAnswer(view, at, this.#fields, this.#quoted)) return false
    const index = tunnel.spd.find(this.#quoted, this.#fragments, now)
    const slot = tunnel.pairs[index]?.current
    if (slot === undefined) return false
    this.#send(slot, at, this.#fields, now)
    return true
  }

  /** @returns false when no pair of the tunnel takes the packet */
  #handleFor(tunnel: Tunnel, at: number, long: boolean, now: number): boolean {
    const fields = this.#fields
    const index = tunnel.spd.find(fields, this.#fragments, now)
    const pair = index === NO_PAIR ? undefined : tunnel.pairs[index]
    if (pair === undefined) return false
    const slot = pair.current
    if (long) {
      this.#handleLong(tunnel, slot, now)
      return true
    }
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

  /** A packet of many segments; the policy is asked once for all of them. */
  #handleLong(tunnel: Tunnel, slot: OutboundSlot | undefined, now: number): void {
    const segmentation = this.#segmentation
    const { segmentOctets } = segmentation
    if (slot === undefined || slot.state.mode !== 'tunnel' || segmentOctets > slot.state.innerMtu) {
      this.#handleOneByOne(tunnel, slot, now)
      return
    }
    const fields = this.#fields
    const { state, path } = slot
    const headroom = ESP_HEADER_OCTETS + state.transform.ivOctets
    const room = headroom + segmentOctets + ENCAPSULATION_TAILROOM
    const segments = segmentation.count
    for (let i = 0; i < segments; i++) {
      const to = this.#batch.reserve(room) + headroom
      fields.totalOctets = segmentation.write(i, to)
      if (!this.#seal(slot, to, fields, now)) return
      this.#batch.commit(path, this.#sealed.length, fields.trafficClass)
    }
  }

  /** Each segment as if the host had cut the packet itself: while there is no SA, in transport mode, or when they are too large. */
  #handleOneByOne(tunnel: Tunnel, slot: OutboundSlot | undefined, now: number): void {
    const segmentation = this.#segmentation
    const { segment } = this.#memory
    const segments = segmentation.count
    for (let i = 0; i < segments; i++) {
      this.#handlePacket(tunnel, segment, segmentation.write(i, segment), false, now)
      if (slot === undefined || this.#fields.totalOctets <= slot.state.innerMtu) continue
      if (oversize(slot.state.mode, this.#fields) !== Oversize.refused) continue
      // One message about its size is enough for a packet.
      count(tunnel, TunnelCounter.tooBig, segments - 1 - i)
      return
    }
  }

  #send(slot: OutboundSlot, at: number, fields: PacketFields, now: number): void {
    const { state, path } = slot
    const { work } = this.#memory
    const batch = this.#batch
    const sealed = this.#sealed
    const headroom = ESP_HEADER_OCTETS + state.transform.ivOctets
    const start = batch.reserve(headroom + fields.totalOctets + ENCAPSULATION_TAILROOM)
    if (state.mode === 'tunnel') work.copy(start + headroom, at, fields.totalOctets)
    const place = state.mode === 'tunnel' ? start + headroom : at
    if (!this.#seal(slot, place, fields, now)) return
    // In transport mode the IP header stands before the packet and would run into the one before.
    if (sealed.offset !== start) work.copy(start, sealed.offset, sealed.length)
    // Congestion marks and class go on the outer header as they are (RFC 6040 §4.1, RFC 4301 §5.1.2.1).
    batch.commit(path, sealed.length, fields.trafficClass)
  }

  /** @returns false when there is no ESP packet */
  #seal({ state, path }: OutboundSlot, at: number, fields: PacketFields, now: number): boolean {
    const before = state.expiry
    let verdict: OutboundVerdict = OutboundVerdict.exhausted
    try {
      verdict = encapsulate(this.#memory.arena, state, at, fields, now, this.#sealed)
    } catch (error) {
      // A defect in the cipher or above it ends this SA, and nothing else.
      state.expiry = Expiry.hard
      const reason = messageOf(error)
      this.#events.emit({ kind: 'failed', message: `outbound SPI ${state.sa.spi}: ${reason}` })
    }
    if (state.expiry !== before) {
      this.#events.saExpired('outbound', state.sa.spi, state.expiry === Expiry.hard)
    }
    if (verdict === OutboundVerdict.sealed) return true
    this.#events.countNotSent(1, path.user)
    return false
  }

  #keep(tunnel: Tunnel, pair: PairSlot, index: number, at: number, now: number): void {
    const fields = this.#fields
    const octets = this.#memory.arena.octets.subarray(at, at + fields.totalOctets)
    const expected = tunnel.settings.acquire || pair.inboundSpis.size > 0
    const kept = expected && pair.waiting.add(octets, now)
    if (!kept) count(tunnel, TunnelCounter.noSa, 1)
    if (!tunnel.settings.acquire || now - pair.acquiredAt < ACQUIRE_EVERY) return
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
    const fate = oversize(slot.state.mode, fields)
    if (fate === Oversize.cutOutside) {
      this.#sendToCut(tunnel, slot, at, now)
      return
    }
    if (fate === Oversize.refused) {
      count(tunnel, TunnelCounter.tooBig, 1)
      const length = writeTooBig(arena, at, fields, mtu, made)
      if (length > 0) tunnel.sink.deliverMade(made, length)
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

  /** By a packet that the host and the routers may cut. What is too long for any, with ESP around it, is too big. */
  #sendToCut(tunnel: Tunnel, slot: OutboundSlot, at: number, now: number): void {
    const result = this.sendAlone(slot, at, this.#fields, now, 'dont')
    if (result === -EMSGSIZE) count(tunnel, TunnelCounter.tooBig, 1)
    else if (result < 0) this.#events.countNotSent(1, tunnel.counters)
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
