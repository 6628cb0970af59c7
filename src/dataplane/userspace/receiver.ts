import type { Endpoint } from '#bytes/ip'
import { Coalescing } from '#esp/coalescing'
import { FragmentTable } from '#esp/fragment-table'
import { decapsulate, InboundState, InboundVerdict, noteLateness, OpenedPacket } from '#esp/inbound'
import { clampMss } from '#esp/mss'
import { mssFor } from '#esp/mtu'
import { PacketFields } from '#esp/packet-fields'
import { type EspSpi, espSpi, type InboundSa } from '#esp/sa'
import { SaCounter } from '#esp/sa-counters'
import { Sad } from '#esp/sad'
import { Expiry } from '#esp/sequence'
import type { EspTransform } from '#esp/transform'
import type { DatagramSocket } from '#platform/datagram-socket'
import type { ReceiveBatch } from '#platform/receive-batch'
import { type Destination, prepareDestination } from '#platform/socket-address'
import { espPacketSpi } from '#wire/esp'
import { NAT_TRAVERSAL_PORT } from './demux.ts'
import { EarlyPackets } from './early-packets.ts'
import type { EchoWatch } from './echo-watch.ts'
import type { Events } from './events.ts'
import { icvVariant } from './icv-variant.ts'
import { OddPackets } from './odd-packets.ts'
import type { PacketMemory } from './packet-memory.ts'
import type { TunSink } from './tun-sink.ts'
import type { HostSide } from './tunnel.ts'

/** An inbound SA, where its packets are delivered and where they should come from. */
class InboundSlot extends InboundState {
  tunnel: HostSide | undefined
  sender: Destination
  movedToldAt = Number.NEGATIVE_INFINITY
  expiryTold: Expiry = Expiry.none
  /** Packets whose ICV was tested for known deviations. */
  icvTests = 0
  latenessAt = Number.NEGATIVE_INFINITY

  constructor(
    sa: InboundSa,
    transform: EspTransform,
    counters: Float64Array,
    tunnel: HostSide | undefined,
  ) {
    super(sa, transform, counters)
    this.tunnel = tunnel
    this.sender = prepareDestination(sa.remote)
  }
}

/** From the network to the host: ESP packets are opened, checked and written to the TUN device of their tunnel. */
export class Receiver {
  readonly #memory: PacketMemory
  readonly #events: Events
  readonly #sad = new Sad<InboundSlot>()
  readonly #fragments = new FragmentTable()
  readonly #opened = new OpenedPacket<InboundSlot>(new PacketFields())
  readonly #coalescing: Coalescing<TunSink>
  readonly #early = new EarlyPackets()
  readonly #odd: OddPackets
  readonly #echoes: EchoWatch
  #unknownToldAt = Number.NEGATIVE_INFINITY

  constructor(memory: PacketMemory, events: Events, echoes: EchoWatch) {
    this.#memory = memory
    this.#events = events
    this.#odd = new OddPackets(events, 'outside')
    this.#echoes = echoes
    this.#coalescing = new Coalescing(memory.arena, memory.work, memory.coalesced)
  }

  install(
    sa: InboundSa,
    transform: EspTransform,
    counters: Float64Array,
    tunnel: HostSide | undefined,
    now: number,
  ): void {
    this.remove(sa.spi)
    this.#sad.insert(new InboundSlot(sa, transform, counters, tunnel))
    for (const { octets, trafficClass } of this.#early.take(sa.spi, now)) {
      this.#memory.arena.octets.set(octets, this.#memory.segment)
      const verdict = this.#open(this.#memory.segment, octets.length, trafficClass, now)
      const slot = this.#opened.state
      if (verdict === InboundVerdict.delivered && slot !== undefined) this.#deliver(slot)
      this.flush()
    }
  }

  remove(spi: EspSpi): void {
    this.#sad.remove(spi)?.transform.free()
  }

