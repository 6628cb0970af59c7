import { type Registry, registry } from './registry.ts'

/*
 * Attributes of phase 1 transforms. Sources: RFC 2409 appendix A, and the IANA registry "Internet Key Exchange (IKE)
 * Attributes" (ipsec-registry); private numbers name their own source.
 */

const phase1Attributes = {
  'Encryption Algorithm': 1,
  'Hash Algorithm': 2,
  'Authentication Method': 3,
  'Group Description': 4,
  'Group Type': 5,
  'Group Prime/Irreducible Polynomial': 6,
  'Group Generator One': 7,
  'Group Generator Two': 8,
  'Group Curve A': 9,
  'Group Curve B': 10,
  'Life Type': 11,
  'Life Duration': 12,
  PRF: 13,
  'Key Length': 14,
  'Field Size': 15,
  'Group Order': 16,
  /** Private: draft-ietf-ipsec-isakmp-gss-auth, sent by Windows. */
  'GSS Identity Name': 16384,
} as const

/** Attribute classes of an ISAKMP transform. */
export const Phase1Attribute: Registry<typeof phase1Attributes> = registry(
  'Phase1Attribute',
  phase1Attributes,
)

const encryptionAlgorithms = {
  'DES-CBC': 1,
  'IDEA-CBC': 2,
  'Blowfish-CBC': 3,
  'RC5-R16-B64-CBC': 4,
  '3DES-CBC': 5,
  'CAST-CBC': 6,
  /** RFC 3602. */
  'AES-CBC': 7,
  /** RFC 4312. */
  'CAMELLIA-CBC': 8,
} as const

export const EncryptionAlgorithm: Registry<typeof encryptionAlgorithms> = registry(
  'EncryptionAlgorithm',
  encryptionAlgorithms,
)

const hashAlgorithms = {
  MD5: 1,
  SHA: 2,
  Tiger: 3,
  'SHA2-256': 4,
  'SHA2-384': 5,
  'SHA2-512': 6,
} as const

export const HashAlgorithm: Registry<typeof hashAlgorithms> = registry(
  'HashAlgorithm',
  hashAlgorithms,
)

const authenticationMethods = {
  'pre-shared key': 1,
  'DSS signatures': 2,
  'RSA signatures': 3,
  'RSA encryption': 4,
  'RSA revised encryption': 5,
  /** RFC 4754. */
  'ECDSA with SHA-256 on P-256': 9,
  'ECDSA with SHA-384 on P-384': 10,
  'ECDSA with SHA-512 on P-521': 11,
  /** Private: draft-ietf-ipsec-isakmp-hybrid-auth. */
  HybridInitRSA: 64221,
  HybridRespRSA: 64222,
  HybridInitDSS: 64223,
  HybridRespDSS: 64224,
  /** Private: draft-beaulieu-ike-xauth. */
  XAUTHInitPreShared: 65001,
  XAUTHRespPreShared: 65002,
  XAUTHInitDSS: 65003,
  XAUTHRespDSS: 65004,
  XAUTHInitRSA: 65005,
  XAUTHRespRSA: 65006,
  XAUTHInitRSAEncryption: 65007,
  XAUTHRespRSAEncryption: 65008,
  XAUTHInitRSARevisedEncryption: 65009,
  XAUTHRespRSARevisedEncryption: 65010,
} as const

export const AuthenticationMethod: Registry<typeof authenticationMethods> = registry(
  'AuthenticationMethod',
  authenticationMethods,
)

const groupDescriptions = {
  modp768: 1,
  modp1024: 2,
  ec2n155: 3,
  ec2n185: 4,
  modp1536: 5,
  /** RFC 3526. */
  modp2048: 14,
  modp3072: 15,
  modp4096: 16,
  modp6144: 17,
  modp8192: 18,
  /** RFC 5903. */
  ecp256: 19,
  ecp384: 20,
  ecp521: 21,
  /** RFC 5114. */
  modp1024s160: 22,
  modp2048s224: 23,
  modp2048s256: 24,
  ecp192: 25,
  ecp224: 26,
  /** RFC 6932. */
  brainpoolP224r1: 27,
  brainpoolP256r1: 28,
  brainpoolP384r1: 29,
  brainpoolP512r1: 30,
  /** RFC 8031 assigns these for IKEv2 only; strongSwan and libreswan use the same numbers in IKEv1. */
  curve25519: 31,
  curve448: 32,
} as const

/** Also the Group Description of Quick mode (RFC 2407 §4.5). */
export const GroupDescription: Registry<typeof groupDescriptions> = registry(
  'GroupDescription',
  groupDescriptions,
)

const groupTypes = { MODP: 1, ECP: 2, EC2N: 3 } as const

export const GroupType: Registry<typeof groupTypes> = registry('GroupType', groupTypes)

const lifeTypes = { seconds: 1, kilobytes: 2 } as const

/** The same numbers in phase 1 and in phase 2 (RFC 2407 §4.5). */
export const LifeType: Registry<typeof lifeTypes> = registry('LifeType', lifeTypes)
