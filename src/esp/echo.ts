import type { IpFamily } from '#bytes/ip'
import { addToChecksum, foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import {
  IPV4_DESTINATION,
  IPV4_DF,
  IPV4_HEADER_OCTETS,
  IPV4_SOURCE,
  ipv4HeaderOctets,
  ipv4Protocol,
  sealIpv4Header,
} from '#wire/ipv4'
import { IPV6_DESTINATION, IPV6_HEADER_OCTETS, IPV6_SOURCE, ipv6NextHeader } from '#wire/ipv6'
import { Fragment, type PacketFields } from './packet-fields.ts'
import type { PacketArena } from './transform.ts'

/** The shortest there is. */
export const ECHO_HEADER_OCTETS = 8

/** Which echo is asked for; addresses as in `addressWords`. */
export type Echo = {
  readonly family: IpFamily
  readonly source: Uint32Array
  readonly destination: Uint32Array
  readonly hops: number
  readonly identifier: number
  readonly sequence: number
  /** Of the whole packet. */
  readonly octets: number
}

/** Writes an ICMP echo request (RFC 792, RFC 4443 §4.1), filled with zeros, to `at`. */
export function writeEcho({ octets, view }: PacketArena, at: number, echo: Echo): void {
  const ipv4 = echo.family === 4
  const icmp = at + (ipv4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS)
  const length = at + echo.octets - icmp
  octets.fill(0, at, at + echo.octets)
  view.setUint8(icmp, ipv4 ? ICMP_ECHO : ICMPV6_ECHO)
  view.setUint16(icmp + 4, echo.identifier)
  view.setUint16(icmp + 6, echo.sequence)
  if (ipv4) writeIpv4(view, at, echo)
  else writeIpv6(view, at, echo)
  const pseudo = ipv4 ? 0 : addToChecksum(length + IpProtocol.icmpv6, view, at + IPV6_SOURCE, 32)
  view.setUint16(icmp + 2, foldChecksum(addToChecksum(pseudo, view, icmp, length)))
}

/** What a packet says of an echo of ours: it came back whole, or only that it came across to the gateway that ends the tunnel. */
export const EchoNews = { none: 0, back: 1, across: 2 } as const
export type EchoNews = (typeof EchoNews)[keyof typeof EchoNews]

/** One object is refilled for each packet that is looked at. */
export class EchoAnswer {
  sequence = 0
  news: EchoNews = EchoNews.none

  /**
   * Reads the packet at `at`. A router that ends the packet's life has seen it: RFC 792, RFC 4443 §3.3. A reply in fragments is as good as
   * a whole one: where the other way is narrower, its first fragment fills it.
   */
  read(view: DataView, at: number, packet: PacketFields, identifier: number): EchoNews {
    this.news = EchoNews.none
    const icmp = at + packet.transportAt
    const available = packet.totalOctets - packet.transportAt
    if (!isIcmp(packet) || available < ECHO_HEADER_OCTETS) return this.news
    const type = view.getUint8(icmp)
    if (packet.fragment === Fragment.later) return this.news
    if (type === (packet.family === 4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY)) {
      return this.#take(view, icmp, identifier, EchoNews.back)
    }
    if (type !== (packet.family === 4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED)) return this.news
    const quoted = icmp + ECHO_HEADER_OCTETS
    const header = quotedHeader(view, quoted, available - ECHO_HEADER_OCTETS, packet.family)
    const echo = quoted + header
    if (header === 0) return this.news
    if (view.getUint8(echo) !== (packet.family === 4 ? ICMP_ECHO : ICMPV6_ECHO)) return this.news
    return this.#take(view, echo, identifier, EchoNews.across)
  }

  #take(view: DataView, icmp: number, identifier: number, news: EchoNews): EchoNews {
    if (view.getUint16(icmp + 4) !== identifier) return this.news
    this.sequence = view.getUint16(icmp + 6)
    this.news = news
    return news
  }
}

export function isIcmp({ family, protocol }: PacketFields): boolean {
  return protocol === (family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6)
}

/** @returns its octets, or 0 when it is not that of an echo, or too little was quoted */
function quotedHeader(view: DataView, at: number, available: number, family: IpFamily): number {
  const least = family === 4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS
  if (available < least + ECHO_HEADER_OCTETS || view.getUint8(at) >>> 4 !== family) return 0
  const header = family === 4 ? ipv4HeaderOctets(view, at) : IPV6_HEADER_OCTETS
  if (header < least || available < header + ECHO_HEADER_OCTETS) return 0
  const protocol = family === 4 ? ipv4Protocol(view, at) : ipv6NextHeader(view, at)
  return protocol === (family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6) ? header : 0
}

function writeIpv4(view: DataView, at: number, { source, destination, hops, octets }: Echo): void {
  view.setUint8(at, 0x45)
  view.setUint16(at + 2, octets)
  view.setUint16(at + 6, IPV4_DF)
  view.setUint16(at + 8, (hops << 8) | IpProtocol.icmp)
  view.setUint32(at + IPV4_SOURCE, source[0] as number)
  view.setUint32(at + IPV4_DESTINATION, destination[0] as number)
  sealIpv4Header(view, at)
}

function writeIpv6(view: DataView, at: number, { source, destination, hops, octets }: Echo): void {
  view.setUint8(at, 0x60)
  view.setUint16(at + 4, octets - IPV6_HEADER_OCTETS)
  view.setUint16(at + 6, (IpProtocol.icmpv6 << 8) | hops)
  for (let i = 0; i < 4; i++) {
    view.setUint32(at + IPV6_SOURCE + 4 * i, source[i] as number)
    view.setUint32(at + IPV6_DESTINATION + 4 * i, destination[i] as number)
  }
}

const ICMP_ECHO_REPLY = 0
const ICMP_ECHO = 8
const ICMP_TIME_EXCEEDED = 11
const ICMPV6_TIME_EXCEEDED = 3
const ICMPV6_ECHO = 128
const ICMPV6_ECHO_REPLY = 129
