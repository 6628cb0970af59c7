import {
  encodeSaInit,
  readSaInit,
  SA_INIT_SPI_OCTETS,
  type SaInitProposal,
} from './sa-init-message.ts'

/**
 * Whether a peer would answer IKEv2, asked with the first message of IKE_SA_INIT (RFC 7296 §1.2) and no intention to go on. Nothing of
 * the answer is authenticated: it is a hint to the operator and never more.
 */
export type ProbeAnswer =
  /** It took our offer, or asked for another group or a cookie first: there is a configuration for us. */
  | 'yes'
  /** It speaks IKEv2 and has nothing for us, or not with these algorithms: NO_PROPOSAL_CHOSEN says either. */
  | 'not-for-us'
  /** It said that it does not speak IKEv2. */
  | 'no'

export const PROBE_SPI_OCTETS: number = SA_INIT_SPI_OCTETS
/** Of a group 14 value (256 octets) and a nonce. */
export const PROBE_RANDOM_OCTETS: number = 256 + 32

/** @param random `PROBE_RANDOM_OCTETS` long; the public value is random too, since no secret will ever come of it. */
export function encodeProbe(spi: Uint8Array, random: Uint8Array): Uint8Array {
  const publicValue = random.slice(0, 256)
  // Below the prime, whose first octets are all ones (RFC 3526 §3), and not among the smallest values.
  publicValue[0] = ((publicValue[0] ?? 0) & 0x7f) | 0x40
  return encodeSaInit({
    spi,
    proposals: WIDE_OFFER,
    keyExchange: { group: MODP_2048, publicValue },
    nonce: random.subarray(256),
  })
}

/** @returns undefined when the datagram is no answer to the probe with this SPI */
export function readProbeAnswer(octets: Uint8Array, spi: Uint8Array): ProbeAnswer | undefined {
  const answer = readSaInit(octets, spi)
  switch (answer?.kind) {
    case undefined:
      return undefined
    case 'taken':
    case 'other-group':
    case 'cookie':
      return 'yes'
    case 'refused':
      return 'not-for-us'
    case 'other-version':
      return 'no'
  }
}

const MODP_2048 = 14
const AES_CBC = 12
const AES_GCM_16 = 20
const KEY_BITS = [256, 128]
/** HMAC with SHA-256, SHA-384, SHA-512, SHA-1. */
const PRFS = [5, 6, 7, 2]
/** The group of the KE payload first; nothing comes of the weak ones but the knowledge that the peer has no better. */
const GROUPS = [MODP_2048, 19, 20, 21, 31, 15, 16, 5, 2]

/** All that a peer may have configured and that one would want. */
export const WIDE_OFFER: readonly SaInitProposal[] = [
  {
    encryptions: KEY_BITS.map((keyBits) => ({ id: AES_GCM_16, keyBits })),
    prfs: PRFS,
    integrities: [],
    groups: GROUPS,
  },
  {
    encryptions: KEY_BITS.map((keyBits) => ({ id: AES_CBC, keyBits })),
    prfs: PRFS,
    integrities: [12, 13, 14, 2],
    groups: GROUPS,
  },
]
