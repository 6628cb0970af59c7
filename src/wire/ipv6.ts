/** IPv6 header (RFC 8200 §3), read and written in place; see `ipv4.ts` for the rules. */
export const IPV6_HEADER_OCTETS = 40
export const IPV6_SOURCE = 8
export const IPV6_DESTINATION = 24

/** Whether `available` octets hold a whole IPv6 packet. Jumbograms (RFC 2675) are not. */
export function isIpv6Packet(view: DataView, at: number, available: number): boolean {
  if (available < IPV6_HEADER_OCTETS) return false
  if (view.getUint8(at) >>> 4 !== 6) return false
  return ipv6TotalOctets(view, at) <= available
}

export function ipv6TrafficClass(view: DataView, at: number): number {
  return (view.getUint16(at) >>> 4) & 0xff
}

export function setIpv6TrafficClass(view: DataView, at: number, trafficClass: number): void {
  view.setUint16(at, (view.getUint16(at) & 0xf00f) | (trafficClass << 4))
}

/** Header and payload. */
export function ipv6TotalOctets(view: DataView, at: number): number {
  return IPV6_HEADER_OCTETS + view.getUint16(at + 4)
}

export function ipv6NextHeader(view: DataView, at: number): number {
  return view.getUint8(at + 6)
}
