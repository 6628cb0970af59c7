import { toHex } from '#bytes/hex'
import { ipFromOctets } from '#bytes/ip'
import {
  AuthenticationMethod,
  EncryptionAlgorithm,
  GroupDescription,
  GroupType,
  HashAlgorithm,
  LifeType,
  Phase1Attribute,
} from '#iana/ikev1'
import {
  AhTransform,
  AuthenticationAlgorithm,
  EncapsulationModeNumber,
  EspTransform,
  IdType,
  IpcompTransform,
  IsakmpTransform,
  SaAttribute,
} from '#iana/ipsec-doi'
import { CertEncoding, Doi, isErrorNotify, NotifyType, PayloadType, ProtocolId } from '#iana/isakmp'
import { AttributeMessage, ConfigAttribute } from '#iana/mode-config'
import { parseCertificate } from '#pki/certificate'
import { formatMoment } from '#pki/moment'
import { formatDn } from '#policy/distinguished-name'
import { formatIdentity } from '#policy/identity'
import { formatSelector } from '#policy/traffic-selector'
import { identityFromPayload, selectorFromPayload } from '#wire/v1/id-payload'
import type {
  IdPayload,
  NotificationPayload,
  Payload,
  ProposalPayload,
  Transform,
  TransformAttribute,
} from '#wire/v1/payloads'
import { vendorIdOf } from '#wire/v1/vendor-id'

/** Every field of a payload, a line each: the first names it, the others stand further in. */
export function payloadLines(payload: Payload): readonly string[] {
  switch (payload.type) {
    case 'SA':
      return [
        `SA  DOI ${Doi.nameOf(payload.doi)}, situation ${payload.situation}`,
        ...payload.proposals.flatMap(proposalLines).map(indented),
      ]
    case 'KE':
      return [`KE  public value, ${octetsText(payload.data)}`]
    case 'NONCE':
      return [`NONCE  ${octetsText(payload.data)}`]
    case 'ID':
      return [idLine(payload)]
    case 'CERT':
      return certificateLines(payload.encoding, payload.data)
    case 'CR':
      return [`CR  ${CertEncoding.nameOf(payload.encoding)}, ${authorityText(payload.data)}`]
    case 'HASH':
      return [`HASH  ${octetsText(payload.data)}`]
    case 'SIG':
      return [`SIG  ${octetsText(payload.data)}`]
    case 'N':
      return notificationLines(payload)
    case 'D':
      return [
        `D  ${ProtocolId.nameOf(payload.protocolId)}, ${payload.spis.length} SPI: ${payload.spis.slice(0, MOST_SPIS).map(toHex).join(', ')}`,
      ]
    case 'VID':
      return [`VID  ${vendorText(payload.data)}`]
    case 'NAT-D':
      return [
        `NAT-D${draftText(payload.draft)}  hash of address and port, ${octetsText(payload.data)}`,
      ]
    case 'NAT-OA': {
      const address = ipFromOctets(payload.data) ?? toHex(payload.data.subarray(0, SHOWN))
      return [`NAT-OA${draftText(payload.draft)}  original address ${address}`]
    }
    case 'ATTR':
      return [
        `ATTR  ${AttributeMessage.nameOf(payload.message)}, identifier ${payload.identifier}`,
        ...payload.attributes.map((one) => indented(configAttributeText(one))),
      ]
    case 'FRAGMENT':
      return [
        `FRAGMENT  ${payload.number} of message ${payload.id}${(payload.flags & 1) === 0 ? '' : ', the last'}, ${payload.data.length} octets`,
      ]
    case 'unknown':
      return [`${PayloadType.nameOf(payload.number)}  ${octetsText(payload.data)}`]
  }
}

const SHOWN = 24
const MOST_SPIS = 8

function proposalLines(proposal: ProposalPayload): readonly string[] {
  const { number, protocolId, spi, transforms } = proposal
  const spiText = spi.length === 0 ? '' : `, SPI ${toHex(spi)}`
  return [
    `proposal ${number}  ${ProtocolId.nameOf(protocolId)}${spiText}`,
    ...transforms.map((transform) => indented(transformText(transform, protocolId))),
  ]
}

const TRANSFORMS: ReadonlyMap<number, { nameOf(number: number): string }> = new Map([
  [ProtocolId.number('ISAKMP'), IsakmpTransform],
  [ProtocolId.number('AH'), AhTransform],
  [ProtocolId.number('ESP'), EspTransform],
  [ProtocolId.number('IPCOMP'), IpcompTransform],
] as [number, { nameOf(number: number): string }][])

function transformText({ number, id, attributes }: Transform, protocolId: number): string {
  const name = TRANSFORMS.get(protocolId)?.nameOf(id) ?? `transform ${id}`
  const phase1 = protocolId === ProtocolId.number('ISAKMP')
  const read = phase1 ? phase1AttributeText : saAttributeText
  return `transform ${number}  ${name}: ${attributes.map(read).join(', ')}`
}

