import { concat } from '#bytes/concat'
import { equalOctets } from '#bytes/equal'
import type { Crypto } from '#crypto/port'
import { encryption } from '#crypto/registry'
import { HeaderFlag } from '#iana/isakmp'
import { decodeHeader, encodeHeader, HEADER_OCTETS, type IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { decodePayloads, encodePayloads, type PlacedPayload } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import type { Phase1Keys } from './keys.ts'
import type { Cookies } from './step.ts'

export type OutgoingHeader = Pick<
  IkeHeader,
  'initiatorSpi' | 'responderSpi' | 'exchangeType' | 'messageId'
>

export function outgoingHeader(
  cookies: Cookies,
  exchangeType: number,
  messageId: number,
): OutgoingHeader {
  const { initiator: initiatorSpi, responder: responderSpi } = cookies
  return { initiatorSpi, responderSpi, exchangeType, messageId }
}

export const FLAG_ENCRYPTION: number = HeaderFlag.number('ENCRYPTION')
const FLAG_COMMIT = HeaderFlag.number('COMMIT')

/** RFC 2408 §3.1. The bit is not authenticated: it may cost a short wait, nothing else. */
export function asksToCommit({ flags }: IkeHeader): boolean {
  return (flags & FLAG_COMMIT) !== 0
}

export function isEncrypted(message: Uint8Array): boolean {
  return (decodeHeader(message).flags & FLAG_ENCRYPTION) !== 0
}

/**
 * Whether this is the same message once more. No hash covers the flags of the header: a copy of which they were changed on the way must not
 * make the next one look new, and so leave it without the answer it asks for.
 */
export function isRepeatOf(first: Uint8Array, again: Uint8Array): boolean {
  return equalOctets(bodyOf(first), bodyOf(again))
}

function bodyOf(message: Uint8Array): Uint8Array {
  return message.subarray(HEADER_OCTETS, decodeHeader(message).length)
}

/** A message in clear: the first four of Main mode, and what is said before keys exist. */
export function encodePlain(header: OutgoingHeader, payloads: readonly Payload[]): Uint8Array {
  const { firstPayload, octets } = encodePayloads(payloads)
  return concat(headerOf(header, firstPayload, 0, octets.length), octets)
}

/** A message encrypted under SKEYID_e and the IV its exchange has reached; `nextIv` is where the chain goes on. */
export function seal(
  crypto: Crypto,
  keys: Phase1Keys,
  iv: Uint8Array,
  header: OutgoingHeader,
  payloads: readonly Payload[],
  sealedOctets = 0,
): { readonly octets: Uint8Array; readonly nextIv: Uint8Array } {
  const { blockOctets } = encryption(keys.suite.encryption)
  const { firstPayload, octets } = encodePayloads(payloads)
  // RFC 2409 appendix B: padded with zeros to the block; a whole number of blocks needs none.
  const least = Math.ceil(octets.length / blockOctets) * blockOctets
  const plain = new Uint8Array(Math.max(least, sealedOctets))
  plain.set(octets)
  const sealed = crypto.encryptCbc(keys.suite.encryption, keys.cipherKey.reveal(), iv, plain)
  return {
    octets: concat(headerOf(header, firstPayload, FLAG_ENCRYPTION, sealed.length), sealed),
    nextIv: sealed.slice(-blockOctets),
  }
}

/** An encrypted message opened. `plain` is what payload positions count in; CBC padding follows `end`. */
export type Opened = {
  readonly payloads: readonly PlacedPayload[]
  readonly plain: Uint8Array
  readonly end: number
  readonly nextIv: Uint8Array
}

/** @throws MalformedMessage when the content is no payload chain, which is how another key shows. */
export function open(
  crypto: Crypto,
  keys: Pick<Phase1Keys, 'suite' | 'cipherKey'>,
  iv: Uint8Array,
  header: IkeHeader,
  datagram: Uint8Array,
): Opened {
  const { blockOctets } = encryption(keys.suite.encryption)
  const sealed = datagram.subarray(HEADER_OCTETS, header.length)
  if (sealed.length === 0 || sealed.length % blockOctets !== 0) {
    throw new MalformedMessage(
      'length',
      'encrypted part',
      HEADER_OCTETS,
      `${sealed.length} octets are not a positive multiple of the cipher block of ${blockOctets}`,
    )
  }
  const plain = crypto.decryptCbc(keys.suite.encryption, keys.cipherKey.reveal(), iv, sealed)
  return {
    ...decodePayloads(header.nextPayload, plain, 0),
    plain,
    nextIv: sealed.slice(-blockOctets),
  }
}

function headerOf(
  header: OutgoingHeader,
  nextPayload: number,
  flags: number,
  bodyOctets: number,
): Uint8Array {
  return encodeHeader({
    ...header,
    nextPayload,
    majorVersion: 1,
    minorVersion: 0,
    flags,
    length: HEADER_OCTETS + bodyOctets,
  })
}
