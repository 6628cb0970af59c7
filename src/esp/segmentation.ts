import { IpProtocol } from '#wire/ip-protocol'
import { IPV4_SOURCE, ipv4HeaderOctets, ipv4Identification } from '#wire/ipv4'
import { IPV6_HEADER_OCTETS, IPV6_SOURCE } from '#wire/ipv6'
import {
  TCP_CHECKSUM,
  TCP_CWR,
  TCP_FIN,
  TCP_FLAGS_WORD,
  TCP_HEADER_OCTETS,
  TCP_PSH,
  TCP_SEQUENCE,
  tcpHeaderOctets,
  tcpSequence,
} from '#wire/tcp'
import { UDP_CHECKSUM, UDP_HEADER_OCTETS } from '#wire/udp'
import {
  VirtioGso,
  virtioChecksumOffset,
  virtioChecksumStart,
  virtioGsoOctets,
  virtioGsoType,
  virtioNeedsChecksum,
} from '#wire/virtio-net'
import type { OctetWork } from './octet-work.ts'

/** What `Segmentation.read` found. */
export const HostPacket = {
  /** One packet, with its checksum complete. */
  whole: 0,
  /** To be cut into `count` segments. */
  segmented: 1,
  /** Its virtio header and itself do not agree, or it asks for an offload that was not offered. */
  malformed: 2,
} as const
export type HostPacket = (typeof HostPacket)[keyof typeof HostPacket]

/**
 * Cuts the long TCP and UDP packets that the host gives to a device with segmentation offload, as the kernel itself would: IPv4
 * identifications count up, FIN and PSH stay with the last segment, CWR with the first (RFC 3168 §6.1.2), every checksum is
 * complete. One object serves all packets, one after the other.
 */
export class Segmentation {
  /** Segments of the packet read last. */
  count = 0
  /** IP and transport headers of each segment. */
  headerOctets = 0
  /** The longest segment, all headers included. */
  segmentOctets = 0
  readonly #view: DataView
  readonly #work: OctetWork
  #at = 0
  #payload = 0
  #step = 0
  #tcp = true
  #ipv4 = true
  #transportAt = 0
  #sequence = 0
  #flags = 0
  #identification = 0
  /** Sums of what is the same in the headers of all segments. */
  #ipSum = 0
  #transportSum = 0

  constructor(view: DataView, work: OctetWork) {
    this.#view = view
    this.#work = work
  }

