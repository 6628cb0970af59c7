import { IpProtocol } from '#wire/ip-protocol'
import {
  IPV4_DESTINATION,
  IPV4_DF,
  IPV4_MF,
  IPV4_OFFSET_MASK,
  IPV4_SOURCE,
  ipv4Fragment,
  ipv4HeaderOctets,
  ipv4Identification,
  ipv4Protocol,
  ipv4TotalOctets,
  ipv4TrafficClass,
  isIpv4Packet,
} from '#wire/ipv4'
import {
  IPV6_DESTINATION,
  IPV6_HEADER_OCTETS,
  IPV6_SOURCE,
  ipv6NextHeader,
  ipv6TotalOctets,
  ipv6TrafficClass,
  isIpv6Packet,
} from '#wire/ipv6'

export const Fragment = { none: 0, first: 1, later: 2 } as const
export type Fragment = (typeof Fragment)[keyof typeof Fragment]

/**
 * What selectors, MTU and ECN rules need to know of an IP packet. One object is made and refilled for each packet, so that the
 * packet path allocates nothing.
 */
export class PacketFields {
  family: 4 | 6 = 4
  /** Of the packet by its own header; octets behind it are padding. */
  totalOctets = 0
  /** From the beginning of the packet to its transport header, IPv6 extension headers included. */
  transportAt = 0
  protocol = 0
  /** Ports are 0 where the protocol has none, and in later fragments. */
  sourcePort = 0
  destinationPort = 0
  fragment: Fragment = Fragment.none
  identification = 0
  /** True also for IPv6, whose routers never fragment. */
  dontFragment = false
  trafficClass = 0
  /** Big-endian words; an IPv4 address is the first, the others are 0. */
  readonly source: Uint32Array = new Uint32Array(4)
  readonly destination: Uint32Array = new Uint32Array(4)
}

/**
 * Reads the packet at `at`, of which `available` octets may be read.
 * @returns false when it is no whole IP packet, or its ports cannot be read
 */
export function readPacketFields(
  view: DataView,
  at: number,
  available: number,
  fields: PacketFields,
): boolean {
  if (available < 1) return false
  const version = view.getUint8(at) >>> 4
  if (version === 4) return readIpv4(view, at, available, fields)
  return version === 6 && readIpv6(view, at, available, fields)
}

function readIpv4(view: DataView, at: number, available: number, fields: PacketFields): boolean {
  if (!isIpv4Packet(view, at, available)) return false
  const fragment = ipv4Fragment(view, at)
  fields.family = 4
  fields.totalOctets = ipv4TotalOctets(view, at)
  fields.transportAt = ipv4HeaderOctets(view, at)
  fields.protocol = ipv4Protocol(view, at)
  fields.identification = ipv4Identification(view, at)
  fields.dontFragment = (fragment & IPV4_DF) !== 0
  fields.trafficClass = ipv4TrafficClass(view, at)
  fields.fragment = fragmentKind(fragment & IPV4_OFFSET_MASK, (fragment & IPV4_MF) !== 0)
  fields.source[0] = view.getUint32(at + IPV4_SOURCE)
  fields.destination[0] = view.getUint32(at + IPV4_DESTINATION)
  for (let i = 1; i < 4; i++) {
    fields.source[i] = 0
    fields.destination[i] = 0
  }
  return readPorts(view, at, fields)
}

/** Enough for every order RFC 8200 §4.1 recommends; a longer chain is somebody's attack. */
const MAX_EXTENSION_HEADERS = 8

function readIpv6(view: DataView, at: number, available: number, fields: PacketFields): boolean {
  if (!isIpv6Packet(view, at, available)) return false
  fields.family = 6
  fields.totalOctets = ipv6TotalOctets(view, at)
  fields.identification = 0
  fields.dontFragment = true
  fields.trafficClass = ipv6TrafficClass(view, at)
  fields.fragment = Fragment.none
  for (let i = 0; i < 4; i++) {
    fields.source[i] = view.getUint32(at + IPV6_SOURCE + 4 * i)
    fields.destination[i] = view.getUint32(at + IPV6_DESTINATION + 4 * i)
  }
  let next = ipv6NextHeader(view, at)
  let header = IPV6_HEADER_OCTETS
  for (let seen = 0; isExtensionHeader(next); seen++) {
    if (seen === MAX_EXTENSION_HEADERS || header + 8 > fields.totalOctets) return false
    const current = next
    next = view.getUint8(at + header)
    if (current !== IpProtocol.fragment) {
      header += (view.getUint8(at + header + 1) + 1) * 8
      continue
    }
    const offset = view.getUint16(at + header + 2)
    fields.fragment = fragmentKind(offset >>> 3, (offset & 1) !== 0)
    fields.identification = view.getUint32(at + header + 4)
    header += 8
    // What follows in a later fragment is the middle of something.
    if (fields.fragment === Fragment.later) break
  }
  if (header > fields.totalOctets) return false
  fields.protocol = next
  fields.transportAt = header
  return readPorts(view, at, fields)
}

function isExtensionHeader(number: number): boolean {
  return (
    number === IpProtocol.hopByHop ||
    number === IpProtocol.routing ||
    number === IpProtocol.fragment ||
    number === IpProtocol.destinationOptions
  )
}

function fragmentKind(offset: number, more: boolean): Fragment {
  if (offset !== 0) return Fragment.later
  return more ? Fragment.first : Fragment.none
}

function readPorts(view: DataView, at: number, fields: PacketFields): boolean {
  fields.sourcePort = 0
  fields.destinationPort = 0
  if (fields.fragment === Fragment.later || !hasPorts(fields.protocol)) return true
  // RFC 7112 and RFC 1858: a first fragment too short for its ports is an attempt to slip past a filter.
  if (fields.transportAt + 4 > fields.totalOctets) return false
  fields.sourcePort = view.getUint16(at + fields.transportAt)
  fields.destinationPort = view.getUint16(at + fields.transportAt + 2)
  return true
}

export function hasPorts(protocol: number): boolean {
  return (
    protocol === IpProtocol.tcp ||
    protocol === IpProtocol.udp ||
    protocol === IpProtocol.sctp ||
    protocol === IpProtocol.udpLite
  )
}