  /** SAs belong to the tunnel of their name, whose device may be another one now. */
  attach(tunnelOf: (name: string) => HostSide | undefined): void {
    for (const slot of this.#sad.list()) slot.tunnel = tunnelOf(slot.sa.child.tunnel)
  }

  move(tunnel: string, local: Endpoint, remote: Endpoint): void {
    for (const slot of this.#sad.list()) {
      if (slot.sa.child.tunnel !== tunnel) continue
      slot.setAddresses(local.address, remote.address)
      slot.sender = prepareDestination(remote)
    }
  }

  close(): void {
    for (const slot of this.#sad.list()) this.remove(slot.sa.spi)
  }

  /** The ESP packet of `length` octets at `at` is in the message of `batch` that is selected, which has just come from `socket`. */
  handle(
    socket: DatagramSocket,
    batch: ReceiveBatch,
    at: number,
    length: number,
    now: number,
  ): void {
    const verdict = this.#open(at, length, batch.tos, now)
    const slot = this.#opened.state
    if (slot === undefined) {
      if (verdict === InboundVerdict.unknownSpi) this.#metNoSa(batch, at, length, now)
      else this.#events.countMalformed()
      return
    }
    if (verdict === InboundVerdict.malformed) this.#events.countMalformed()
    if (REFUSED.has(verdict)) {
      this.#examine(slot, verdict, at, length, now)
      return
    }
    // From here on the packet is authenticated and fresh.
    this.#watch(slot, socket, batch, now)
    if (verdict === InboundVerdict.delivered) this.#deliver(slot)
    const outside = verdict === InboundVerdict.outsideSelectors
    if (outside && slot.tunnel !== undefined) this.#odd.note(slot.tunnel, this.#opened.fields, now)
  }

  /** Gives the host what waits for more of its flow: nothing stays behind the batch it came in. */
  flush(): void {
    this.#coalescing.flush()
  }

  #deliver({ tunnel }: InboundSlot): void {
    if (tunnel === undefined) return
    if (tunnel.echoes.waiting && this.#echoes.takes(tunnel, this.#opened)) return
    const { offset, fields } = this.#opened
    clampMss(this.#memory.arena.view, offset, fields, mssFor(tunnel.mtuInside, fields.family))
    this.#coalescing.add(tunnel.sink, offset, fields)
  }

  /** What can be learned of a packet that is dropped, at a price that a flood of them cannot drive up. */
  #examine(
    slot: InboundSlot,
    verdict: InboundVerdict,
    at: number,
    length: number,
    now: number,
  ): void {
    const { arena } = this.#memory
    if (verdict === InboundVerdict.replayed) {
      if (now - slot.latenessAt < LATENESS_EVERY) return
      slot.latenessAt = now
      noteLateness(arena, slot, at, length)
      return
    }
    if (slot.counters[SaCounter.packets] !== 0 || slot.icvTests === ICV_TESTS) return
    slot.icvTests++
    const variant = icvVariant(slot.sa, arena.octets.subarray(at, at + length))
    if (variant === 'none' && slot.icvTests < ICV_TESTS) return
    slot.icvTests = ICV_TESTS
    this.#events.emit({ kind: 'icv-tested', child: slot.sa.child, variant })
  }

  #watch(slot: InboundSlot, socket: DatagramSocket, batch: ReceiveBatch, now: number): void {
    if (slot.expiry !== slot.expiryTold) {
      slot.expiryTold = slot.expiry
      this.#events.saExpired('inbound', espSpi(slot.spi), slot.expiry === Expiry.hard)
    }
    if (!slot.udp || batch.isFrom(slot.sender)) return
    if (socket.local.port !== NAT_TRAVERSAL_PORT || now - slot.movedToldAt < TOLD_EVERY) return
    slot.movedToldAt = now
    this.#events.emit({ kind: 'peer-moved', spi: slot.sa.spi, remote: batch.sender })
  }

  #open(at: number, length: number, trafficClass: number, now: number): InboundVerdict {
    return decapsulate(
      this.#memory.arena,
      this.#sad,
      this.#fragments,
      at,
      length,
      trafficClass,
      now,
      this.#opened,
    )
  }

  #metNoSa(batch: ReceiveBatch, at: number, length: number, now: number): void {
    this.#events.countUnknownSpi()
    const { octets, view } = this.#memory.arena
    const spi = espSpi(espPacketSpi(view, at))
    const packet = octets.subarray(at, at + length)
    if (this.#early.hold(spi, packet, batch.tos, now) === 'early') return
    if (now - this.#unknownToldAt < TOLD_EVERY) return
    this.#unknownToldAt = now
    this.#events.emit({ kind: 'unknown-spi', spi, remote: batch.sender.address })
  }
}

const REFUSED: ReadonlySet<InboundVerdict> = new Set([
  InboundVerdict.malformed,
  InboundVerdict.replayed,
  InboundVerdict.badIcv,
])
/** Milliseconds between two packets of which the main thread is told the same. */
const TOLD_EVERY = 1_000
/** Milliseconds between two packets of an SA that are opened only to see how late they are. */
const LATENESS_EVERY = 100
const ICV_TESTS = 3
