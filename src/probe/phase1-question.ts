import { concat } from '#bytes/concat'
import { equalOctets } from '#bytes/equal'
import { AuthenticationMethod, Phase1Attribute } from '#iana/ikev1'
import { IsakmpTransform } from '#iana/ipsec-doi'
import { ExchangeType, isErrorNotify, ProtocolId } from '#iana/isakmp'
import type { FeatureName } from '#iana/vendor-ids'
import { attribute, findNumber, lifetimeAttributes } from '#ikev1/attributes'
import { phase1Notify } from '#ikev1/notify'
import { encodePlain, outgoingHeader } from '#ikev1/protect'
import { saPayload } from '#ikev1/sa-offer'
import type { Identity } from '#policy/identity'
import { decodeHeader, HEADER_OCTETS, type IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { identityToPayload } from '#wire/v1/id-payload'
import { decodePayloads } from '#wire/v1/message'
import type { Payload, SaPayload, Transform } from '#wire/v1/payloads'
import { vendorIdOctets } from '#wire/v1/vendor-id'
import type { ProbedSuite } from './phase1-suites.ts'

export type MethodName = Parameters<typeof AuthenticationMethod.number>[0]

/** One transform: a combination of algorithms, and how both sides would prove themselves. */
export type Offer = { readonly suite: ProbedSuite; readonly method: MethodName }

export type Phase1Answer =
  | {
      readonly kind: 'taken'
      readonly offer: Offer
      readonly responderCookie: Uint8Array
      readonly vendorIds: readonly Uint8Array[]
      /** An answer of Aggressive mode that holds a HASH of the peer's key. */
      readonly tellsHash: boolean
    }
  /** An error notification in clear: NO-PROPOSAL-CHOSEN mostly. */
  | { readonly kind: 'refused'; readonly notify: number; readonly vendorIds: readonly Uint8Array[] }
  /** It answered in another major version of IKE: it does not speak this one. */
  | { readonly kind: 'other-version' }

/** The first message of Main mode (RFC 2409 §5.4). */
export function encodeMainMode(cookie: Uint8Array, offers: readonly Offer[]): Uint8Array {
  return encode(cookie, 'IDENTITY-PROTECTION', [securityAssociation(offers), ...vendorIds()])
}

/** What Aggressive mode asks for beyond an offer: the offers must be of one group, that of the public value. */
export type AggressiveParts = {
  readonly publicValue: Uint8Array
  readonly nonce: Uint8Array
  readonly identity: Identity
}

/** The first message of Aggressive mode (RFC 2409 §5.4). */
export function encodeAggressive(
  cookie: Uint8Array,
  offers: readonly Offer[],
  { publicValue, nonce, identity }: AggressiveParts,
): Uint8Array {
  return encode(cookie, 'AGGRESSIVE', [
    securityAssociation(offers),
    { type: 'KE', data: publicValue },
    { type: 'NONCE', data: nonce },
    identityToPayload(identity),
    ...vendorIds(),
  ])
}

/** Ends what the peer began for us, so that nothing stays half open there until it expires (RFC 2408 §5.4). */
export function encodeGoodbye(
  cookies: { readonly initiator: Uint8Array; readonly responder: Uint8Array },
  messageId: number,
): Uint8Array {
  const pair = concat(cookies.initiator, cookies.responder)
  const exchangeType = ExchangeType.number('INFORMATIONAL')
  const header = outgoingHeader({ ...cookies, pair }, exchangeType, messageId)
  return encodePlain(header, [phase1Notify('NO-PROPOSAL-CHOSEN', pair)])
}

/** @returns undefined when it is no answer to the question with this cookie and these offers */
export function readPhase1Answer(
  octets: Uint8Array,
  cookie: Uint8Array,
  offers: readonly Offer[],
): Phase1Answer | undefined {
  try {
    const header = decodeHeader(octets)
    if (!equalOctets(header.initiatorSpi, cookie)) return undefined
    if (header.majorVersion !== 1) return { kind: 'other-version' }
    const { payloads } = decodePayloads(
      header.nextPayload,
      octets.subarray(0, header.length),
      HEADER_OCTETS,
    )
    return readPayloads(
      header,
      payloads.map(({ payload }) => payload),
      offers,
    )
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

function readPayloads(
  header: IkeHeader,
  payloads: readonly Payload[],
  offers: readonly Offer[],
): Phase1Answer | undefined {
  const vendorIds = payloads.flatMap((one) => (one.type === 'VID' ? [one.data] : []))
  for (const payload of payloads) {
    if (payload.type === 'N' && isErrorNotify(payload.notifyType)) {
      return { kind: 'refused', notify: payload.notifyType, vendorIds }
    }
    if (payload.type !== 'SA') continue
    const [chosen, ...more] = payload.proposals.flatMap(({ transforms }) => transforms)
    const offer = offers.find((one) => chosen !== undefined && isSame(chosen, one))
    if (offer === undefined || more.length > 0) return undefined
    return {
      kind: 'taken',
      offer,
      responderCookie: header.responderSpi,
      vendorIds,
      tellsHash: payloads.some(({ type }) => type === 'HASH'),
    }
  }
  return undefined
}

function isSame({ attributes }: Transform, { suite, method }: Offer): boolean {
  const { encryption, hash, group } = suite
  return (
    findNumber(attributes, ENCRYPTION) === encryption.number &&
    findNumber(attributes, KEY_LENGTH) === encryption.keyBits &&
    findNumber(attributes, HASH) === hash.number &&
    findNumber(attributes, GROUP) === group.number &&
    findNumber(attributes, METHOD) === AuthenticationMethod.number(method)
  )
}

function encode(
  cookie: Uint8Array,
  exchange: 'IDENTITY-PROTECTION' | 'AGGRESSIVE',
  payloads: readonly Payload[],
): Uint8Array {
  const responder = new Uint8Array(8)
  const cookies = { initiator: cookie, responder, pair: concat(cookie, responder) }
  return encodePlain(outgoingHeader(cookies, ExchangeType.number(exchange), 0), payloads)
}

function securityAssociation(offers: readonly Offer[]): SaPayload {
  const transforms = offers.map(({ suite, method }, index) => ({
    number: index + 1,
    id: IsakmpTransform.number('KEY_IKE'),
    attributes: [
      attribute(ENCRYPTION, suite.encryption.number),
      ...(suite.encryption.keyBits === undefined
        ? []
        : [attribute(KEY_LENGTH, suite.encryption.keyBits)]),
      attribute(HASH, suite.hash.number),
      attribute(GROUP, suite.group.number),
      attribute(METHOD, AuthenticationMethod.number(method)),
      ...lifetimeAttributes(LIFE_TYPE, LIFE_DURATION, { seconds: 28_800 }),
    ],
  }))
  const protocolId = ProtocolId.number('ISAKMP')
  return saPayload({ number: 1, protocolId, spi: new Uint8Array(0), transforms })
}

/** What is not announced to a peer, many do not announce either. */
function vendorIds(): readonly Payload[] {
  return ANNOUNCED.map((feature) => ({ type: 'VID', data: vendorIdOctets(feature) }))
}

const ANNOUNCED: readonly FeatureName[] = ['rfc3947', 'nat-t-draft-02n', 'dpd', 'fragmentation']
const ENCRYPTION = Phase1Attribute.number('Encryption Algorithm')
const KEY_LENGTH = Phase1Attribute.number('Key Length')
const HASH = Phase1Attribute.number('Hash Algorithm')
const GROUP = Phase1Attribute.number('Group Description')
const METHOD = Phase1Attribute.number('Authentication Method')
const LIFE_TYPE = Phase1Attribute.number('Life Type')
const LIFE_DURATION = Phase1Attribute.number('Life Duration')
