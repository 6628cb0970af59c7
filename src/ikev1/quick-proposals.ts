import {
  encryption,
  encryptionByIkev1Esp,
  integrity,
  integrityByIkev1,
  keyExchange,
  keyExchangeById,
} from '#crypto/registry'
import { type EspSpi, espSpi } from '#esp/sa'
import {
  AuthenticationAlgorithm,
  EncapsulationModeNumber,
  ESN_64_BIT,
  EspTransform,
  SaAttribute,
} from '#iana/ipsec-doi'
import { ProtocolId } from '#iana/isakmp'
import { formatEncryption, formatIntegrity } from '#policy/algorithm-names'
import type { EncapsulationMode, EspSuite, Lifetime, Pfs } from '#policy/proposal'
import { formatEspSuite, formatPfs } from '#policy/proposal'
import type { ProposalPayload, SaPayload, Transform, TransformAttribute } from '#wire/v1/payloads'
import {
  type AgreedLifetime,
  attribute,
  findLifetime,
  findNumber,
  lifetimeAttributes,
  shorterLifetime,
} from './attributes.ts'
import { messageIdOctets } from './keys.ts'
import { chosenOf, saPayload } from './sa-offer.ts'

/** ESP inside UDP by the numbers of RFC 3947 §5.1, by the private ones of its drafts, or not at all. */
export type UdpNumbers = 'rfc3947' | 'draft' | false

/** What one side wants of a Child SA. */
export type ChildWish = {
  readonly suites: readonly EspSuite[]
  readonly pfs: Pfs
  readonly mode: EncapsulationMode
  /** Inside UDP, as NAT traversal demands (RFC 3947 §5.1). */
  readonly udp: UdpNumbers
  readonly lifetime: Lifetime
}

/** One proposal under our SPI with a transform for each suite (RFC 2407 §4.4.4, §4.5). */
export function offerChild(wish: ChildWish, spi: EspSpi): SaPayload {
  const transforms = wish.suites.map((suite, i) => ({
    number: i + 1,
    id: espTransformNumber(suite).id,
    attributes: attributesOf(suite, wish),
  }))
  return saPayload({
    number: 1,
    protocolId: ProtocolId.number('ESP'),
    spi: messageIdOctets(spi),
    transforms,
  })
}

export type ChildChoice = {
  readonly suite: EspSuite
  readonly lifetime: AgreedLifetime
  readonly peerSpi: EspSpi
}

/** The responder's choice with its answer under `ownSpi`; attributes go back exactly as offered. */
export function chooseChild(
  offer: SaPayload,
  wish: ChildWish,
  ownSpi: EspSpi,
): (ChildChoice & { readonly answer: SaPayload }) | undefined {
  for (const proposal of offer.proposals) {
    const peerSpi = readSpi(proposal)
    if (
      proposal.protocolId !== ProtocolId.number('ESP') ||
      peerSpi === undefined ||
      standsWithOthers(offer, proposal)
    )
      continue
    for (const transform of proposal.transforms) {
      const read = readTransform(transform)
      if (read === undefined || !accepts(wish, read)) continue
      return {
        suite: read.suite,
        lifetime: agreedLifetime(transform.attributes, wish.lifetime),
        peerSpi,
        answer: saPayload({ ...proposal, spi: messageIdOctets(ownSpi), transforms: [transform] }),
      }
    }
  }
  return undefined
}

/** The initiator's reading of the answer; undefined unless it is one transform of the offer. */
export function readChildChoice(
  answer: SaPayload,
  offer: SaPayload,
  wish: ChildWish,
): ChildChoice | undefined {
  const chosen = chosenOf(answer, offer, [LIFE_TYPE, LIFE_DURATION])
  if (chosen?.proposal.protocolId !== ProtocolId.number('ESP')) return undefined
  const { proposal, transform } = chosen
  const peerSpi = readSpi(proposal)
  const read = readTransform(transform)
  if (peerSpi === undefined || read === undefined) return undefined
  return {
    suite: read.suite,
    lifetime: agreedLifetime(transform.attributes, wish.lifetime),
    peerSpi,
  }
}

