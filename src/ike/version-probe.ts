import { equalOctets } from '#bytes/equal'
import { Writer } from '#bytes/writer'
import { decodeHeader, encodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'

/**
 * Whether a peer would answer IKEv2, asked with the first message of IKE_SA_INIT (RFC 7296 §1.2) and no intention to go on. Nothing of
 * the answer is authenticated: it is a hint to the operator and never more.
 */
export type ProbeAnswer =
  /** It took our offer, or asked for another group or a cookie first: there is a configuration for us. */
  | 'yes'
  /** It speaks IKEv2 and has nothing for us, or not with these algorithms: NO_PROPOSAL_CHOSEN says either. */
  | 'not-for-us'
  /** It said that it does not speak IKEv2. */
  | 'no'

export const PROBE_SPI_OCTETS = 8
/** Of a group 14 value (256 octets) and a nonce. */
export const PROBE_RANDOM_OCTETS: number = 256 + 32

/** @param random `PROBE_RANDOM_OCTETS` long; the public value is random too, since no secret will ever come of it. */
export function encodeProbe(spi: Uint8Array, random: Uint8Array): Uint8Array {
  const body = new Writer(512)
  const sa = securityAssociation()
  payloadHeader(body, PAYLOAD_KE, sa.length)
  body.octets(sa)
  const group = random.slice(0, 256)
  // Below the prime, whose first octets are all ones (RFC 3526 §3), and not among the smallest values.
  group[0] = ((group[0] ?? 0) & 0x7f) | 0x40
  payloadHeader(body, PAYLOAD_NONCE, 4 + group.length)
  body.u16(MODP_2048)
  body.u16(0)
  body.octets(group)
  payloadHeader(body, 0, random.length - 256)
  body.octets(random.subarray(256))
  const payloads = body.finish()
  const header = encodeHeader({
    initiatorSpi: spi,
    responderSpi: new Uint8Array(8),
    nextPayload: PAYLOAD_SA,
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

/** @returns undefined when the datagram is no answer to the probe with this SPI */
export function readProbeAnswer(octets: Uint8Array, spi: Uint8Array): ProbeAnswer | undefined {
  try {
    const header = decodeHeader(octets)
    if (!equalOctets(header.initiatorSpi, spi)) return undefined
    // A responder of IKEv1 alone says so in its own version, or with what RFC 7296 §2.5 asks for.
    if (header.majorVersion !== 2) return 'no'
    if (header.exchangeType !== IKE_SA_INIT || (header.flags & FLAG_RESPONSE) === 0) return 'no'
    if (header.nextPayload === PAYLOAD_SA) return 'yes'
    return readNotify(octets, header.nextPayload)
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

/** The first notify decides; a chain is followed a few payloads far. */
function readNotify(octets: Uint8Array, first: number): ProbeAnswer | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  let type = first
  for (let at = HEADER_OCTETS, i = 0; i < MOST_PAYLOADS && at + 8 <= octets.length; i++) {
    const length = view.getUint16(at + 2)
    if (length < 4 || at + length > octets.length) return undefined
    if (type === PAYLOAD_SA) return 'yes'
    if (type === PAYLOAD_NOTIFY && length >= 8) {
      const answer = NOTIFIES.get(view.getUint16(at + 6))
      if (answer !== undefined) return answer
    }
    type = view.getUint8(at)
    at += length
  }
  return 'not-for-us'
}

/** AEAD and encrypt-then-MAC in proposals of their own (RFC 7296 §3.3), with all that a peer may have configured. */
function securityAssociation(): Uint8Array {
  const groups = GROUPS.map((id) => transform(TRANSFORM_GROUP, id))
  const prfs = PRFS.map((id) => transform(TRANSFORM_PRF, id))
  const aead = KEY_BITS.map((bits) => transform(TRANSFORM_ENCRYPTION, AES_GCM_16, bits))
  const cbc = KEY_BITS.map((bits) => transform(TRANSFORM_ENCRYPTION, AES_CBC, bits))
  const macs = INTEGRITIES.map((id) => transform(TRANSFORM_INTEGRITY, id))
  const writer = new Writer(256)
  proposal(writer, 1, [...aead, ...prfs, ...groups], false)
  proposal(writer, 2, [...cbc, ...macs, ...prfs, ...groups], true)
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
const PROTOCOL_IKE = 1
const TRANSFORM_ENCRYPTION = 1
const TRANSFORM_PRF = 2
const TRANSFORM_INTEGRITY = 3
const TRANSFORM_GROUP = 4
const AES_CBC = 12
const AES_GCM_16 = 20
const KEY_BITS = [256, 128]
/** HMAC with SHA-256, SHA-384, SHA-512, SHA-1. */
const PRFS = [5, 6, 7, 2]
const INTEGRITIES = [12, 13, 14, 2]
const MODP_2048 = 14
/** The group of the KE payload first; nothing comes of the weak ones but the knowledge that the peer has no better. */
const GROUPS = [MODP_2048, 19, 20, 21, 31, 15, 16, 5, 2]
/** With the first bit set: type and value, no length (RFC 7296 §3.3.5). */
const ATTRIBUTE_KEY_LENGTH = 0x800e
/** RFC 7296 §3.10.1. */
const NOTIFIES: ReadonlyMap<number, ProbeAnswer> = new Map([
  [5, 'no'], // INVALID_MAJOR_VERSION
  [14, 'not-for-us'], // NO_PROPOSAL_CHOSEN
  [17, 'yes'], // INVALID_KE_PAYLOAD
  [16_390, 'yes'], // COOKIE
])
const MOST_PAYLOADS = 16
