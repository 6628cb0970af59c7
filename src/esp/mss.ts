import { updateChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import { Fragment, type PacketFields } from './packet-fields.ts'

const TCP_HEADER_OCTETS = 20
const TCP_FLAGS = 13
const TCP_CHECKSUM = 16
const SYN = 0x02
const END_OF_OPTIONS = 0
const NO_OPERATION = 1
const MAXIMUM_SEGMENT_SIZE = 2

/**
 * Lowers the MSS option of a TCP SYN to `mss`, so that TCP needs no path MTU discovery through the tunnel. Called for packets of
 * both directions: each side's SYN limits what the other sends. A SYN without the option is left alone, its default (RFC 9293
 * §3.7.1) is small enough.
 * @returns whether the packet was changed
 */
export function clampMss(view: DataView, at: number, packet: PacketFields, mss: number): boolean {
  if (packet.protocol !== IpProtocol.tcp || packet.fragment === Fragment.later) return false
  const tcp = at + packet.transportAt
  const available = packet.totalOctets - packet.transportAt
  if (available < TCP_HEADER_OCTETS) return false
  if ((view.getUint8(tcp + TCP_FLAGS) & SYN) === 0) return false
  const end = tcp + Math.min((view.getUint8(tcp + 12) >>> 4) * 4, available)
  let option = tcp + TCP_HEADER_OCTETS
  while (option < end) {
    const kind = view.getUint8(option)
    if (kind === END_OF_OPTIONS) return false
    if (kind === NO_OPERATION) {
      option++
      continue
    }
    if (option + 2 > end) return false
    const length = view.getUint8(option + 1)
    if (length < 2 || option + length > end) return false
    if (kind === MAXIMUM_SEGMENT_SIZE) return length === 4 && lower(view, tcp, option + 2, mss)
    option += length
  }
  return false
}

function lower(view: DataView, tcp: number, at: number, mss: number): boolean {
  const before = view.getUint16(at)
  if (before <= mss) return false
  view.setUint16(at, mss)
  const checksum = view.getUint16(tcp + TCP_CHECKSUM)
  // An option at an odd place straddles two checksum words: its octets count swapped (RFC 1071 §2 B).
  const odd = ((at - tcp) & 1) !== 0
  const updated = updateChecksum(checksum, odd ? swapped(before) : before, odd ? swapped(mss) : mss)
  view.setUint16(tcp + TCP_CHECKSUM, updated)
  return true
}

function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8)
}