/** The group all transforms of an offer agree on (RFC 2409 §5.5 allows one KE payload only). */
export function offeredPfs(offer: SaPayload): Pfs | 'unknown' {
  const groups = new Set(
    offer.proposals.flatMap(({ transforms }) =>
      transforms.map(({ attributes }) => findNumber(attributes, GROUP_DESCRIPTION) ?? 0),
    ),
  )
  const [group] = groups
  if (groups.size !== 1 || group === undefined) return 'unknown'
  return group === 0 ? 'none' : (keyExchangeById(group)?.name ?? 'unknown')
}

/** For messages: `aes256gcm16, pfs group14, tunnel`. */
export function describeChildOffer(offer: SaPayload): readonly string[] {
  const texts = offer.proposals.flatMap(({ protocolId, transforms }) =>
    transforms.map((transform) =>
      protocolId === ProtocolId.number('ESP') ? describe(transform) : ProtocolId.nameOf(protocolId),
    ),
  )
  return [...new Set(texts)]
}

type ReadTransform = {
  readonly suite: EspSuite
  readonly pfs: Pfs | 'unknown'
  readonly encapsulationMode: number
}

function readTransform({ id, attributes }: Transform): ReadTransform | undefined {
  if (attributes.some((one) => !KNOWN_ATTRIBUTES.has(one.type))) return undefined
  const cipher = encryptionByIkev1Esp(id, findNumber(attributes, KEY_LENGTH))
  if (cipher === undefined) return undefined
  const authentication = findNumber(attributes, AUTHENTICATION_ALGORITHM)
  const mac = authentication === undefined ? undefined : integrityByIkev1(authentication)
  // RFC 8221 §4: an AEAD comes without an authentication algorithm, and no other cipher does.
  if (cipher.aead !== (authentication === undefined || authentication === 0)) return undefined
  if (!cipher.aead && mac === undefined) return undefined
  const group = findNumber(attributes, GROUP_DESCRIPTION)
  const esn = findNumber(attributes, EXTENDED_SEQUENCE_NUMBER) === ESN_64_BIT
  return {
    suite: { encryption: cipher.name, integrity: mac?.name ?? 'none', esn },
    pfs: group === undefined ? 'none' : (keyExchangeById(group)?.name ?? 'unknown'),
    // RFC 2407 §4.5: unspecified when absent, so host dependent; every known peer then means tunnel.
    encapsulationMode: findNumber(attributes, ENCAPSULATION_MODE) ?? MODES.tunnel,
  }
}

function accepts(wish: ChildWish, read: ReadTransform): boolean {
  return acceptsSuite(wish, read) && read.pfs === wish.pfs && acceptsMode(wish, read)
}

function acceptsSuite(wish: ChildWish, { suite }: ReadTransform): boolean {
  return wish.suites.some(
    (one) =>
      one.encryption === suite.encryption &&
      one.integrity === suite.integrity &&
      one.esn === suite.esn,
  )
}

function acceptsMode(wish: ChildWish, { encapsulationMode }: ReadTransform): boolean {
  const { mode, udp } = wish
  if (udp === false) return encapsulationMode === MODES[mode]
  // Whose numbers were agreed on in phase 1 is not taken seriously by all: both mean the same.
  return encapsulationMode === UDP_MODES[mode] || encapsulationMode === DRAFT_UDP_MODES[mode]
}

function describe(transform: Transform): string {
  const read = readTransform(transform)
  if (read === undefined) return describeUnknown(transform)
  const pfs = read.pfs === 'unknown' ? 'unknown group' : formatPfs(read.pfs)
  return `${formatEspSuite(read.suite)}, ${pfs === 'none' ? 'no PFS' : `PFS ${pfs}`}, ${describeMode(read.encapsulationMode)}`
}

/** `null-sha256`, `aes without integrity`: by the names of the registries. */
function describeUnknown({ id, attributes }: Transform): string {
  const bits = findNumber(attributes, KEY_LENGTH)
  const known = encryptionByIkev1Esp(id, bits)
  const named = EspTransform.nameOf(id).replace('ESP_', '').toLowerCase()
  const cipher = known === undefined ? `${named}${bits ?? ''}` : formatEncryption(known.name)
  const authentication = findNumber(attributes, AUTHENTICATION_ALGORITHM) ?? 0
  if (authentication === 0) return known?.aead === true ? cipher : `${cipher} without integrity`
  const mac = integrityByIkev1(authentication)
  return `${cipher}-${mac === undefined ? AuthenticationAlgorithm.nameOf(authentication) : formatIntegrity(mac.name)}`
}

