/** UDP header (RFC 768), read and written in place. */
export const UDP_HEADER_OCTETS = 8
export const UDP_CHECKSUM = 6

export function udpSourcePort(view: DataView, at: number): number {
  return view.getUint16(at)
}

export function udpDestinationPort(view: DataView, at: number): number {
  return view.getUint16(at + 2)
}
