import { concat } from '#bytes/concat'
import { equalOctets } from '#bytes/equal'
import { type Endpoint, ipOctets } from '#bytes/ip'

/** Which ends stand behind a NAT, as NAT detection found (RFC 3947 §3.2, RFC 7296 §2.23). */
export type NatVerdict = { readonly local: boolean; readonly remote: boolean }

/** What is hashed for one endpoint: SPIi | SPIr | address | port. */
export function natDetectionInput(
  initiatorSpi: Uint8Array,
  responderSpi: Uint8Array,
  { address, port }: Endpoint,
): Uint8Array {
  return concat(
    initiatorSpi,
    responderSpi,
    ipOctets(address),
    Uint8Array.of(port >> 8, port & 0xff),
  )
}

/**
 * @param aboutUs the peer's hash of where it sends to; @param aboutThem its hashes of where it sends from (one for each of its addresses);
 * @param seenUs, seenThem our hashes of the endpoints the datagram really had.
 */
export function judgeNat(
  aboutUs: Uint8Array,
  aboutThem: readonly Uint8Array[],
  seenUs: Uint8Array,
  seenThem: Uint8Array,
): NatVerdict {
  return {
    local: !equalOctets(aboutUs, seenUs),
    remote: !aboutThem.some((hash) => equalOctets(hash, seenThem)),
  }
}
