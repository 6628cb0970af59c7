/**
 * Transport mode through a NAT (RFC 3947 §5.2): what each side calls its own address is not what the other sees. NAT-OA payloads tell
 * the original ones; the Child SA itself is between the addresses that each side sees.
 */
import { type Endpoint, type IpAddress, ipFamily, ipOctets } from '#bytes/ip'
import { IdType } from '#iana/ipsec-doi'
import { selectorFromPrefix, type TrafficSelector } from '#policy/traffic-selector'
import type { NatOriginalAddressPayload } from '#wire/v1/payloads'
import type { ChildWish } from './quick-proposals.ts'

export type GatewayEnds = { readonly local: Endpoint; readonly remote: Endpoint }

/**
 * Both addresses as we know them, the initiator's first; ours alone in the drafts, which have no place for the other. None in tunnel
 * mode and without a NAT.
 */
export function originalAddresses(
  { mode, udp }: Pick<ChildWish, 'mode' | 'udp'>,
  role: 'initiator' | 'responder',
  { local, remote }: GatewayEnds,
): readonly NatOriginalAddressPayload[] {
  if (mode !== 'transport' || udp === false) return []
  if (udp === 'draft') return [payload(local.address, true)]
  const both = role === 'initiator' ? [local, remote] : [remote, local]
  return both.map(({ address }) => payload(address, false))
}

/**
 * What an identity of Quick mode means here. In transport mode inside UDP a host names itself as it knows itself: it is the gateway
 * at `address`, and only protocol and port count. Without an identity the Child SA is between the gateways (RFC 2409 §5.5).
 */
export function meantBy(
  identity: TrafficSelector | undefined,
  address: IpAddress,
  { mode, udp }: Pick<ChildWish, 'mode' | 'udp'>,
): TrafficSelector {
  if (identity === undefined) return selectorFromPrefix(address)
  const isHost = identity.start === identity.end
  if (mode !== 'transport' || udp === false || !isHost) return identity
  return { ...identity, family: ipFamily(address), start: address, end: address }
}

function payload(address: IpAddress, draft: boolean): NatOriginalAddressPayload {
  const idType = ipFamily(address) === 4 ? 'ID_IPV4_ADDR' : 'ID_IPV6_ADDR'
  return { type: 'NAT-OA', draft, idType: IdType.number(idType), data: ipOctets(address) }
}
