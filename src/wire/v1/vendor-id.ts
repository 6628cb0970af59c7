import { fromHex, toHex } from '#bytes/hex'
import { type FeatureName, features, products, type VendorId } from '#iana/vendor-ids'

/** @returns undefined for a vendor ID nobody told us about. */
export function vendorIdOf(data: Uint8Array): VendorId | undefined {
  const hex = toHex(data.subarray(0, MAX_OCTETS))
  return ALL.find((vendorId) =>
    vendorId.match === 'prefix' ? hex.startsWith(vendorId.hex) : hex === vendorId.hex,
  )
}

/** Whether a vendor ID payload announces this feature. */
export function announces(data: Uint8Array, feature: FeatureName): boolean {
  return vendorIdOf(data) === features[feature]
}

/** What to send to announce a feature. */
export function vendorIdOctets(feature: FeatureName): Uint8Array {
  const { hex, suffix = '' } = features[feature]
  return fromHex(hex + suffix)
}

const ALL = [...Object.values<VendorId>(features), ...products]

/** Longer than any known one. */
const MAX_OCTETS = 64
