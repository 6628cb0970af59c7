import { IpProtocol } from '#wire/ip-protocol'
import {
  IPV4_DF,
  IPV4_HEADER_OCTETS,
  IPV4_SOURCE,
  ipv4Fragment,
  ipv4Identification,
  sealIpv4Header,
} from '#wire/ipv4'
import { IPV6_HEADER_OCTETS, IPV6_SOURCE, ipv6NextHeader } from '#wire/ipv6'
import {
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_FLAGS_WORD,
  TCP_HEADER_OCTETS,
  TCP_PSH,
  tcpHeaderOctets,
  tcpSequence,
} from '#wire/tcp'
import { UDP_CHECKSUM, UDP_HEADER_OCTETS } from '#wire/udp'
import {
  VIRTIO_HEADER_OCTETS,
  VirtioGso,
  writeGsoVirtioHeader,
  writePlainVirtioHeader,
} from '#wire/virtio-net'
import { CoalescedPacket, type HostSink } from './coalesced-packet.ts'
import type { OctetWork } from './octet-work.ts'
import { Fragment, type PacketFields } from './packet-fields.ts'
import type { PacketArena } from './transform.ts'

/** Octets that must be free before a packet given to `Coalescing`. */
export const COALESCING_HEADROOM: number = VIRTIO_HEADER_OCTETS
/** What one place of `Coalescing` needs: a virtio header and the longest packet. */
export const COALESCED_OCTETS: number = VIRTIO_HEADER_OCTETS + 65_536
const MAX_IP_OCTETS = 65_535
/** Kernels before 6.9 cut UDP into no more (UDP_MAX_SEGMENTS). */
const MAX_UDP_SEGMENTS = 64
/**
 * UDP ports of tunnels (VXLAN, Linux' older VXLAN, Geneve, GTP-U, GRE): their receivers in the kernel take merged datagrams amiss.
 */
const TUNNEL_PORTS: ReadonlySet<number> = new Set([2152, 4754, 4789, 6081, 8472])

/**
 * Joins packets of one TCP or UDP flow that arrive together into one, as the kernel's own receive offload does, because giving a
 * packet to the host costs more than opening it. Checksums are verified first: what is merged counts as verified. The order within
 * each flow is kept, and of the flows that of their first packets. Nothing stays behind `flush`, which ends every batch.
 */
export class Coalescing<Sink extends HostSink = HostSink> {
  readonly #view: DataView
  readonly #work: OctetWork
  /** The first `#openCount` are in use, oldest first. */
  readonly #packets: CoalescedPacket<Sink>[]
  #openCount = 0

  /** @param places of `COALESCED_OCTETS` each; as many flows can be open at once */
  constructor({ view }: PacketArena, work: OctetWork, places: readonly number[]) {
    this.#view = view
    this.#work = work
    this.#packets = places.map((at) => new CoalescedPacket<Sink>(at + VIRTIO_HEADER_OCTETS))
  }

