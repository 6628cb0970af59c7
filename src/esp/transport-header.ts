import type { IpFamily } from '#bytes/ip'
import { addToChecksum, foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import {
  IPV4_DESTINATION,
  IPV4_DF,
  IPV4_HEADER_OCTETS,
  IPV4_SOURCE,
  sealIpv4Header,
} from '#wire/ipv4'
import { IPV6_DESTINATION, IPV6_HEADER_OCTETS, IPV6_SOURCE } from '#wire/ipv6'
import { UDP_CHECKSUM, UDP_HEADER_OCTETS } from '#wire/udp'

export const TRANSPORT_HEADROOM: number = IPV6_HEADER_OCTETS
const TCP_HEADER_OCTETS = 20
const TCP_CHECKSUM = 16
const HOP_LIMIT = 64

type Addresses = {
  readonly family: IpFamily
  /** Whether the packet came inside UDP, maybe through a NAT. */
  readonly udp: boolean
  /** Words as in `addressWords`. */
  readonly remoteAddress: Uint32Array
  readonly localAddress: Uint32Array
}

/**
 * Transport mode sends no inner IP header; the host needs one. Writes it before `payload` octets at `at`, with the addresses the
 * packet came and went by.
 * @returns its length, or -1 when the payload is too long, or too short for its protocol
 */
export function rebuildIpHeader(
  view: DataView,
  addresses: Addresses,
  at: number,
  payload: number,
  protocol: number,
  trafficClass: number,
): number {
  const ipv4 = addresses.family === 4
  const header = ipv4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS
  if (payload + header > 0xffff) return -1
  if (ipv4) writeIpv4(view, addresses, at - header, payload, protocol, trafficClass)
  else writeIpv6(view, addresses, at - header, payload, protocol, trafficClass)
  if (!addresses.udp) return header
  const source = at - header + (ipv4 ? IPV4_SOURCE : IPV6_SOURCE)
  const pseudo = addToChecksum(payload + protocol, view, source, ipv4 ? 8 : 32)
  return mendChecksum(view, at, payload, protocol, pseudo) ? header : -1
}

/**
 * A NAT changed the addresses that the sender's checksum covers. The ICV has vouched for the content, so the checksum is made
 * anew (RFC 3948 §3.1.2).
 */
function mendChecksum(
  view: DataView,
  at: number,
  payload: number,
  protocol: number,
  pseudo: number,
): boolean {
  if (protocol !== IpProtocol.tcp && protocol !== IpProtocol.udp) return true
  if (payload < (protocol === IpProtocol.tcp ? TCP_HEADER_OCTETS : UDP_HEADER_OCTETS)) return false
  const field = at + (protocol === IpProtocol.tcp ? TCP_CHECKSUM : UDP_CHECKSUM)
  if (protocol === IpProtocol.udp && view.getUint16(field) === 0) return true
  view.setUint16(field, 0)
  const checksum = foldChecksum(addToChecksum(pseudo, view, at, payload))
  view.setUint16(field, checksum === 0 && protocol === IpProtocol.udp ? 0xffff : checksum)
  return true
}

function writeIpv4(
  view: DataView,
  { remoteAddress, localAddress }: Addresses,
  at: number,
  payload: number,
  protocol: number,
  trafficClass: number,
): void {
  view.setUint16(at, 0x4500 | trafficClass)
  view.setUint16(at + 2, IPV4_HEADER_OCTETS + payload)
  view.setUint16(at + 4, 0)
  view.setUint16(at + 6, IPV4_DF)
  view.setUint8(at + 8, HOP_LIMIT)
  view.setUint8(at + 9, protocol)
  view.setUint32(at + IPV4_SOURCE, remoteAddress[0] as number)
  view.setUint32(at + IPV4_DESTINATION, localAddress[0] as number)
  sealIpv4Header(view, at)
}

function writeIpv6(
  view: DataView,
  { remoteAddress, localAddress }: Addresses,
  at: number,
  payload: number,
  protocol: number,
  trafficClass: number,
): void {
  view.setUint32(at, 0x6000_0000 | (trafficClass << 20))
  view.setUint16(at + 4, payload)
  view.setUint8(at + 6, protocol)
  view.setUint8(at + 7, HOP_LIMIT)
  for (let i = 0; i < 4; i++) {
    view.setUint32(at + IPV6_SOURCE + 4 * i, remoteAddress[i] as number)
    view.setUint32(at + IPV6_DESTINATION + 4 * i, localAddress[i] as number)
  }
}
