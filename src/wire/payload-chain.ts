import { Reader } from '#bytes/reader'
import { Writer } from '#bytes/writer'
import { type Codec, checkConsumed, checkCount } from './codec.ts'
import { decoding, MalformedMessage } from './malformed.ts'

/** Next payload, a reserved octet, and the length of all of it (RFC 2408 §3.2, RFC 7296 §3.2). */
const GENERIC_HEADER_OCTETS = 4
/** More than any real message has; bounds the work one datagram can cause. */
export const MAX_PAYLOADS = 256

/** The payloads of one IKE version. */
export type PayloadGrammar<Payload> = {
  /** Bits of the second octet of the generic header that must be zero. */
  readonly reservedBits: number
  /** A short name for paths in errors, such as `KE`. */
  nameOf(number: number): string
  numberOf(payload: Payload): number
  /** Never fails: a number that means nothing here gives a codec that keeps the octets. */
  codecOf(number: number): Codec<Payload>
}

/** A payload and where it stood; hashes cover octets as they were sent, not as they would be sent again. */
export type Placed<Payload> = {
  readonly payload: Payload
  /** Of its generic header, in the octets that were decoded. */
  readonly start: number
  readonly end: number
  /** What follows the generic header; a view, not a copy. */
  readonly body: Uint8Array
}

/**
 * Walks a chain from its first payload, whose generic header is at `start`. `end` is behind the last payload; whether octets
 * may follow is for the caller to judge.
 * @throws MalformedMessage
 */
export function decodeChain<Payload>(
  grammar: PayloadGrammar<Payload>,
  firstPayload: number,
  octets: Uint8Array,
  start: number,
): { readonly payloads: readonly Placed<Payload>[]; readonly end: number } {
  return decoding(() => {
    const reader = new Reader(octets, Math.min(start, octets.length))
    const payloads: Placed<Payload>[] = []
    let number = firstPayload
    while (number !== NONE) {
      if (payloads.length === MAX_PAYLOADS) {
        throw new MalformedMessage(
          'count',
          'payloads',
          reader.offset,
          `more than ${MAX_PAYLOADS} payloads`,
        )
      }
      const one = decodeOne(grammar, number, reader, octets)
      payloads.push(one.placed)
      number = one.next
    }
    return { payloads, end: reader.offset }
  })
}

export function encodeChain<Payload>(
  grammar: PayloadGrammar<Payload>,
  payloads: readonly Payload[],
): { readonly firstPayload: number; readonly octets: Uint8Array } {
  checkCount(payloads.length, MAX_PAYLOADS)
  const numbers = payloads.map((payload) => grammar.numberOf(payload))
  const writer = new Writer()
  payloads.forEach((payload, i) => {
    const codec = grammar.codecOf(grammar.numberOf(payload))
    writeWithGenericHeader(writer, numbers[i + 1] ?? NONE, () => codec.encode(writer, payload, {}))
  })
  return { firstPayload: numbers[0] ?? NONE, octets: writer.finish() }
}

/** Takes a whole payload off `reader`: its header is read, its body comes back as a reader of its own. */
export function readGenericHeader(
  reader: Reader,
  name: string,
  reservedBits: number,
): { readonly next: number; readonly body: Reader } {
  const start = reader.offset
  const next = reader.u8(`${name}.nextPayload`)
  if ((reader.u8(`${name}.reserved`) & reservedBits) !== 0) {
    throw new MalformedMessage('reserved', `${name}.reserved`, start + 1, 'expected zero')
  }
  const length = reader.u16(`${name}.length`)
  if (length < GENERIC_HEADER_OCTETS) {
    throw new MalformedMessage(
      'length',
      `${name}.length`,
      start + 2,
      `says ${length} octets, the generic header alone has ${GENERIC_HEADER_OCTETS}`,
    )
  }
  return { next, body: reader.sub(`${name}.body`, length - GENERIC_HEADER_OCTETS) }
}

export function writeWithGenericHeader(writer: Writer, next: number, writeBody: () => void): void {
  const start = writer.length
  writer.u8(next)
  writer.u8(0)
  writer.u16(0)
  writeBody()
  writer.patchU16(start + 2, writer.length - start)
}

const NONE = 0

function decodeOne<Payload>(
  grammar: PayloadGrammar<Payload>,
  number: number,
  reader: Reader,
  octets: Uint8Array,
): { placed: Placed<Payload>; next: number } {
  const name = grammar.nameOf(number)
  const start = reader.offset
  const { next, body } = readGenericHeader(reader, name, grammar.reservedBits)
  const bodyStart = body.offset
  const payload = grammar.codecOf(number).decode(body, name, {})
  checkConsumed(body, name)
  const end = reader.offset
  return { placed: { payload, start, end, body: octets.subarray(bodyStart, end) }, next }
}