  /** The packet at `at`, whose fields are `packet`; what is not merged is given to `sink` before this returns. */
  add(sink: Sink, at: number, packet: PacketFields): void {
    const payloadAt = this.#payloadOf(sink, at, packet)
    if (payloadAt === 0) {
      this.#flushFlow(sink, packet)
      this.#writePlain(sink, at, packet.totalOctets)
      return
    }
    const index = this.#find(sink, packet)
    if (index >= 0) {
      if (this.#join(this.#packets[index] as CoalescedPacket<Sink>, at, packet, payloadAt)) return
      this.#close(index)
    }
    if (this.#openCount === this.#packets.length) this.#close(0)
    if (!this.#open(sink, at, packet, payloadAt)) {
      this.#writePlain(sink, at, packet.totalOctets)
    }
  }

  /** Gives everything to the host. */
  flush(): void {
    for (let i = 0; i < this.#openCount; i++) this.#emit(this.#packets[i] as CoalescedPacket<Sink>)
    this.#openCount = 0
  }

  /** @returns the offset of the payload, or 0 for a packet that takes no part */
  #payloadOf(sink: Sink, at: number, packet: PacketFields): number {
    if (packet.fragment !== Fragment.none) return 0
    const view = this.#view
    const { transportAt, totalOctets, protocol } = packet
    if (!hasPlainHeader(view, at, packet)) return 0
    const transport = at + transportAt
    if (protocol === IpProtocol.tcp) {
      if (!sink.takesTcp || transportAt + TCP_HEADER_OCTETS > totalOctets) return 0
      const flags = view.getUint16(transport + TCP_FLAGS_WORD) & 0x0fff
      if ((flags & ~TCP_PSH) !== TCP_ACK) return 0
      const header = tcpHeaderOctets(view, transport)
      const payloadAt = transportAt + header
      return header >= TCP_HEADER_OCTETS && payloadAt < totalOctets ? payloadAt : 0
    }
    if (protocol !== IpProtocol.udp || !sink.takesUdp) return 0
    const payloadAt = transportAt + UDP_HEADER_OCTETS
    if (payloadAt >= totalOctets) return 0
    if (view.getUint16(transport + 4) !== totalOctets - transportAt) return 0
    if (view.getUint16(transport + UDP_CHECKSUM) === 0) return 0
    if (TUNNEL_PORTS.has(packet.destinationPort) || TUNNEL_PORTS.has(packet.sourcePort)) return 0
    return payloadAt
  }

  /** @returns the index of the open packet of this flow, or -1 */
  #find(sink: Sink, packet: PacketFields): number {
    for (let i = 0; i < this.#openCount; i++) {
      const open = this.#packets[i] as CoalescedPacket<Sink>
      if (open.sink === sink && open.isOfFlow(packet)) return i
    }
    return -1
  }

  #open(sink: Sink, at: number, packet: PacketFields, payloadAt: number): boolean {
    const open = this.#packets[this.#openCount] as CoalescedPacket<Sink>
    const work = this.#work
    const { transportAt, totalOctets } = packet
    work.copy(open.at, at, transportAt)
    const body = work.copyAndSum(open.at + transportAt, at + transportAt, totalOctets - transportAt)
    if (!this.#isIntact(at, packet, body)) return false
    open.begin(this.#view, sink, packet, payloadAt)
    this.#openCount++
    return true
  }

  /** @returns false when the packet does not continue the open one */
  #join(open: CoalescedPacket<Sink>, at: number, packet: PacketFields, payloadAt: number): boolean {
    const view = this.#view
    const payload = packet.totalOctets - payloadAt
    if (open.closed || payload > open.segmentOctets || payloadAt !== open.headerOctets) return false
    if (open.octets + payload > MAX_IP_OCTETS) return false
    if (!open.tcp && open.count === MAX_UDP_SEGMENTS) return false
    if (!open.hasSameHeaders(view, at, packet)) return false
    if (open.tcp && tcpSequence(view, at + packet.transportAt) !== open.nextSequence) return false
    if (packet.family === 4 && !open.continuesIdentification(ipv4Identification(view, at))) {
      return false
    }
    const work = this.#work
    const header = work.sum(at + packet.transportAt, payloadAt - packet.transportAt)
    const sum = header + work.copyAndSum(open.at + open.octets, at + payloadAt, payload)
    if (!this.#isIntact(at, packet, sum)) return false
    open.extend(payload, open.tcp ? view.getUint16(at + packet.transportAt + TCP_FLAGS_WORD) : 0)
    if (packet.family === 4) open.takeIdentification(ipv4Identification(view, at))
    return true
  }

  /** @param body sum of transport header and payload; IPv6 has no checksum of its own */
  #isIntact(at: number, packet: PacketFields, body: number): boolean {
    const work = this.#work
    const ipv4 = packet.family === 4
    if (ipv4 && work.sum(at, IPV4_HEADER_OCTETS) !== 0xffff) return false
    const addresses = ipv4 ? work.sum(at + IPV4_SOURCE, 8) : work.sum(at + IPV6_SOURCE, 32)
    const length = packet.totalOctets - packet.transportAt
    return fold(addresses + packet.protocol + length + body) === 0xffff
  }

  /** A packet that takes no part must not overtake what its flow has open. */
  #flushFlow(sink: Sink, packet: PacketFields): void {
    for (let i = this.#openCount - 1; i >= 0; i--) {
      const open = this.#packets[i] as CoalescedPacket<Sink>
      if (open.sink !== sink) continue
      const same =
        packet.fragment === Fragment.none ? open.isOfFlow(packet) : open.hasAddresses(packet)
      if (same) this.#close(i)
    }
  }

