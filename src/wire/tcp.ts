/** TCP header (RFC 9293 §3.1), read and written in place; see `ipv4.ts` for the rules. */
export const TCP_HEADER_OCTETS = 20
export const TCP_SEQUENCE = 4
export const TCP_ACKNOWLEDGMENT = 8
/** Data offset, reserved bits and flags, as one word. */
export const TCP_FLAGS_WORD = 12
export const TCP_WINDOW = 14
export const TCP_CHECKSUM = 16

export const TCP_FIN = 0x01
export const TCP_PSH = 0x08
export const TCP_ACK = 0x10
export const TCP_CWR = 0x80

/** Options included. */
export function tcpHeaderOctets(view: DataView, at: number): number {
  return (view.getUint8(at + TCP_FLAGS_WORD) >>> 4) * 4
}

export function tcpSequence(view: DataView, at: number): number {
  return view.getUint32(at + TCP_SEQUENCE)
}
