import type { EncapsulationMode } from '#policy/proposal'
import { addToChecksum, foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import { IPV4_DESTINATION, IPV4_HEADER_OCTETS, IPV4_SOURCE, sealIpv4Header } from '#wire/ipv4'
import { IPV6_DESTINATION, IPV6_HEADER_OCTETS, IPV6_SOURCE } from '#wire/ipv6'
import { IPV6_MIN_MTU } from './mtu.ts'
import { Fragment, type PacketFields } from './packet-fields.ts'
import type { PacketArena } from './transform.ts'

const ICMP_HEADER_OCTETS = 8
/** Header and as much again as every IPv4 host takes (RFC 1812 §4.3.2.3). */
const IPV4_REPLY_OCTETS = 576
const HOP_LIMIT = 64
const ICMP_DESTINATION_UNREACHABLE = 3
const ICMP_FRAGMENTATION_NEEDED = 4
const ICMPV6_PACKET_TOO_BIG = 2
/** RFC 4443 §2.1: informational messages begin here. */
const FIRST_ICMPV6_INFORMATION = 128
/** Echo request and reply: the ICMPv4 messages that one may answer with an error (RFC 1812 §4.3.2.7). */
const ICMP_ECHO = 8
const ICMP_ECHO_REPLY = 0

/** What becomes of a packet that is longer than its SA takes in one outer packet. */
export const Oversize = {
  /** Dropped, and its sender told how large it may be. */
  refused: 0,
  /** Cut before ESP. */
  cutInside: 1,
  /** Sealed whole, and the outer packet is cut. */
  cutOutside: 2,
} as const
export type Oversize = (typeof Oversize)[keyof typeof Oversize]

/** IPv6 packets of up to 1,280 octets need not be made smaller by anybody (RFC 2473 §7.1 b); transport mode takes whole packets only. */
export function oversize(
  mode: EncapsulationMode,
  { family, totalOctets, dontFragment }: PacketFields,
): Oversize {
  if (family === 6 && totalOctets <= IPV6_MIN_MTU) return Oversize.cutOutside
  if (dontFragment) return Oversize.refused
  return mode === 'transport' ? Oversize.cutOutside : Oversize.cutInside
}

/**
 * Writes, at `to`, the ICMP message that tells the sender of the packet at `at` how large packets may be: fragmentation needed
 * (RFC 1191 §4) or packet too big (RFC 4443 §3.2). It seems to come from the packet's destination: an address the host surely
 * routes into the tunnel, so that reverse path filters let it pass.
 * @returns its length, or 0 when none may be sent
 */
export function writeTooBig(
  arena: PacketArena,
  at: number,
  packet: PacketFields,
  mtu: number,
  to: number,
): number {
  if (packet.fragment === Fragment.later || isIcmpError(arena.view, at, packet)) return 0
  // It could not seem to come from there, and IPv4 forbids it (RFC 1122 §3.2.2).
  if (isMulticast(packet)) return 0
  return packet.family === 4
    ? writeIpv4(arena, at, packet, mtu, to)
    : writeIpv6(arena, at, packet, mtu, to)
}

/** Errors about errors would never end (RFC 1122 §3.2.2, RFC 4443 §2.4 e). */
function isIcmpError(view: DataView, at: number, packet: PacketFields): boolean {
  if (packet.transportAt >= packet.totalOctets) return false
  const type = view.getUint8(at + packet.transportAt)
  if (packet.protocol === IpProtocol.icmp) return type !== ICMP_ECHO && type !== ICMP_ECHO_REPLY
  return packet.protocol === IpProtocol.icmpv6 && type < FIRST_ICMPV6_INFORMATION
}

function isMulticast({ family, destination }: PacketFields): boolean {
  const first = destination[0] as number
  return family === 4 ? first >>> 28 === 0xe : first >>> 24 === 0xff
}

function writeIpv4(
  { octets, view }: PacketArena,
  at: number,
  packet: PacketFields,
  mtu: number,
  to: number,
): number {
  const quoted = Math.min(
    packet.totalOctets,
    IPV4_REPLY_OCTETS - IPV4_HEADER_OCTETS - ICMP_HEADER_OCTETS,
  )
  const icmp = to + IPV4_HEADER_OCTETS
  octets.copyWithin(icmp + ICMP_HEADER_OCTETS, at, at + quoted)
  view.setUint16(icmp, (ICMP_DESTINATION_UNREACHABLE << 8) | ICMP_FRAGMENTATION_NEEDED)
  view.setUint16(icmp + 2, 0)
  view.setUint16(icmp + 4, 0)
  view.setUint16(icmp + 6, mtu)
  const length = ICMP_HEADER_OCTETS + quoted
  view.setUint16(icmp + 2, foldChecksum(addToChecksum(0, view, icmp, length)))
  view.setUint16(to, 0x4500)
  view.setUint16(to + 2, IPV4_HEADER_OCTETS + length)
  view.setUint32(to + 4, 0)
  view.setUint16(to + 8, (HOP_LIMIT << 8) | IpProtocol.icmp)
  view.setUint32(to + IPV4_SOURCE, packet.destination[0] as number)
  view.setUint32(to + IPV4_DESTINATION, packet.source[0] as number)
  sealIpv4Header(view, to)
  return IPV4_HEADER_OCTETS + length
}

function writeIpv6(
  { octets, view }: PacketArena,
  at: number,
  packet: PacketFields,
  mtu: number,
  to: number,
): number {
  const quoted = Math.min(
    packet.totalOctets,
    IPV6_MIN_MTU - IPV6_HEADER_OCTETS - ICMP_HEADER_OCTETS,
  )
  const icmp = to + IPV6_HEADER_OCTETS
  octets.copyWithin(icmp + ICMP_HEADER_OCTETS, at, at + quoted)
  view.setUint16(icmp, ICMPV6_PACKET_TOO_BIG << 8)
  view.setUint16(icmp + 2, 0)
  view.setUint32(icmp + 4, Math.max(mtu, IPV6_MIN_MTU))
  const length = ICMP_HEADER_OCTETS + quoted
  view.setUint32(to, 0x6000_0000)
  view.setUint16(to + 4, length)
  view.setUint16(to + 6, (IpProtocol.icmpv6 << 8) | HOP_LIMIT)
  for (let i = 0; i < 4; i++) {
    view.setUint32(to + IPV6_SOURCE + 4 * i, packet.destination[i] as number)
    view.setUint32(to + IPV6_DESTINATION + 4 * i, packet.source[i] as number)
  }
  const pseudo = addToChecksum(length + IpProtocol.icmpv6, view, to + IPV6_SOURCE, 32)
  view.setUint16(icmp + 2, foldChecksum(addToChecksum(pseudo, view, icmp, length)))
  return IPV6_HEADER_OCTETS + length
}
