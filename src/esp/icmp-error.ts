import { IpProtocol } from '#wire/ip-protocol'
import {
  IPV4_DESTINATION,
  IPV4_HEADER_OCTETS,
  IPV4_OFFSET_MASK,
  IPV4_SOURCE,
  ipv4Fragment,
  ipv4HeaderOctets,
  ipv4Protocol,
} from '#wire/ipv4'
import { IPV6_DESTINATION, IPV6_HEADER_OCTETS, IPV6_SOURCE, ipv6NextHeader } from '#wire/ipv6'
import { Fragment, hasPorts, type PacketFields } from './packet-fields.ts'

/**
 * Fills `answer` with what an answer to the packet that an ICMP error quotes would be: its addresses and ports turned round. A router or
 * gateway that reports an error is seldom in a selector itself; the SA of that answer then carries the report, and only reports about
 * packets of that SA (RFC 4301 §6.2).
 * @param packet the fields of the ICMP error at `at`
 * @returns false when it is no ICMP error, is not sent to the source of what it quotes, or quotes too little
 */
export function readQuotedAnswer(
  view: DataView,
  at: number,
  packet: PacketFields,
  answer: PacketFields,
): boolean {
  const icmp = at + packet.transportAt
  const available = packet.totalOctets - packet.transportAt - ICMP_HEADER_OCTETS
  if (packet.fragment === Fragment.later || available < IPV4_HEADER_OCTETS) return false
  if (!isError(view.getUint8(icmp), packet)) return false
  const quoted = icmp + ICMP_HEADER_OCTETS
  if (view.getUint8(quoted) >>> 4 !== packet.family) return false
  const transport =
    packet.family === 4
      ? readIpv4(view, quoted, available, answer)
      : readIpv6(view, quoted, available, answer)
  if (transport < 0) return false
  readPorts(view, quoted + transport, available - transport, answer)
  for (let i = 0; i < 4; i++) {
    if (answer.destination[i] !== packet.destination[i]) return false
  }
  return true
}

/** RFC 792: destination unreachable, time exceeded, parameter problem; RFC 4443 §2.1: all below 128. Redirects are no errors. */
function isError(type: number, { family, protocol }: PacketFields): boolean {
  if (family === 6) return protocol === IpProtocol.icmpv6 && type >= 1 && type < 128
  return protocol === IpProtocol.icmp && (type === 3 || type === 11 || type === 12)
}

/** @returns where the transport header begins, or -1 */
function readIpv4(view: DataView, at: number, available: number, answer: PacketFields): number {
  const header = ipv4HeaderOctets(view, at)
  if (header < IPV4_HEADER_OCTETS || available < header) return -1
  answer.family = 4
  answer.protocol = ipv4Protocol(view, at)
  const later = (ipv4Fragment(view, at) & IPV4_OFFSET_MASK) !== 0
  answer.fragment = later ? Fragment.later : Fragment.none
  answer.source.fill(0)
  answer.destination.fill(0)
  answer.source[0] = view.getUint32(at + IPV4_DESTINATION)
  answer.destination[0] = view.getUint32(at + IPV4_SOURCE)
  return header
}

/** Quoted extension headers are not walked: where ports decide, such a report finds no SA. */
function readIpv6(view: DataView, at: number, available: number, answer: PacketFields): number {
  if (available < IPV6_HEADER_OCTETS) return -1
  answer.family = 6
  answer.protocol = ipv6NextHeader(view, at)
  answer.fragment = Fragment.none
  for (let i = 0; i < 4; i++) {
    answer.source[i] = view.getUint32(at + IPV6_DESTINATION + 4 * i)
    answer.destination[i] = view.getUint32(at + IPV6_SOURCE + 4 * i)
  }
  return IPV6_HEADER_OCTETS
}

/** Ports that are not quoted are unknown, as in a later fragment. */
function readPorts(view: DataView, at: number, available: number, answer: PacketFields): void {
  answer.sourcePort = 0
  answer.destinationPort = 0
  if (answer.fragment === Fragment.later || !hasPorts(answer.protocol)) return
  if (available < 4) {
    answer.fragment = Fragment.later
    return
  }
  answer.sourcePort = view.getUint16(at + 2)
  answer.destinationPort = view.getUint16(at)
}

const ICMP_HEADER_OCTETS = 8