/** `tunnel in UDP`. */
function describeMode(number: number): string {
  const name = EncapsulationModeNumber.nameOf(number).toLowerCase()
  const inner = /^udp-encapsulated-(\w+?)(?:-draft)?$/.exec(name)?.[1]
  return inner === undefined ? name : `${inner} in UDP`
}

function attributesOf(suite: EspSuite, wish: ChildWish): readonly TransformAttribute[] {
  const { keyBits } = espTransformNumber(suite)
  return [
    ...lifetimeAttributes(LIFE_TYPE, LIFE_DURATION, wish.lifetime),
    attribute(ENCAPSULATION_MODE, modeNumber(wish)),
    ...(suite.integrity === 'none'
      ? []
      : [attribute(AUTHENTICATION_ALGORITHM, integrity(suite.integrity).ikev1)]),
    ...(keyBits === undefined ? [] : [attribute(KEY_LENGTH, keyBits)]),
    ...(wish.pfs === 'none' ? [] : [attribute(GROUP_DESCRIPTION, keyExchange(wish.pfs).id)]),
    ...(suite.esn ? [attribute(EXTENDED_SEQUENCE_NUMBER, ESN_64_BIT)] : []),
  ]
}

function espTransformNumber({ encryption: name }: EspSuite) {
  const number = encryption(name).ikev1Esp
  if (number === undefined) throw new TypeError(`${name} has no ESP transform number in IKEv1`)
  return number
}

function modeNumber({ mode, udp }: ChildWish): number {
  if (udp === false) return MODES[mode]
  return udp === 'draft' ? DRAFT_UDP_MODES[mode] : UDP_MODES[mode]
}

/** RFC 2407 §4.5: absent means eight hours. */
function agreedLifetime(attributes: readonly TransformAttribute[], own: Lifetime): AgreedLifetime {
  return shorterLifetime(
    { seconds: 28_800, ...findLifetime(attributes, LIFE_TYPE, LIFE_DURATION) },
    own,
  )
}

/** @returns undefined when it is not four octets, or a value RFC 4303 §2.1 reserves. */
function readSpi({ spi }: ProposalPayload): EspSpi | undefined {
  if (spi.length !== 4) return undefined
  const value = new DataView(spi.buffer, spi.byteOffset, 4).getUint32(0)
  return value > 255 ? espSpi(value) : undefined
}

/** Proposals of one number are wanted together, such as AH and ESP (RFC 2408 §4.2); we do ESP alone. */
function standsWithOthers(offer: SaPayload, proposal: ProposalPayload): boolean {
  return offer.proposals.some((other) => other !== proposal && other.number === proposal.number)
}

const LIFE_TYPE = SaAttribute.number('SA Life Type')
const LIFE_DURATION = SaAttribute.number('SA Life Duration')
const GROUP_DESCRIPTION = SaAttribute.number('Group Description')
const ENCAPSULATION_MODE = SaAttribute.number('Encapsulation Mode')
const AUTHENTICATION_ALGORITHM = SaAttribute.number('Authentication Algorithm')
const KEY_LENGTH = SaAttribute.number('Key Length')
const EXTENDED_SEQUENCE_NUMBER = SaAttribute.number('Extended Sequence Number')

const KNOWN_ATTRIBUTES: ReadonlySet<number> = new Set([
  LIFE_TYPE,
  LIFE_DURATION,
  GROUP_DESCRIPTION,
  ENCAPSULATION_MODE,
  AUTHENTICATION_ALGORITHM,
  KEY_LENGTH,
  EXTENDED_SEQUENCE_NUMBER,
])

type ModeNumbers = Readonly<Record<EncapsulationMode, number>>

const MODES: ModeNumbers = {
  tunnel: EncapsulationModeNumber.number('Tunnel'),
  transport: EncapsulationModeNumber.number('Transport'),
}
const UDP_MODES: ModeNumbers = {
  tunnel: EncapsulationModeNumber.number('UDP-Encapsulated-Tunnel'),
  transport: EncapsulationModeNumber.number('UDP-Encapsulated-Transport'),
}
const DRAFT_UDP_MODES: ModeNumbers = {
  tunnel: EncapsulationModeNumber.number('UDP-Encapsulated-Tunnel-Draft'),
  transport: EncapsulationModeNumber.number('UDP-Encapsulated-Transport-Draft'),
}
