import type { Endpoint } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import type { EncapsulationMode, EspSuite } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'

/** Security Parameter Index of an ESP SA, 256…2³²−1 (RFC 4303 §2.1), as a number. */
export type EspSpi = number & { readonly __brand: 'EspSpi' }

export function espSpi(value: number): EspSpi {
  return (value >>> 0) as EspSpi
}

/** Which configured network pair an SA serves: the tunnel's name and the pair's index in its configuration. */
export type ChildId = { readonly tunnel: string; readonly pair: number }

/** How ESP travels: as IP protocol 50, or inside UDP between two endpoints (RFC 3948). */
export type EspEncapsulation = 'native' | 'udp'

type SaParameters = {
  readonly spi: EspSpi
  readonly child: ChildId
  readonly suite: EspSuite
  readonly mode: EncapsulationMode
  readonly encapsulation: EspEncapsulation
  /** Addresses of the outer packet; ports count only with UDP encapsulation. */
  readonly local: Endpoint
  readonly remote: Endpoint
  /** Cipher key followed by its salt, `keyOctets + saltOctets` octets. */
  readonly encryptionKey: Secret
  /** Empty with an AEAD. */
  readonly integrityKey: Secret
  readonly selectors: SelectorPair
  /** Octets of inner packets after which the SA asks to be replaced (`soft`) and carries nothing more (`hard`). */
  readonly volume?: { readonly soft: number; readonly hard: number }
}

/** What the data plane needs to open packets of one SA. */
export type InboundSa = SaParameters & {
  readonly direction: 'inbound'
  /** Packets, a multiple of 32; 0 turns replay protection off. */
  readonly replayWindow: number
}

/** What the data plane needs to seal packets of one SA. */
export type OutboundSa = SaParameters & { readonly direction: 'outbound' }
