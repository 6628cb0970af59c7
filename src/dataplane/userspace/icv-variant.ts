import { createHmac, timingSafeEqual } from 'node:crypto'
import { integrity } from '#crypto/registry'
import type { InboundSa } from '#esp/sa'
import type { IcvVariant } from '../port.ts'

/**
 * What the ICV of a packet would be right for, if its sender deviates from RFC 4868 or RFC 4303 §2.2.1 in a way that is known. The packet
 * stays refused whatever comes out.
 */
export function icvVariant(
  { suite, integrityKey }: Pick<InboundSa, 'suite' | 'integrityKey'>,
  packet: Uint8Array,
): IcvVariant {
  if (suite.integrity === 'none') return 'none'
  const { hash, icvOctets } = integrity(suite.integrity)
  const key = integrityKey.reveal()
  const fits = (octets: number, esn: boolean): boolean => {
    const end = packet.length - octets
    if (end < 0) return false
    const mac = createHmac(hash, key).update(packet.subarray(0, end))
    if (esn) mac.update(new Uint8Array(4))
    return timingSafeEqual(mac.digest().subarray(0, octets), packet.subarray(end))
  }
  if (icvOctets > DRAFT_ICV_OCTETS && fits(DRAFT_ICV_OCTETS, suite.esn)) return 'truncated-96'
  if (fits(icvOctets, !suite.esn)) return suite.esn ? 'without-esn' : 'with-esn'
  return 'none'
}

/** Of draft-ietf-ipsec-ciph-sha-256, before RFC 4868. */
const DRAFT_ICV_OCTETS = 12
