import type { FeatureName } from '#iana/vendor-ids'
import { every } from '#ike/message-rules'
import type { Payload, VendorIdPayload } from '#wire/v1/payloads'
import { announces, vendorIdOctets, vendorIdOf } from '#wire/v1/vendor-id'
import type { PeerAbilities } from './state.ts'

/** What we say in messages 1 and 2 that we can do. */
export function ownVendorIds(): readonly VendorIdPayload[] {
  return OWN.map((feature) => ({ type: 'VID', data: vendorIdOctets(feature) }))
}

/**
 * What a message of phase 1 adds to what we know of the peer. NAT traversal is announced in the first message or not at all
 * (RFC 3947 §3.1); other vendor IDs may come in any (RFC 2408 §3.16), and Cisco's routers send that of DPD in the third or fifth.
 */
export function learnAbilities(
  known: PeerAbilities,
  message: number,
  payloads: readonly Payload[],
): PeerAbilities {
  const ids = every(payloads, 'VID').map(({ data }) => data)
  const vendor = known.vendor ?? ids.map(vendorIdOf).find((one) => one?.says === 'product')?.label
  const first = message <= 2
  return {
    natTraversal: known.natTraversal || (first && ids.some((data) => announces(data, 'rfc3947'))),
    dpd: known.dpd || ids.some((data) => announces(data, 'dpd')),
    ...(vendor === undefined ? {} : { vendor }),
  }
}

const OWN: readonly FeatureName[] = ['rfc3947', 'dpd']
