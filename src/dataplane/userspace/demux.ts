export const IKE_PORT = 500
export const NAT_TRAVERSAL_PORT = 4500
/** Before an IKE message on port 4500 (RFC 3948 §2.2). */
export const NON_ESP_MARKER_OCTETS = 4
/** The one octet of a NAT keepalive (RFC 3948 §2.3). */
export const NAT_KEEPALIVE = 0xff

export const Datagram = { keepalive: 0, ike: 1, esp: 2, malformed: 3 } as const
export type Datagram = (typeof Datagram)[keyof typeof Datagram]

/**
 * What a UDP datagram is that came to one of our two ports. On 4500 an IKE message stands behind the non-ESP marker; an SPI of 0
 * cannot be, so nothing is ambiguous (RFC 3948 §2.1, §2.2).
 */
export function classify(port: number, view: DataView, at: number, length: number): Datagram {
  if (port !== NAT_TRAVERSAL_PORT) return Datagram.ike
  if (length === 1 && view.getUint8(at) === NAT_KEEPALIVE) return Datagram.keepalive
  if (length < NON_ESP_MARKER_OCTETS) return Datagram.malformed
  return view.getUint32(at) === 0 ? Datagram.ike : Datagram.esp
}
