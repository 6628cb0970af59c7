import {
  encryptionByIkev1,
  encryptionByIkev1Esp,
  hashByIkev1,
  integrityByIkev1,
  keyExchangeById,
} from '#crypto/registry'
import {
  AuthenticationMethod,
  EncryptionAlgorithm,
  HashAlgorithm,
  LifeType,
  Phase1Attribute,
} from '#iana/ikev1'
import { AuthenticationAlgorithm, EspTransform, SaAttribute } from '#iana/ipsec-doi'
import {
  formatEncryption,
  formatHash,
  formatIntegrity,
  formatKeyExchange,
} from '#policy/algorithm-names'
import type { SaPayload, Transform, TransformAttribute } from '#wire/v1/payloads'
import { durationText } from './names.ts'

/** What an SA payload proposes or chooses, as the configuration file would write it. */
export type OfferText = {
  /** One for each transform, in the peer's order, without doubles. */
  readonly suites: readonly string[]
  /** Of the first transform: `8h`; absent when none is given. */
  readonly lifetime?: string
  /** Of the first transform, phase 1 only: `pre-shared key`. */
  readonly authentication?: string
  /** Of the first transform, Quick mode only: `group14`. */
  readonly group?: string
}

export function phase1OfferText(payload: SaPayload): OfferText {
  const transforms = transformsOf(payload)
  const [first] = transforms
  if (first === undefined) return { suites: [] }
  const method = numberOf(first.attributes, Phase1Attribute.number('Authentication Method'))
  return {
    suites: distinct(transforms.map(phase1SuiteText)),
    ...lifetimeOf(first, PHASE1_LIFE),
    ...(method === undefined ? {} : { authentication: AuthenticationMethod.nameOf(method) }),
  }
}

export function quickOfferText(payload: SaPayload): OfferText {
  const transforms = transformsOf(payload)
  const [first] = transforms
  if (first === undefined) return { suites: [] }
  const group = numberOf(first.attributes, SaAttribute.number('Group Description'))
  return {
    suites: distinct(transforms.map(espSuiteText)),
    ...lifetimeOf(first, QUICK_LIFE),
    ...(group === undefined ? {} : { group: groupText(group) }),
  }
}

const PHASE1_LIFE = {
  type: Phase1Attribute.number('Life Type'),
  duration: Phase1Attribute.number('Life Duration'),
}
const QUICK_LIFE = {
  type: SaAttribute.number('SA Life Type'),
  duration: SaAttribute.number('SA Life Duration'),
}

function transformsOf({ proposals }: SaPayload): readonly Transform[] {
  return proposals.flatMap(({ transforms }) => transforms)
}

function phase1SuiteText({ attributes }: Transform): string {
  const read = (name: Parameters<typeof Phase1Attribute.number>[0]) =>
    numberOf(attributes, Phase1Attribute.number(name))
  const [cipher, hash, group] = [
    read('Encryption Algorithm'),
    read('Hash Algorithm'),
    read('Group Description'),
  ]
  const words: string[] = []
  if (cipher !== undefined) {
    const known = encryptionByIkev1(cipher, read('Key Length'))
    words.push(
      known === undefined ? EncryptionAlgorithm.nameOf(cipher) : formatEncryption(known.name),
    )
  }
  if (hash !== undefined) {
    const known = hashByIkev1(hash)
    words.push(known === undefined ? HashAlgorithm.nameOf(hash) : formatHash(known.name))
  }
  if (group !== undefined) words.push(groupText(group))
  return words.join('-')
}

function espSuiteText({ id, attributes }: Transform): string {
  const read = (name: Parameters<typeof SaAttribute.number>[0]) =>
    numberOf(attributes, SaAttribute.number(name))
  const cipher = encryptionByIkev1Esp(id, read('Key Length'))
  const words = [cipher === undefined ? EspTransform.nameOf(id) : formatEncryption(cipher.name)]
  const integrity = read('Authentication Algorithm')
  if (integrity !== undefined && cipher?.aead !== true) {
    const known = integrityByIkev1(integrity)
    words.push(
      known === undefined ? AuthenticationAlgorithm.nameOf(integrity) : formatIntegrity(known.name),
    )
  }
  if (read('Extended Sequence Number') === 1) words.push('esn')
  return words.join('-')
}

function groupText(id: number): string {
  const known = keyExchangeById(id)
  return known === undefined ? `group${id}` : formatKeyExchange(known.name)
}

/** Type and duration come in pairs, the type first (RFC 2409 appendix A). */
function lifetimeOf(
  { attributes }: Transform,
  { type, duration }: { type: number; duration: number },
): { lifetime?: string } {
  let unit: number | undefined
  const parts: string[] = []
  for (const attribute of attributes) {
    const value = attributeValue(attribute)
    if (attribute.type === type) unit = value
    if (attribute.type !== duration || value === undefined) continue
    if (unit === LifeType.number('seconds')) parts.push(durationText(value))
    if (unit === LifeType.number('kilobytes')) parts.push(`${value} KB`)
  }
  return parts.length === 0 ? {} : { lifetime: parts.join(' or ') }
}

function numberOf(attributes: readonly TransformAttribute[], type: number): number | undefined {
  const found = attributes.find((attribute) => attribute.type === type)
  return found === undefined ? undefined : attributeValue(found)
}

function attributeValue(attribute: TransformAttribute): number | undefined {
  if (attribute.form === 'short') return attribute.value
  // Longer numbers than JavaScript holds exactly say nothing to a reader.
  if (attribute.value.length > 6) return undefined
  return attribute.value.reduce((sum, octet) => sum * 256 + octet, 0)
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}
