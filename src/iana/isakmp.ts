import { type Registry, registry } from './registry.ts'

/*
 * Numbers of ISAKMP messages. Sources: RFC 2408, and the IANA registries "Internet Security Association and Key Management
 * Protocol (ISAKMP) Identifiers" (isakmp-registry) and "IPSEC Notify Message Types"; private numbers name their own source.
 */

const payloadTypes = {
  NONE: 0,
  SA: 1,
  P: 2,
  T: 3,
  KE: 4,
  ID: 5,
  CERT: 6,
  CR: 7,
  HASH: 8,
  SIG: 9,
  NONCE: 10,
  N: 11,
  D: 12,
  VID: 13,
  /** Mode Config attributes (draft-ietf-ipsec-isakmp-mode-cfg). */
  ATTR: 14,
  /** GDOI, RFC 6407. */
  SAK: 15,
  SAT: 16,
  KD: 17,
  SEQ: 18,
  POP: 19,
  /** RFC 3947. */
  'NAT-D': 20,
  'NAT-OA': 21,
  GAP: 22,
  /** Private numbers of draft-ietf-ipsec-nat-t-ike-00 to -03. */
  'NAT-D-DRAFT': 130,
  'NAT-OA-DRAFT': 131,
  /** Private number of Cisco's and Microsoft's IKEv1 fragmentation. */
  FRAGMENT: 132,
} as const

/** RFC 2408 §3.1 "Next Payload Type". */
export const PayloadType: Registry<typeof payloadTypes> = registry('PayloadType', payloadTypes)

const exchangeTypes = {
  NONE: 0,
  BASE: 1,
  'IDENTITY-PROTECTION': 2,
  'AUTHENTICATION-ONLY': 3,
  AGGRESSIVE: 4,
  INFORMATIONAL: 5,
  /** Mode Config and XAUTH (draft-ietf-ipsec-isakmp-mode-cfg). */
  TRANSACTION: 6,
  /** RFC 2409 appendix A. */
  'QUICK-MODE': 32,
  'NEW-GROUP-MODE': 33,
} as const

/** RFC 2408 §3.1 "Exchange Type"; Main mode is IDENTITY-PROTECTION (RFC 2409 §5). */
export const ExchangeType: Registry<typeof exchangeTypes> = registry('ExchangeType', exchangeTypes)

const headerFlags = { ENCRYPTION: 1, COMMIT: 2, 'AUTHENTICATION-ONLY': 4 } as const

/** Bits of the header's flags, RFC 2408 §3.1. */
export const HeaderFlag: Registry<typeof headerFlags> = registry('HeaderFlag', headerFlags)

const dois = { ISAKMP: 0, IPSEC: 1, GDOI: 2 } as const

/** RFC 2408 §3.4, RFC 2407 §2, RFC 6407. */
export const Doi: Registry<typeof dois> = registry('Doi', dois)

const situations = {
  SIT_IDENTITY_ONLY: 1,
  SIT_SECRECY: 2,
  SIT_INTEGRITY: 4,
} as const

/** Bits, RFC 2407 §4.2. */
export const Situation: Registry<typeof situations> = registry('Situation', situations)

const protocolIds = {
  ISAKMP: 1,
  AH: 2,
  ESP: 3,
  IPCOMP: 4,
} as const

/** RFC 2407 §4.4.1. */
export const ProtocolId: Registry<typeof protocolIds> = registry('ProtocolId', protocolIds)

const certEncodings = {
  NONE: 0,
  PKCS7: 1,
  PGP: 2,
  'DNS-SIGNED-KEY': 3,
  'X509-SIGNATURE': 4,
  'X509-KEY-EXCHANGE': 5,
  'KERBEROS-TOKENS': 6,
  CRL: 7,
  ARL: 8,
  SPKI: 9,
  'X509-ATTRIBUTE': 10,
} as const

/** RFC 2408 §3.9. */
export const CertEncoding: Registry<typeof certEncodings> = registry('CertEncoding', certEncodings)

const notifyTypes = {
  'INVALID-PAYLOAD-TYPE': 1,
  'DOI-NOT-SUPPORTED': 2,
  'SITUATION-NOT-SUPPORTED': 3,
  'INVALID-COOKIE': 4,
  'INVALID-MAJOR-VERSION': 5,
  'INVALID-MINOR-VERSION': 6,
  'INVALID-EXCHANGE-TYPE': 7,
  'INVALID-FLAGS': 8,
  'INVALID-MESSAGE-ID': 9,
  'INVALID-PROTOCOL-ID': 10,
  'INVALID-SPI': 11,
  'INVALID-TRANSFORM-ID': 12,
  'ATTRIBUTES-NOT-SUPPORTED': 13,
  'NO-PROPOSAL-CHOSEN': 14,
  'BAD-PROPOSAL-SYNTAX': 15,
  'PAYLOAD-MALFORMED': 16,
  'INVALID-KEY-INFORMATION': 17,
  'INVALID-ID-INFORMATION': 18,
  'INVALID-CERT-ENCODING': 19,
  'INVALID-CERTIFICATE': 20,
  'CERT-TYPE-UNSUPPORTED': 21,
  'INVALID-CERT-AUTHORITY': 22,
  'INVALID-HASH-INFORMATION': 23,
  'AUTHENTICATION-FAILED': 24,
  'INVALID-SIGNATURE': 25,
  'ADDRESS-NOTIFICATION': 26,
  'NOTIFY-SA-LIFETIME': 27,
  'CERTIFICATE-UNAVAILABLE': 28,
  'UNSUPPORTED-EXCHANGE-TYPE': 29,
  'UNEQUAL-PAYLOAD-LENGTHS': 30,
  CONNECTED: 16384,
  /** RFC 2407 §4.6.3. */
  'RESPONDER-LIFETIME': 24576,
  'REPLAY-STATUS': 24577,
  'INITIAL-CONTACT': 24578,
  /** RFC 3706 §5.3. */
  'R-U-THERE': 36136,
  'R-U-THERE-ACK': 36137,
} as const

/** RFC 2408 §3.14.1. */
export const NotifyType: Registry<typeof notifyTypes> = registry('NotifyType', notifyTypes)

/** Errors are below the first status number, RFC 2408 §3.14.1. */
export function isErrorNotify(notifyType: number): boolean {
  return notifyType < notifyTypes.CONNECTED
}
