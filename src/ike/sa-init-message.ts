import { equalOctets } from '#bytes/equal'
import { Writer } from '#bytes/writer'
import { decodeHeader, encodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'

/** Numbers of RFC 7296 §3.3.2 in one proposal; AEAD and encrypt-then-MAC stand in proposals of their own. */
export type SaInitProposal = {
  readonly encryptions: readonly { readonly id: number; readonly keyBits?: number }[]
  readonly prfs: readonly number[]
  readonly integrities: readonly number[]
  readonly groups: readonly number[]
}

/** The first message of IKEv2 (RFC 7296 §1.2). */
export type SaInitQuestion = {
  readonly spi: Uint8Array
  readonly proposals: readonly SaInitProposal[]
  readonly keyExchange: { readonly group: number; readonly publicValue: Uint8Array }
  readonly nonce: Uint8Array
  /** What a responder under load wants back before it does anything (RFC 7296 §2.6). */
  readonly cookie?: Uint8Array | undefined
}

/** What a responder took of the offer; numbers as in `SaInitProposal`. */
export type SaInitChoice = {
  readonly encryption?: { readonly id: number; readonly keyBits?: number }
  readonly prf?: number
  readonly integrity?: number
  readonly group?: number
}

/** Nothing of an answer is authenticated. */
export type SaInitAnswer =
  | {
      readonly kind: 'taken'
      readonly choice: SaInitChoice
      readonly vendorIds: readonly Uint8Array[]
    }
  /** INVALID_KE_PAYLOAD: it would take the offer with a public value of this group. */
  | { readonly kind: 'other-group'; readonly group: number | undefined }
  | { readonly kind: 'cookie'; readonly cookie: Uint8Array }
  /** It speaks IKEv2, and refused with this notification, or with something else. */
  | { readonly kind: 'refused'; readonly notify: number | undefined }
  /** It does not speak IKEv2. */
  | { readonly kind: 'other-version' }

export const SA_INIT_SPI_OCTETS = 8

export function encodeSaInit({
  spi,
  proposals,
  keyExchange,
  nonce,
  cookie,
}: SaInitQuestion): Uint8Array {
  const body = new Writer(512)
  if (cookie !== undefined) {
    payloadHeader(body, PAYLOAD_SA, 4 + cookie.length)
    body.u8(0)
    body.u8(0)
    body.u16(COOKIE)
    body.octets(cookie)
  }
  const sa = securityAssociation(proposals)
  payloadHeader(body, PAYLOAD_KE, sa.length)
  body.octets(sa)
  payloadHeader(body, PAYLOAD_NONCE, 4 + keyExchange.publicValue.length)
  body.u16(keyExchange.group)
  body.u16(0)
  body.octets(keyExchange.publicValue)
  payloadHeader(body, 0, nonce.length)
  body.octets(nonce)
  const payloads = body.finish()
  const header = encodeHeader({
    initiatorSpi: spi,
    responderSpi: new Uint8Array(8),
    nextPayload: cookie === undefined ? PAYLOAD_SA : PAYLOAD_NOTIFY,
    majorVersion: 2,
    minorVersion: 0,
    exchangeType: IKE_SA_INIT,
    flags: FLAG_INITIATOR,
    messageId: 0,
    length: HEADER_OCTETS + payloads.length,
  })
  const message = new Uint8Array(header.length + payloads.length)
  message.set(header)
  message.set(payloads, header.length)
  return message
}

/** @returns undefined when the datagram is no answer to the message with this SPI */
export function readSaInit(octets: Uint8Array, spi: Uint8Array): SaInitAnswer | undefined {
  try {
    const header = decodeHeader(octets)
    if (!equalOctets(header.initiatorSpi, spi)) return undefined
    // A responder of IKEv1 alone says so in its own version, or with what RFC 7296 §2.5 asks for.
    if (header.majorVersion !== 2) return { kind: 'other-version' }
    // Our own message, thrown back by something on the way: no responder sets this flag (RFC 7296 §3.1).
    if ((header.flags & FLAG_INITIATOR) !== 0) return undefined
    if (header.exchangeType !== IKE_SA_INIT || (header.flags & FLAG_RESPONSE) === 0)
      return { kind: 'other-version' }
    return readPayloads(octets.subarray(0, header.length), header.nextPayload)
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

/** The SA payload or the first notification that we know decides; a chain is followed a few payloads far. */
function readPayloads(octets: Uint8Array, first: number): SaInitAnswer | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  const vendorIds: Uint8Array[] = []
  let choice: SaInitChoice | undefined
  let type = first
  for (let at = HEADER_OCTETS, i = 0; i < MOST_PAYLOADS && at + 4 <= octets.length; i++) {
    const length = view.getUint16(at + 2)
    if (length < 4 || at + length > octets.length) return undefined
    const body = octets.subarray(at + 4, at + length)
    if (type === PAYLOAD_SA) choice = readChoice(body)
    if (type === PAYLOAD_VENDOR_ID) vendorIds.push(body.slice())
    if (type === PAYLOAD_NOTIFY && choice === undefined) {
      const answer = readNotify(body)
      if (answer !== undefined) return answer
    }
    type = view.getUint8(at)
    if (type === 0) break
    at += length
  }
  if (choice !== undefined) return { kind: 'taken', choice, vendorIds }
  return { kind: 'refused', notify: undefined }
}

/** RFC 7296 §3.10. @returns undefined for what is no error and no cookie */
function readNotify(body: Uint8Array): SaInitAnswer | undefined {
  if (body.length < 4) return undefined
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const notify = view.getUint16(2)
  const data = body.subarray(4 + view.getUint8(1))
  if (notify === COOKIE) return { kind: 'cookie', cookie: data.slice() }
  if (notify === INVALID_MAJOR_VERSION) return { kind: 'other-version' }
  if (notify === INVALID_KE_PAYLOAD) {
    const group = data.length === 2 ? (data[0] ?? 0) * 256 + (data[1] ?? 0) : undefined
    return { kind: 'other-group', group }
  }
  return notify < FIRST_STATUS ? { kind: 'refused', notify } : undefined
}

/** The transforms of the one proposal; what is cut short is left out. */
function readChoice(body: Uint8Array): SaInitChoice {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const choice: { -readonly [Key in keyof SaInitChoice]: SaInitChoice[Key] } = {}
  if (body.length < 8) return choice
  let at = 8 + view.getUint8(6)
  for (let i = 0; i < MOST_TRANSFORMS && at + 8 <= body.length; i++) {
    const length = view.getUint16(at + 2)
    if (length < 8 || at + length > body.length) break
    const id = view.getUint16(at + 6)
    const type = view.getUint8(at + 4)
    const hasBits = length >= 12 && view.getUint16(at + 8) === ATTRIBUTE_KEY_LENGTH
    if (type === TRANSFORM_ENCRYPTION) {
      choice.encryption = { id, ...(hasBits ? { keyBits: view.getUint16(at + 10) } : {}) }
    }
    if (type === TRANSFORM_PRF) choice.prf = id
    if (type === TRANSFORM_INTEGRITY && id !== 0) choice.integrity = id
    if (type === TRANSFORM_GROUP) choice.group = id
    at += length
  }
  return choice
}

function securityAssociation(proposals: readonly SaInitProposal[]): Uint8Array {
  const writer = new Writer(256)
  for (const [i, { encryptions, integrities, prfs, groups }] of proposals.entries()) {
    const transforms = [
      ...encryptions.map(({ id, keyBits }) => transform(TRANSFORM_ENCRYPTION, id, keyBits)),
      ...integrities.map((id) => transform(TRANSFORM_INTEGRITY, id)),
      ...prfs.map((id) => transform(TRANSFORM_PRF, id)),
      ...groups.map((id) => transform(TRANSFORM_GROUP, id)),
    ]
    proposal(writer, i + 1, transforms, i === proposals.length - 1)
  }
  return writer.finish()
}

type Transform = { readonly type: number; readonly id: number; readonly keyBits: number }

function transform(type: number, id: number, keyBits = 0): Transform {
  return { type, id, keyBits }
}

/** RFC 7296 §3.3.1 and §3.3.2. */
function proposal(
  writer: Writer,
  number: number,
  transforms: readonly Transform[],
  last: boolean,
): void {
  const start = writer.length
  writer.u8(last ? 0 : 2)
  writer.u8(0)
  writer.u16(0)
  writer.u8(number)
  writer.u8(PROTOCOL_IKE)
  writer.u8(0)
  writer.u8(transforms.length)
  for (const [i, { type, id, keyBits }] of transforms.entries()) {
    writer.u8(i === transforms.length - 1 ? 0 : 3)
    writer.u8(0)
    writer.u16(keyBits === 0 ? 8 : 12)
    writer.u8(type)
    writer.u8(0)
    writer.u16(id)
    if (keyBits === 0) continue
    writer.u16(ATTRIBUTE_KEY_LENGTH)
    writer.u16(keyBits)
  }
  writer.patchU16(start + 2, writer.length - start)
}

function payloadHeader(writer: Writer, next: number, octets: number): void {
  writer.u8(next)
  writer.u8(0)
  writer.u16(4 + octets)
}

const IKE_SA_INIT = 34
const FLAG_INITIATOR = 0x08
const FLAG_RESPONSE = 0x20
const PAYLOAD_SA = 33
const PAYLOAD_KE = 34
const PAYLOAD_NONCE = 40
const PAYLOAD_NOTIFY = 41
const PAYLOAD_VENDOR_ID = 43
const PROTOCOL_IKE = 1
const TRANSFORM_ENCRYPTION = 1
const TRANSFORM_PRF = 2
const TRANSFORM_INTEGRITY = 3
const TRANSFORM_GROUP = 4
/** With the first bit set: type and value, no length (RFC 7296 §3.3.5). */
const ATTRIBUTE_KEY_LENGTH = 0x800e
/** RFC 7296 §3.10.1. */
const INVALID_MAJOR_VERSION = 5
const INVALID_KE_PAYLOAD = 17
const COOKIE = 16_390
const FIRST_STATUS = 16_384
const MOST_PAYLOADS = 16
const MOST_TRANSFORMS = 16
