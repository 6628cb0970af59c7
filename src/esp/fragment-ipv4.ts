import {
  IPV4_DF,
  IPV4_HEADER_OCTETS,
  IPV4_MF,
  IPV4_OFFSET_MASK,
  ipv4Fragment,
  sealIpv4Header,
} from '#wire/ipv4'
import type { PacketFields } from './packet-fields.ts'
import type { PacketArena } from './transform.ts'

/**
 * Writes fragment number `index` (from 0) of the IPv4 packet at `at` to `to`, so that it has at most `mtu` octets (RFC 791 §3.2).
 * Packets that may be fragmented are cut before ESP, not after: every piece is then authenticated by itself, and middle boxes that
 * drop fragments see none. The host cuts most of them, because the device has the right MTU; this is for the rest.
 * @returns its length; 0 behind the last one, and when the header's options leave no sense in it
 */
export function writeIpv4Fragment(
  { octets, view }: PacketArena,
  at: number,
  packet: PacketFields,
  mtu: number,
  index: number,
  to: number,
): number {
  const header = packet.transportAt
  // Options that must not be copied (RFC 791 §3.1) are rare enough to leave such packets uncut.
  if (header !== IPV4_HEADER_OCTETS) return 0
  const step = (mtu - header) & ~7
  if (step <= 0) return 0
  const begin = index * step
  const body = packet.totalOctets - header
  if (begin >= body) return 0
  const length = Math.min(step, body - begin)
  octets.copyWithin(to, at, at + header)
  octets.copyWithin(to + header, at + header + begin, at + header + begin + length)
  const original = ipv4Fragment(view, at)
  const more = begin + length < body ? IPV4_MF : original & IPV4_MF
  const offset = (original & IPV4_OFFSET_MASK) + (begin >>> 3)
  view.setUint16(to + 2, header + length)
  view.setUint16(to + 6, (original & IPV4_DF) | more | offset)
  sealIpv4Header(view, to)
  return header + length
}
