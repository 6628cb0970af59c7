import { decode, encode, octets, struct, u8, u32 } from './codec.ts'
import { MalformedMessage } from './malformed.ts'

/** Octets of the header both IKE versions share (RFC 2408 §3.1, RFC 7296 §3.1). */
export const HEADER_OCTETS = 28

/** `length` counts the whole message, header included. SPIs have 8 octets; IKEv1 calls them cookies. */
export type IkeHeader = {
  readonly initiatorSpi: Uint8Array
  readonly responderSpi: Uint8Array
  readonly nextPayload: number
  readonly majorVersion: number
  readonly minorVersion: number
  readonly exchangeType: number
  readonly flags: number
  readonly messageId: number
  readonly length: number
}

/**
 * Octets beyond `length` are left to the caller: it can see them by comparing. The version is not judged here.
 * @throws MalformedMessage when cut short, or when `length` is under 28 or beyond the datagram.
 */
export function decodeHeader(datagram: Uint8Array): IkeHeader {
  const { version, ...fields } = decode(header, datagram.subarray(0, HEADER_OCTETS))
  if (fields.length < HEADER_OCTETS || fields.length > datagram.length) {
    throw new MalformedMessage(
      'length',
      'header.length',
      LENGTH_OFFSET,
      `says ${fields.length} octets, the datagram has ${datagram.length}`,
    )
  }
  return { ...fields, majorVersion: version >> 4, minorVersion: version & 15 }
}

/** @throws RangeError for values that do not fit their fields */
export function encodeHeader(value: IkeHeader): Uint8Array {
  const { majorVersion, minorVersion, ...fields } = value
  if (minorVersion > 15) throw new RangeError(`minor version ${minorVersion} has four bits`)
  return encode(header, { ...fields, version: majorVersion * 16 + minorVersion })
}

const LENGTH_OFFSET = 24

const header = struct('header', {
  initiatorSpi: octets(8),
  responderSpi: octets(8),
  nextPayload: u8,
  version: u8,
  exchangeType: u8,
  flags: u8,
  messageId: u32,
  length: u32,
})
