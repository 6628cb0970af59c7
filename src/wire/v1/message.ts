import { encode } from '../codec.ts'
import { decodeChain, encodeChain, type Placed } from '../payload-chain.ts'
import { grammar } from './grammar.ts'
import type { Payload } from './payloads.ts'

/** An IKEv1 payload and where it stood: HASH payloads cover the octets as sent (RFC 2409 §5). */
export type PlacedPayload = Placed<Payload>

/**
 * Decodes the chain whose first generic header is at `start` of `octets`, and whose first payload has the number that the
 * header (or the payload before) announced; 0 is an empty chain. `end` is where the chain ended: CBC padding may follow it in an
 * encrypted message, nothing in a clear one.
 * @throws MalformedMessage, with offsets into `octets`
 */
export function decodePayloads(
  firstPayload: number,
  octets: Uint8Array,
  start: number,
): { readonly payloads: readonly PlacedPayload[]; readonly end: number } {
  return decodeChain(grammar, firstPayload, octets, start)
}

/** `firstPayload` belongs into the header's Next Payload. @throws RangeError for values that do not fit their fields. */
export function encodePayloads(payloads: readonly Payload[]): {
  readonly firstPayload: number
  readonly octets: Uint8Array
} {
  return encodeChain(grammar, payloads)
}

/** Without the generic header: SAi_b, IDii_b and IDir_b of RFC 2409 §5. */
export function encodePayloadBody(payload: Payload): Uint8Array {
  return encode(grammar.codecOf(payloadNumber(payload)), payload)
}

/** The number that announces this payload: in the header for the first, in the generic header before it for the others. */
export function payloadNumber(payload: Payload): number {
  return grammar.numberOf(payload)
}
