import type { IpFamily } from '#bytes/ip'
import type { EncapsulationMode } from '#policy/proposal'
import { ESP_HEADER_OCTETS, ESP_TRAILER_OCTETS } from '#wire/esp'
import { IPV4_HEADER_OCTETS } from '#wire/ipv4'
import { IPV6_HEADER_OCTETS } from '#wire/ipv6'
import { UDP_HEADER_OCTETS } from '#wire/udp'
import type { EspEncapsulation } from './sa.ts'

/** Every IPv6 link must carry packets of this size (RFC 8200 §5); no forged "too big" may push us below it. */
export const IPV6_MIN_MTU = 1280
/** The smallest IPv4 path MTU believed (RFC 791: every host takes 576 octets). */
export const IPV4_MIN_MTU = 576

/** The sizes of a transform that decide how much one packet can carry. */
export type EspSizes = {
  readonly ivOctets: number
  readonly icvOctets: number
  readonly alignment: number
}

/** The largest of every suite in the registry: AES-CBC with HMAC-SHA-512-256. Serves while no SA tells better. */
export const LARGEST_ESP_SIZES: EspSizes = { ivOctets: 16, icvOctets: 32, alignment: 16 }

/** The largest inner packet whose ESP packet still fits in `outerMtu`. */
export function innerMtu(
  outerMtu: number,
  outerFamily: IpFamily,
  encapsulation: EspEncapsulation,
  mode: EncapsulationMode,
  sizes: EspSizes,
): number {
  const ipHeader = outerFamily === 4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS
  const udpHeader = encapsulation === 'udp' ? UDP_HEADER_OCTETS : 0
  const room =
    outerMtu - ipHeader - udpHeader - ESP_HEADER_OCTETS - sizes.ivOctets - sizes.icvOctets
  const payload = room - (room % sizes.alignment) - ESP_TRAILER_OCTETS
  // In transport mode the IP header is not repeated inside.
  return mode === 'transport' ? payload + ipHeader : payload
}

/** The other way round: what an inner packet of `inner` octets makes outside. */
export function outerOctets(
  inner: number,
  outerFamily: IpFamily,
  encapsulation: EspEncapsulation,
  mode: EncapsulationMode,
  { ivOctets, icvOctets, alignment }: EspSizes,
): number {
  const ipHeader = outerFamily === 4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS
  const udpHeader = encapsulation === 'udp' ? UDP_HEADER_OCTETS : 0
  const payload = (mode === 'transport' ? inner - ipHeader : inner) + ESP_TRAILER_OCTETS
  const padded = Math.ceil(payload / alignment) * alignment
  return ipHeader + udpHeader + ESP_HEADER_OCTETS + ivOctets + padded + icvOctets
}

/** The largest TCP segment in an inner packet of `mtu` octets, without options (RFC 6691). */
export function mssFor(mtu: number, family: IpFamily): number {
  return mtu - (family === 4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS) - 20
}
