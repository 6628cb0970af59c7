import { type Registry, registry } from './registry.ts'

/*
 * Numbers of phase 2. Sources: RFC 2407, and the IANA registry "Internet Security Association and Key Management Protocol
 * (ISAKMP) Identifiers" (isakmp-registry); additions name their RFC.
 */

const isakmpTransforms = { KEY_IKE: 1 } as const

/** RFC 2407 §4.4.2. */
export const IsakmpTransform: Registry<typeof isakmpTransforms> = registry(
  'IsakmpTransform',
  isakmpTransforms,
)

const ahTransforms = {
  AH_MD5: 2,
  AH_SHA: 3,
  AH_DES: 4,
  'AH_SHA2-256': 5,
  'AH_SHA2-384': 6,
  'AH_SHA2-512': 7,
  AH_RIPEMD: 8,
  'AH_AES-XCBC-MAC': 9,
  AH_RSA: 10,
  /** RFC 4543. */
  'AH_AES-128-GMAC': 11,
  'AH_AES-192-GMAC': 12,
  'AH_AES-256-GMAC': 13,
} as const

/** RFC 2407 §4.4.3. */
export const AhTransform: Registry<typeof ahTransforms> = registry('AhTransform', ahTransforms)

const espTransforms = {
  ESP_DES_IV64: 1,
  ESP_DES: 2,
  ESP_3DES: 3,
  ESP_RC5: 4,
  ESP_IDEA: 5,
  ESP_CAST: 6,
  ESP_BLOWFISH: 7,
  ESP_3IDEA: 8,
  ESP_DES_IV32: 9,
  ESP_RC4: 10,
  ESP_NULL: 11,
  /** RFC 3602. */
  'ESP_AES-CBC': 12,
  /** RFC 3686. */
  'ESP_AES-CTR': 13,
  /** RFC 4309. */
  'ESP_AES-CCM_8': 14,
  'ESP_AES-CCM_12': 15,
  'ESP_AES-CCM_16': 16,
  /** RFC 4106. */
  'ESP_AES-GCM_8': 18,
  'ESP_AES-GCM_12': 19,
  'ESP_AES-GCM_16': 20,
  ESP_SEED_CBC: 21,
  ESP_CAMELLIA: 22,
  /** RFC 4543. */
  ESP_NULL_AUTH_AES_GMAC: 23,
} as const

/** RFC 2407 §4.4.4. */
export const EspTransform: Registry<typeof espTransforms> = registry('EspTransform', espTransforms)

const ipcompTransforms = {
  IPCOMP_OUI: 1,
  IPCOMP_DEFLATE: 2,
  IPCOMP_LZS: 3,
  IPCOMP_LZJH: 4,
} as const

/** RFC 2407 §4.4.5. */
export const IpcompTransform: Registry<typeof ipcompTransforms> = registry(
  'IpcompTransform',
  ipcompTransforms,
)

const saAttributes = {
  'SA Life Type': 1,
  'SA Life Duration': 2,
  'Group Description': 3,
  'Encapsulation Mode': 4,
  'Authentication Algorithm': 5,
  'Key Length': 6,
  'Key Rounds': 7,
  'Compress Dictionary Size': 8,
  'Compress Private Algorithm': 9,
  'ECN Tunnel': 10,
  /** RFC 4304 §2; its one value is 1. */
  'Extended Sequence Number': 11,
  /** RFC 4359. */
  'Authentication Key Length': 12,
  'Signature Encoding Algorithm': 13,
  /** RFC 6407. */
  'Address Preservation': 14,
  'SA Direction': 15,
} as const

/** Attribute classes of AH, ESP and IPCOMP transforms, RFC 2407 §4.5. */
export const SaAttribute: Registry<typeof saAttributes> = registry('SaAttribute', saAttributes)

/** RFC 4304 §2: any other value is an error. */
export const ESN_64_BIT = 1

const encapsulationModes = {
  Tunnel: 1,
  Transport: 2,
  /** RFC 3947 §5.1. */
  'UDP-Encapsulated-Tunnel': 3,
  'UDP-Encapsulated-Transport': 4,
  /** Private numbers of draft-ietf-ipsec-nat-t-ike-00 to -03. */
  'UDP-Encapsulated-Tunnel-Draft': 61443,
  'UDP-Encapsulated-Transport-Draft': 61444,
} as const

export const EncapsulationModeNumber: Registry<typeof encapsulationModes> = registry(
  'EncapsulationMode',
  encapsulationModes,
)

const authenticationAlgorithms = {
  'HMAC-MD5': 1,
  'HMAC-SHA': 2,
  'DES-MAC': 3,
  KPDK: 4,
  'HMAC-SHA2-256': 5,
  'HMAC-SHA2-384': 6,
  'HMAC-SHA2-512': 7,
  'HMAC-RIPEMD': 8,
  'AES-XCBC-MAC': 9,
  'SIG-RSA': 10,
  'AES-128-GMAC': 11,
  'AES-192-GMAC': 12,
  'AES-256-GMAC': 13,
} as const

/** RFC 2407 §4.5; SHA-2: RFC 4868. */
export const AuthenticationAlgorithm: Registry<typeof authenticationAlgorithms> = registry(
  'AuthenticationAlgorithm',
  authenticationAlgorithms,
)

const idTypes = {
  ID_IPV4_ADDR: 1,
  ID_FQDN: 2,
  ID_USER_FQDN: 3,
  ID_IPV4_ADDR_SUBNET: 4,
  ID_IPV6_ADDR: 5,
  ID_IPV6_ADDR_SUBNET: 6,
  ID_IPV4_ADDR_RANGE: 7,
  ID_IPV6_ADDR_RANGE: 8,
  ID_DER_ASN1_DN: 9,
  ID_DER_ASN1_GN: 10,
  ID_KEY_ID: 11,
  /** RFC 3554. */
  ID_LIST: 12,
} as const

/** RFC 2407 §4.6.2.1. */
export const IdType: Registry<typeof idTypes> = registry('IdType', idTypes)