  /** Reads the packet of `length` octets at `at`, whose virtio header stands at `header`; completes the checksum of a whole one. */
  read(header: number, at: number, length: number): HostPacket {
    const view = this.#view
    const type = virtioGsoType(view, header)
    const start = virtioChecksumStart(view, header)
    if (type !== VirtioGso.none) {
      return this.#begin(type, start, virtioGsoOctets(view, header), at, length)
        ? HostPacket.segmented
        : HostPacket.malformed
    }
    if (!virtioNeedsChecksum(view, header)) return HostPacket.whole
    const field = start + virtioChecksumOffset(view, header)
    if (start >= length || field + 2 > length) return HostPacket.malformed
    const udp = virtioChecksumOffset(view, header) === UDP_CHECKSUM
    writeChecksum(view, at + field, this.#work.sum(at + start, length - start), udp)
    return HostPacket.whole
  }

  /** Writes segment `index`, from 0, to `to`, which must not overlap the packet. @returns its octets */
  write(index: number, to: number): number {
    const view = this.#view
    const work = this.#work
    const begin = index * this.#step
    const last = index === this.count - 1
    const payload = last ? this.#payload - begin : this.#step
    const header = this.headerOctets
    const length = header + payload
    const transport = to + this.#transportAt
    work.copy(to, this.#at, header)
    const payloadSum = work.copyAndSum(to + header, this.#at + header + begin, payload)
    if (this.#ipv4) {
      const identification = (this.#identification + index) & 0xffff
      view.setUint16(to + 2, length)
      view.setUint16(to + 4, identification)
      view.setUint16(to + 10, ~fold(this.#ipSum + length + identification) & 0xffff)
    } else {
      view.setUint16(to + 4, length - IPV6_HEADER_OCTETS)
    }
    const transportOctets = length - this.#transportAt
    const sum = this.#transportSum + payloadSum + transportOctets
    if (this.#tcp) {
      const sequence = (this.#sequence + begin) >>> 0
      let flags = this.#flags
      if (!last) flags &= ~(TCP_FIN | TCP_PSH)
      if (index > 0) flags &= ~TCP_CWR
      view.setUint32(transport + TCP_SEQUENCE, sequence)
      view.setUint16(transport + TCP_FLAGS_WORD, flags)
      const checksum = fold(sum + (sequence >>> 16) + (sequence & 0xffff) + flags)
      view.setUint16(transport + TCP_CHECKSUM, ~checksum & 0xffff)
      return length
    }
    view.setUint16(transport + 4, transportOctets)
    writeChecksum(view, transport + UDP_CHECKSUM, fold(sum + transportOctets), true)
    return length
  }

  #begin(type: number, start: number, step: number, at: number, length: number): boolean {
    const view = this.#view
    this.#ipv4 = view.getUint8(at) >>> 4 === 4
    this.#tcp = type !== VirtioGso.udp
    const family = type === VirtioGso.tcp4 ? 4 : type === VirtioGso.tcp6 ? 6 : this.#ipv4 ? 4 : 6
    if (type !== VirtioGso.udp && type !== VirtioGso.tcp4 && type !== VirtioGso.tcp6) return false
    if ((family === 4) !== this.#ipv4 || step === 0) return false
    const least = this.#ipv4 ? ipv4HeaderOctets(view, at) : IPV6_HEADER_OCTETS
    if (start < least || (this.#ipv4 && start !== least)) return false
    if (start + (this.#tcp ? TCP_HEADER_OCTETS : UDP_HEADER_OCTETS) > length) return false
    const transportOctets = this.#tcp ? tcpHeaderOctets(view, at + start) : UDP_HEADER_OCTETS
    const header = start + transportOctets
    if ((this.#tcp && transportOctets < TCP_HEADER_OCTETS) || header >= length) return false
    this.#at = at
    this.#transportAt = start
    this.#step = step
    this.#payload = length - header
    this.headerOctets = header
    this.count = Math.ceil(this.#payload / step)
    this.segmentOctets = header + Math.min(step, this.#payload)
    this.#sumHeaders(transportOctets)
    return true
  }

  #sumHeaders(transportOctets: number): void {
    const view = this.#view
    const work = this.#work
    const at = this.#at
    const transport = at + this.#transportAt
    const addresses = this.#ipv4 ? work.sum(at + IPV4_SOURCE, 8) : work.sum(at + IPV6_SOURCE, 32)
    const protocol = this.#tcp ? IpProtocol.tcp : IpProtocol.udp
    // What differs between segments is taken out again by adding its complement.
    if (this.#ipv4) {
      this.#identification = ipv4Identification(view, at)
      this.#ipSum = work.sum(at, this.#transportAt) + complements(view, at, 2, 4, 10)
    }
    let varying: number
    if (this.#tcp) {
      this.#sequence = tcpSequence(view, transport)
      this.#flags = view.getUint16(transport + TCP_FLAGS_WORD)
      varying =
        complements(view, transport, TCP_SEQUENCE, TCP_SEQUENCE + 2, TCP_FLAGS_WORD) +
        complement(view, transport + TCP_CHECKSUM)
    } else {
      varying = complement(view, transport + 4) + complement(view, transport + UDP_CHECKSUM)
    }
    this.#transportSum = addresses + protocol + work.sum(transport, transportOctets) + varying
  }
}

function complements(view: DataView, at: number, a: number, b: number, c: number): number {
  return complement(view, at + a) + complement(view, at + b) + complement(view, at + c)
}

function complement(view: DataView, at: number): number {
  return ~view.getUint16(at) & 0xffff
}

/** To 16 bits; the sum of a few words of packets needs no more than two turns. */
function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

/** A UDP checksum that comes out as 0 is sent as its other form, because 0 says there is none (RFC 768). */
function writeChecksum(view: DataView, at: number, sum: number, udp: boolean): void {
  const checksum = ~sum & 0xffff
  view.setUint16(at, checksum === 0 && udp ? 0xffff : checksum)
}
