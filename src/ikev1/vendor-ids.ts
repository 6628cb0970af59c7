import type { FeatureName } from '#iana/vendor-ids'
import { every } from '#ike/message-rules'
import type { Payload, VendorIdPayload } from '#wire/v1/payloads'
import { announces, vendorIdOctets, vendorIdOf } from '#wire/v1/vendor-id'
import type { PeerAbilities } from './state.ts'

/** What we say in messages 1 and 2 that we can do. */
export function ownVendorIds(): readonly VendorIdPayload[] {
  return OWN.map((feature) => ({ type: 'VID', data: vendorIdOctets(feature) }))
}

/** What the vendor IDs of a peer's first message say of it. */
export function readAbilities(payloads: readonly Payload[]): PeerAbilities {
  const ids = every(payloads, 'VID').map(({ data }) => data)
  const product = ids.map(vendorIdOf).find((one) => one?.says === 'product')?.label
  return {
    natTraversal: ids.some((data) => announces(data, 'rfc3947')),
    dpd: ids.some((data) => announces(data, 'dpd')),
    ...(product === undefined ? {} : { vendor: product }),
  }
}

const OWN: readonly FeatureName[] = ['rfc3947', 'dpd']
