import {
  encryption,
  encryptionByIkev1,
  hash,
  hashByIkev1,
  keyExchange,
  keyExchangeById,
} from '#crypto/registry'
import { EncryptionAlgorithm, HashAlgorithm, Phase1Attribute } from '#iana/ikev1'
import { IsakmpTransform } from '#iana/ipsec-doi'
import { ProtocolId } from '#iana/isakmp'
import { formatEncryption, formatHash, formatKeyExchange } from '#policy/algorithm-names'
import type { IkeSuite, Lifetime } from '#policy/proposal'
import { formatIkeSuite } from '#policy/proposal'
import type { SaPayload, Transform, TransformAttribute } from '#wire/v1/payloads'
import {
  type AgreedLifetime,
  attribute,
  findLifetime,
  findNumber,
  lifetimeAttributes,
  shorterLifetime,
} from './attributes.ts'
import { chosenOf, saPayload } from './sa-offer.ts'

/** What one side wants of phase 1. */
export type Phase1Wish = {
  readonly suites: readonly IkeSuite[]
  readonly lifetime: Lifetime
  /** Authentication method (RFC 2409 appendix A); both sides prove themselves by the same. */
  readonly method: number
}

/** Our offer: one proposal, a transform for each suite, most wanted first (RFC 2409 §5, RFC 2408 §4.2). */
export function offerPhase1(wish: Phase1Wish): SaPayload {
  const transforms = wish.suites.map((suite, i) => ({
    number: i + 1,
    id: IsakmpTransform.number('KEY_IKE'),
    attributes: attributesOf(suite, wish),
  }))
  const protocolId = ProtocolId.number('ISAKMP')
  return saPayload({ number: 1, protocolId, spi: new Uint8Array(0), transforms })
}

export type Phase1Choice = {
  readonly suite: IkeSuite
  readonly lifetime: AgreedLifetime
  /** What the responder sends back: the chosen transform exactly as it was offered. */
  readonly answer: SaPayload
}

/** The responder's choice: the initiator's first transform that we accept, since its order is its wish. */
export function choosePhase1(
  offer: SaPayload,
  { suites, lifetime, method }: Phase1Wish,
): Phase1Choice | undefined {
  for (const proposal of offer.proposals) {
    if (proposal.protocolId !== ProtocolId.number('ISAKMP')) continue
    for (const transform of proposal.transforms) {
      const suite = readTransform(transform, method)
      if (
        suite === undefined ||
        !suites.some((one) => formatIkeSuite(one) === formatIkeSuite(suite))
      )
        continue
      return {
        suite,
        lifetime: agreedLifetime(transform.attributes, lifetime),
        answer: saPayload({ ...proposal, transforms: [transform] }),
      }
    }
  }
  return undefined
}

/**
 * The initiator's reading of the answer: it must be one of the transforms offered, unchanged (RFC 2409 §5).
 * @returns undefined when it is not.
 */
export function readPhase1Choice(
  answer: SaPayload,
  offer: SaPayload,
  { lifetime, method }: Phase1Wish,
): Omit<Phase1Choice, 'answer'> | undefined {
  const chosen = chosenOf(answer, offer, [LIFE_TYPE, LIFE_DURATION])
  if (chosen === undefined) return undefined
  const suite = readTransform(chosen.transform, method)
  if (suite === undefined) return undefined
  return { suite, lifetime: agreedLifetime(chosen.transform.attributes, lifetime) }
}

/** What a peer offered, for messages: `aes256-sha1-group2` or the numbers where we know no name. */
export function describePhase1Offer(offer: SaPayload): readonly string[] {
  const transforms = offer.proposals.flatMap((proposal) => proposal.transforms)
  return [...new Set(transforms.map(describeTransform))]
}

/** Authentication methods offered, as numbers of RFC 2409 appendix A. */
export function offeredAuthentication(offer: SaPayload): ReadonlySet<number> {
  const transforms = offer.proposals.flatMap((proposal) => proposal.transforms)
  return new Set(
    transforms.map(({ attributes }) => findNumber(attributes, AUTHENTICATION_METHOD) ?? 0),
  )
}

/** @returns the suite of a transform that asks for this authentication method and whose every algorithm we know. */
export function readTransform({ id, attributes }: Transform, method: number): IkeSuite | undefined {
  if (
    id !== IsakmpTransform.number('KEY_IKE') ||
    attributes.some((one) => !KNOWN_ATTRIBUTES.has(one.type))
  )
    return undefined
  if (findNumber(attributes, AUTHENTICATION_METHOD) !== method) return undefined
  const suite = readAlgorithms(attributes)
  if (suite.encryption === undefined || suite.hash === undefined || suite.keyExchange === undefined)
    return undefined
  return {
    encryption: suite.encryption.name,
    hash: suite.hash.name,
    keyExchange: suite.keyExchange.name,
  }
}