/** Names of values, by attribute. */
const PHASE1_VALUES: Readonly<Partial<Record<string, { nameOf(number: number): string }>>> = {
  'Encryption Algorithm': EncryptionAlgorithm,
  'Hash Algorithm': HashAlgorithm,
  'Authentication Method': AuthenticationMethod,
  'Group Description': GroupDescription,
  'Group Type': GroupType,
  'Life Type': LifeType,
}
const SA_VALUES: Readonly<Partial<Record<string, { nameOf(number: number): string }>>> = {
  'SA Life Type': LifeType,
  'Group Description': GroupDescription,
  'Encapsulation Mode': EncapsulationModeNumber,
  'Authentication Algorithm': AuthenticationAlgorithm,
}

function phase1AttributeText(attribute: TransformAttribute): string {
  return attributeText(attribute, Phase1Attribute.nameOf(attribute.type), PHASE1_VALUES)
}

function saAttributeText(attribute: TransformAttribute): string {
  return attributeText(attribute, SaAttribute.nameOf(attribute.type), SA_VALUES)
}

function attributeText(
  attribute: TransformAttribute,
  name: string,
  values: typeof PHASE1_VALUES,
): string {
  const number = numberOf(attribute)
  if (number === undefined) return `${name} ${octetsText(attribute.value as Uint8Array)}`
  return `${name} ${values[name]?.nameOf(number) ?? number}`
}

function numberOf(attribute: TransformAttribute): number | undefined {
  if (attribute.form === 'short') return attribute.value
  if (attribute.value.length > 6) return undefined
  return attribute.value.reduce((sum, octet) => sum * 256 + octet, 0)
}

/** Who logs in is shown, and with what never. */
function configAttributeText(attribute: TransformAttribute): string {
  const name = ConfigAttribute.nameOf(attribute.type)
  if (attribute.form === 'short') return `${name} ${attribute.value}`
  if (attribute.value.length === 0) return name
  if (/PASS|PIN|ANSWER|CHALLENGE/.test(name)) return `${name} (not shown)`
  const address = ipFromOctets(attribute.value)
  if (address !== undefined && name.startsWith('INTERNAL')) return `${name} ${address}`
  return `${name} ${printable(attribute.value) ?? octetsText(attribute.value)}`
}

function idLine(payload: IdPayload): string {
  const identity = identityFromPayload(payload)
  const selector = identity === undefined ? selectorFromPayload(payload) : undefined
  const { idType, protocolId, port, data } = payload
  const value =
    identity !== undefined
      ? formatIdentity(identity)
      : selector !== undefined
        ? formatSelector(selector)
        : octetsText(data)
  const traffic = protocolId === 0 && port === 0 ? '' : `, protocol ${protocolId}, port ${port}`
  return `ID  ${IdType.nameOf(idType)}  ${value}${traffic}`
}

function certificateLines(encoding: number, data: Uint8Array): readonly string[] {
  const head = `CERT  ${CertEncoding.nameOf(encoding)}, ${data.length} octets`
  if (encoding !== CertEncoding.number('X509-SIGNATURE')) return [head]
  try {
    const { subject, issuer, notBefore, notAfter } = parseCertificate(data)
    return [
      head,
      indented(`subject  ${subject.text}`),
      indented(`issuer   ${issuer.text}`),
      indented(`valid    ${formatMoment(notBefore)} to ${formatMoment(notAfter)}`),
    ]
  } catch {
    return [head, indented('not readable as a certificate')]
  }
}

function authorityText(data: Uint8Array): string {
  if (data.length === 0) return 'any authority'
  return formatDn(data) ?? octetsText(data)
}

function notificationLines(payload: NotificationPayload): readonly string[] {
  const { protocolId, spi, notifyType, data } = payload
  const kind = isErrorNotify(notifyType) ? 'error' : 'status'
  const spiText = spi.length === 0 ? '' : `, SPI ${toHex(spi)}`
  const dataText = data.length === 0 ? '' : `, data ${octetsText(data)}`
  return [
    `N  ${NotifyType.nameOf(notifyType)} (${kind} ${notifyType}), ${ProtocolId.nameOf(protocolId)}${spiText}${dataText}`,
  ]
}

function vendorText(data: Uint8Array): string {
  const known = vendorIdOf(data)
  const label = known === undefined ? 'unknown vendor ID' : `${known.label} (${known.says})`
  const words = known === undefined ? printable(data) : undefined
  return `${label}, ${octetsText(data)}${words === undefined ? '' : ` "${words}"`}`
}

function draftText(draft: boolean): string {
  return draft ? ' (draft)' : ''
}

/** Only where every octet is a visible character: a peer's control characters never reach a terminal. */
function printable(octets: Uint8Array): string | undefined {
  if (octets.length === 0 || octets.length > 256) return undefined
  if (!octets.every((octet) => octet >= 0x20 && octet < 0x7f)) return undefined
  return new TextDecoder().decode(octets)
}

function octetsText(octets: Uint8Array): string {
  const count = `${octets.length} ${octets.length === 1 ? 'octet' : 'octets'}`
  if (octets.length === 0) return count
  const more = octets.length > SHOWN ? '…' : ''
  return `${count} ${toHex(octets.subarray(0, SHOWN))}${more}`
}

function indented(line: string): string {
  return `  ${line}`
}
