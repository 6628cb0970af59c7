import { addToChecksum, foldChecksum } from './checksum.ts'

/**
 * IPv4 header (RFC 791 §3.1), read and written in place. `at` is where it begins. Nothing here checks lengths: whoever reads a
 * packet of unknown origin begins with `isIpv4Packet`.
 */
export const IPV4_HEADER_OCTETS = 20
export const IPV4_SOURCE = 12
export const IPV4_DESTINATION = 16
/** Flags and fragment offset word: don't fragment, more fragments, offset in units of eight octets. */
export const IPV4_DF = 0x4000
export const IPV4_MF = 0x2000
export const IPV4_OFFSET_MASK = 0x1fff

/** Whether `available` octets hold a whole IPv4 packet: version, header length and total length agree. */
export function isIpv4Packet(view: DataView, at: number, available: number): boolean {
  if (available < IPV4_HEADER_OCTETS) return false
  if (view.getUint8(at) >>> 4 !== 4) return false
  const header = ipv4HeaderOctets(view, at)
  const total = ipv4TotalOctets(view, at)
  return header >= IPV4_HEADER_OCTETS && total >= header && total <= available
}

export function ipv4HeaderOctets(view: DataView, at: number): number {
  return (view.getUint8(at) & 0x0f) * 4
}

export function ipv4TrafficClass(view: DataView, at: number): number {
  return view.getUint8(at + 1)
}

export function ipv4TotalOctets(view: DataView, at: number): number {
  return view.getUint16(at + 2)
}

export function ipv4Identification(view: DataView, at: number): number {
  return view.getUint16(at + 4)
}

/** The word that holds `IPV4_DF`, `IPV4_MF` and the offset. */
export function ipv4Fragment(view: DataView, at: number): number {
  return view.getUint16(at + 6)
}

export function ipv4Protocol(view: DataView, at: number): number {
  return view.getUint8(at + 9)
}

/** Fills in the header checksum. */
export function sealIpv4Header(view: DataView, at: number): void {
  view.setUint16(at + 10, 0)
  view.setUint16(at + 10, foldChecksum(addToChecksum(0, view, at, ipv4HeaderOctets(view, at))))
}