function readAlgorithms(attributes: readonly TransformAttribute[]) {
  const encryptionId = findNumber(attributes, ENCRYPTION)
  const hashId = findNumber(attributes, HASH)
  const groupId = findNumber(attributes, GROUP_DESCRIPTION)
  return {
    encryption:
      encryptionId === undefined
        ? undefined
        : encryptionByIkev1(encryptionId, findNumber(attributes, KEY_LENGTH)),
    hash: hashId === undefined ? undefined : hashByIkev1(hashId),
    keyExchange: groupId === undefined ? undefined : keyExchangeById(groupId),
  }
}

function describeTransform({ id, attributes }: Transform): string {
  const unknown = attributes.map(({ type }) => type).filter((type) => !KNOWN_ATTRIBUTES.has(type))
  const because = [
    ...(id === IsakmpTransform.number('KEY_IKE') ? [] : [`transform ${id}`]),
    ...unknown.map((type) => `attribute ${type}`),
  ]
  const suite = describeAlgorithms(attributes)
  return because.length === 0 ? suite : `${suite} with unknown ${because.join(', ')}`
}

function describeAlgorithms(attributes: readonly TransformAttribute[]): string {
  const suite = readAlgorithms(attributes)
  if (suite.encryption && suite.hash && suite.keyExchange) {
    return formatIkeSuite({
      encryption: suite.encryption.name,
      hash: suite.hash.name,
      keyExchange: suite.keyExchange.name,
    })
  }
  const { encryption: cipher, hash: digest, keyExchange: group } = suite
  return [
    cipher === undefined ? unknownCipher(attributes) : formatEncryption(cipher.name),
    digest === undefined ? numbered(attributes, HASH, HashAlgorithm) : formatHash(digest.name),
    group === undefined
      ? `group${findNumber(attributes, GROUP_DESCRIPTION) ?? ' not told'}`
      : formatKeyExchange(group.name),
  ].join('-')
}

/** `camellia256`, `des`. */
function unknownCipher(attributes: readonly TransformAttribute[]): string {
  const name = numbered(attributes, ENCRYPTION, EncryptionAlgorithm).replace(/-cbc$/, '')
  return `${name}${findNumber(attributes, KEY_LENGTH) ?? ''}`
}

function numbered(
  attributes: readonly TransformAttribute[],
  type: number,
  names: { nameOf(number: number): string },
): string {
  const number = findNumber(attributes, type)
  return number === undefined ? 'none' : names.nameOf(number).toLowerCase()
}

function attributesOf(
  suite: IkeSuite,
  { lifetime, method }: Phase1Wish,
): readonly TransformAttribute[] {
  const cipher = encryption(suite.encryption).ikev1
  if (cipher === undefined)
    throw new TypeError(`${suite.encryption} has no number in IKEv1 phase 1`)
  return [
    attribute(ENCRYPTION, cipher.id),
    ...(cipher.keyBits === undefined ? [] : [attribute(KEY_LENGTH, cipher.keyBits)]),
    attribute(HASH, hash(suite.hash).ikev1),
    attribute(GROUP_DESCRIPTION, keyExchange(suite.keyExchange).id),
    attribute(AUTHENTICATION_METHOD, method),
    ...lifetimeAttributes(LIFE_TYPE, LIFE_DURATION, lifetime),
  ]
}

/** RFC 2409 has no time for when none is said: ours then. */
function agreedLifetime(attributes: readonly TransformAttribute[], own: Lifetime): AgreedLifetime {
  const { seconds } = own
  return shorterLifetime({ seconds, ...findLifetime(attributes, LIFE_TYPE, LIFE_DURATION) }, own)
}

const ENCRYPTION = Phase1Attribute.number('Encryption Algorithm')
const HASH = Phase1Attribute.number('Hash Algorithm')
const AUTHENTICATION_METHOD = Phase1Attribute.number('Authentication Method')
const GROUP_DESCRIPTION = Phase1Attribute.number('Group Description')
const LIFE_TYPE = Phase1Attribute.number('Life Type')
const LIFE_DURATION = Phase1Attribute.number('Life Duration')
const KEY_LENGTH = Phase1Attribute.number('Key Length')

/** A transform with any other class asks for something we would not do: a group of its own, a field size. */
const KNOWN_ATTRIBUTES: ReadonlySet<number> = new Set([
  ENCRYPTION,
  HASH,
  AUTHENTICATION_METHOD,
  GROUP_DESCRIPTION,
  Phase1Attribute.number('Group Type'),
  LIFE_TYPE,
  LIFE_DURATION,
  KEY_LENGTH,
])
