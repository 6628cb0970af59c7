import type { IpFamily } from '#bytes/ip'
import { addToChecksum, foldChecksum } from './checksum.ts'

/** An echo request or its answer (RFC 792, RFC 4443 §4). */
export type Echo = { readonly identifier: number; readonly sequence: number }

export const ECHO_HEADER_OCTETS = 8

/** @param octets of the whole ICMP message, 8 or more. ICMPv6 gets its checksum from the kernel, which knows the addresses. */
export function encodeEchoRequest(
  family: IpFamily,
  { identifier, sequence }: Echo,
  octets: number,
): Uint8Array {
  const message = new Uint8Array(octets)
  const view = new DataView(message.buffer)
  view.setUint8(0, family === 4 ? ECHO_REQUEST : ECHO_REQUEST_V6)
  view.setUint16(4, identifier)
  view.setUint16(6, sequence)
  if (family === 4) view.setUint16(2, foldChecksum(addToChecksum(0, view, 0, octets)))
  return message
}

/** @param octets as a raw socket gives them: with the IP header on IPv4, without on IPv6. @returns undefined for anything else */
export function readEchoReply(family: IpFamily, octets: Uint8Array): Echo | undefined {
  const at = family === 4 ? ((octets[0] ?? 0) & 0x0f) * 4 : 0
  if (octets.length < at + ECHO_HEADER_OCTETS) return undefined
  const view = new DataView(octets.buffer, octets.byteOffset + at)
  if (view.getUint8(0) !== (family === 4 ? ECHO_REPLY : ECHO_REPLY_V6)) return undefined
  return { identifier: view.getUint16(4), sequence: view.getUint16(6) }
}

const ECHO_REPLY = 0
const ECHO_REQUEST = 8
const ECHO_REQUEST_V6 = 128
const ECHO_REPLY_V6 = 129