  /** Gives one to the host; its place moves behind those that are open. */
  #close(index: number): void {
    const closed = this.#packets[index] as CoalescedPacket<Sink>
    this.#emit(closed)
    this.#openCount--
    for (let i = index; i < this.#openCount; i++) {
      this.#packets[i] = this.#packets[i + 1] as CoalescedPacket<Sink>
    }
    this.#packets[this.#openCount] = closed
  }

  #emit(open: CoalescedPacket<Sink>): void {
    if (open.count > 1) this.#finish(open)
    else writePlainVirtioHeader(this.#view, open.at - VIRTIO_HEADER_OCTETS)
    const { sink } = open
    open.sink = undefined
    sink?.deliver(open.at - VIRTIO_HEADER_OCTETS, open.octets + VIRTIO_HEADER_OCTETS, open.count)
  }

  /** Lengths, and checksums as far as the kernel wants them: of the pseudo-header only. */
  #finish(open: CoalescedPacket<Sink>): void {
    const view = this.#view
    const work = this.#work
    const { at, octets, tcp, ipv4 } = open
    const transportAt = ipv4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS
    const transport = at + transportAt
    if (ipv4) {
      view.setUint16(at + 2, octets)
      sealIpv4Header(view, at)
    } else {
      view.setUint16(at + 4, octets - IPV6_HEADER_OCTETS)
    }
    const length = octets - transportAt
    const addresses = ipv4 ? work.sum(at + IPV4_SOURCE, 8) : work.sum(at + IPV6_SOURCE, 32)
    const pseudo = fold(addresses + length + (tcp ? IpProtocol.tcp : IpProtocol.udp))
    if (tcp) view.setUint16(transport + TCP_FLAGS_WORD, open.flags)
    else view.setUint16(transport + 4, length)
    view.setUint16(transport + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM), pseudo)
    writeGsoVirtioHeader(
      view,
      at - VIRTIO_HEADER_OCTETS,
      tcp ? (ipv4 ? VirtioGso.tcp4 : VirtioGso.tcp6) : VirtioGso.udp,
      open.headerOctets,
      open.segmentOctets,
      transportAt,
      tcp ? TCP_CHECKSUM : UDP_CHECKSUM,
    )
  }

  #writePlain(sink: Sink, at: number, octets: number): void {
    writePlainVirtioHeader(this.#view, at - VIRTIO_HEADER_OCTETS)
    sink.deliver(at - VIRTIO_HEADER_OCTETS, octets + VIRTIO_HEADER_OCTETS, 1)
  }
}

/** No options, no extension headers, nothing of a fragment but that it must not become one. */
function hasPlainHeader(view: DataView, at: number, packet: PacketFields): boolean {
  if (packet.family === 6) {
    return packet.transportAt === IPV6_HEADER_OCTETS && ipv6NextHeader(view, at) === packet.protocol
  }
  return packet.transportAt === IPV4_HEADER_OCTETS && (ipv4Fragment(view, at) & ~IPV4_DF) === 0
}

function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}
