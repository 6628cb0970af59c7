import { concat } from '#bytes/concat'
import { equalOctets } from '#bytes/equal'
import { type Endpoint, ipOctets } from '#bytes/ip'
import { nodeCrypto } from '#crypto/node'
import { HASHES } from '#crypto/registry'
import type { Payload } from '#wire/v1/payloads'
import type { CapturedMessage, Conversation } from './conversation.ts'

/** Who sits behind a NAT, as far as it shows at the place of the capture. */
export type NatFinding = { readonly initiator: boolean; readonly responder: boolean }

/**
 * What the NAT-D payloads of both sides say (RFC 3947 §3.2): the hash of the address a message goes to, then those it may come from.
 * @returns undefined where not both sides sent some.
 */
export function natFinding({ messages }: Conversation): NatFinding | undefined {
  const [fromInitiator, fromResponder] = [true, false].map((side) =>
    messages.find((message) => message.fromInitiator === side && hashesOf(message).length >= 2),
  )
  if (fromInitiator === undefined || fromResponder === undefined) return undefined
  const own = (message: CapturedMessage) =>
    hashesOf(message)
      .slice(1)
      .some((hash) => isHashOf(hash, message.source, message))
  const other = (message: CapturedMessage) =>
    isHashOf(hashesOf(message)[0], message.destination, message)
  return {
    initiator: !own(fromInitiator) || !other(fromResponder),
    responder: !own(fromResponder) || !other(fromInitiator),
  }
}

function hashesOf({ content }: CapturedMessage): readonly Uint8Array[] {
  if (content.version !== 1) return []
  return (content.payloads ?? []).flatMap((payload: Payload) =>
    payload.type === 'NAT-D' ? [payload.data] : [],
  )
}

/** HASH(CKY-I | CKY-R | IP | Port), by whichever hash has its length. */
function isHashOf(
  hash: Uint8Array | undefined,
  { address, port }: Endpoint,
  { header: { initiatorSpi, responderSpi } }: CapturedMessage,
): boolean {
  if (hash === undefined) return false
  const name = HASHES.find(({ octets }) => octets === hash.length)?.name
  if (name === undefined) return false
  const place = concat(ipOctets(address), Uint8Array.of(port >> 8, port & 0xff))
  return equalOctets(hash, nodeCrypto.hash(name, initiatorSpi, responderSpi, place))
}
