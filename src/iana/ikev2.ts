import { type Registry, registry } from './registry.ts'

/*
 * Numbers of IKEv2 that stand in clear: enough to name what a capture shows. Source: the IANA registry "Internet Key Exchange
 * Version 2 (IKEv2) Parameters".
 */

const exchangeTypes = {
  IKE_SA_INIT: 34,
  IKE_AUTH: 35,
  CREATE_CHILD_SA: 36,
  INFORMATIONAL: 37,
  /** RFC 5723. */
  IKE_SESSION_RESUME: 38,
  /** RFC 9242. */
  IKE_INTERMEDIATE: 43,
  /** RFC 9370. */
  IKE_FOLLOWUP_KE: 44,
} as const

export const Ikev2Exchange: Registry<typeof exchangeTypes> = registry('Exchange', exchangeTypes)

const payloadTypes = {
  NONE: 0,
  SA: 33,
  KE: 34,
  IDi: 35,
  IDr: 36,
  CERT: 37,
  CERTREQ: 38,
  AUTH: 39,
  NONCE: 40,
  N: 41,
  D: 42,
  V: 43,
  TSi: 44,
  TSr: 45,
  SK: 46,
  CP: 47,
  EAP: 48,
  /** RFC 7383. */
  SKF: 53,
} as const

export const Ikev2Payload: Registry<typeof payloadTypes> = registry('Payload', payloadTypes)

const notifyTypes = {
  UNSUPPORTED_CRITICAL_PAYLOAD: 1,
  INVALID_IKE_SPI: 4,
  INVALID_MAJOR_VERSION: 5,
  INVALID_SYNTAX: 7,
  INVALID_MESSAGE_ID: 9,
  INVALID_SPI: 11,
  NO_PROPOSAL_CHOSEN: 14,
  INVALID_KE_PAYLOAD: 17,
  AUTHENTICATION_FAILED: 24,
  COOKIE: 16390,
  NAT_DETECTION_SOURCE_IP: 16388,
  NAT_DETECTION_DESTINATION_IP: 16389,
  REDIRECT_SUPPORTED: 16406,
  REDIRECT: 16407,
  CHILDLESS_IKEV2_SUPPORTED: 16418,
  IKEV2_FRAGMENTATION_SUPPORTED: 16430,
  SIGNATURE_HASH_ALGORITHMS: 16431,
  USE_PPK: 16435,
  INTERMEDIATE_EXCHANGE_SUPPORTED: 16438,
} as const

export const Ikev2Notify: Registry<typeof notifyTypes> = registry('Notify', notifyTypes)
