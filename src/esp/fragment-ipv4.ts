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
 * @returns its length; 0 behind the last one, and when there is no room for eight octets of it
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
  if (index > 0) blankOptions(view, to + IPV4_HEADER_OCTETS, to + header)
  sealIpv4Header(view, to)
  return header + length
}

/** Options without the copied flag belong to the first fragment only (RFC 791 §3.1); what stands in their place keeps the length. */
function blankOptions(view: DataView, start: number, end: number): void {
  for (let at = start; at < end; ) {
    const kind = view.getUint8(at)
    if (kind === END_OF_OPTIONS) return
    const length = kind === NO_OPERATION ? 1 : optionOctets(view, at, end)
    if ((kind & COPIED) === 0) for (let i = 0; i < length; i++) view.setUint8(at + i, NO_OPERATION)
    at += length
  }
}

/** A length that makes no sense takes everything behind it. */
function optionOctets(view: DataView, at: number, end: number): number {
  const length = at + 1 < end ? view.getUint8(at + 1) : 0
  return length < 2 || at + length > end ? end - at : length
}

const END_OF_OPTIONS = 0
const NO_OPERATION = 1
const COPIED = 0x80
