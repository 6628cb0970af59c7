import fc from 'fast-check'
import type { IkeHeader } from '#wire/ike-header'
import type {
  IdPayload,
  Payload,
  ProposalPayload,
  Transform,
  TransformAttribute,
} from '#wire/v1/payloads'

/** Every IKEv1 payload value that has a form on the wire, in sizes a test can afford. */

const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffff_ffff)
const data = fc.uint8Array({ maxLength: 40 })

const attribute: fc.Arbitrary<TransformAttribute> = fc.oneof(
  plain({ form: fc.constant('short' as const), type: fc.nat(0x7fff), value: u16 }),
  plain({ form: fc.constant('long' as const), type: fc.nat(0x7fff), value: data }),
)

const transform: fc.Arbitrary<Transform> = plain({
  number: u8,
  id: u8,
  attributes: fc.array(attribute, { maxLength: 9 }),
})

const proposal: fc.Arbitrary<ProposalPayload> = plain({
  number: u8,
  protocolId: u8,
  spi: fc.uint8Array({ maxLength: 16 }),
  transforms: fc.array(transform, { minLength: 1, maxLength: 5 }),
})

const saPayload: fc.Arbitrary<Payload> = plain({
  type: fc.constant('SA' as const),
  doi: fc.constantFrom(0, 1),
  situation: u32.map((bits) => (bits & ~6) >>> 0),
  proposals: fc.array(proposal, { minLength: 1, maxLength: 4 }),
})

export const idPayload: fc.Arbitrary<IdPayload> = plain({
  type: fc.constant('ID' as const),
  idType: u8,
  protocolId: u8,
  port: u16,
  data,
})

const deletePayload: fc.Arbitrary<Payload> = fc.integer({ min: 1, max: 16 }).chain((size) =>
  plain({
    type: fc.constant('D' as const),
    doi: u32,
    protocolId: u8,
    spis: fc.array(fc.uint8Array({ minLength: size, maxLength: size }), { maxLength: 6 }),
  }),
)

const notificationPayload: fc.Arbitrary<Payload> = plain({
  type: fc.constant('N' as const),
  doi: u32,
  protocolId: u8,
  spi: fc.uint8Array({ maxLength: 20 }),
  notifyType: u16,
  data,
})

/** One for each payload type, by the name in its `type`. */
export const payloadsByType: Readonly<Record<Payload['type'], fc.Arbitrary<Payload>>> = {
  SA: saPayload,
  KE: plain({ type: fc.constant('KE' as const), data }),
  ID: idPayload,
  CERT: plain({ type: fc.constant('CERT' as const), encoding: u8, data }),
  CR: plain({ type: fc.constant('CR' as const), encoding: u8, data }),
  HASH: plain({ type: fc.constant('HASH' as const), data }),
  SIG: plain({ type: fc.constant('SIG' as const), data }),
  NONCE: plain({ type: fc.constant('NONCE' as const), data }),
  N: notificationPayload,
  D: deletePayload,
  VID: plain({ type: fc.constant('VID' as const), data }),
  'NAT-D': plain({ type: fc.constant('NAT-D' as const), draft: fc.boolean(), data }),
  'NAT-OA': plain({
    type: fc.constant('NAT-OA' as const),
    draft: fc.boolean(),
    idType: u8,
    data,
  }),
  ATTR: plain({
    type: fc.constant('ATTR' as const),
    message: u8,
    identifier: u16,
    attributes: fc.array(attribute, { maxLength: 9 }),
  }),
  FRAGMENT: plain({
    type: fc.constant('FRAGMENT' as const),
    id: u16,
    number: u8,
    flags: u8,
    data,
  }),
  unknown: plain({
    type: fc.constant('unknown' as const),
    // What the grammar does not know; 0 ends a chain.
    number: u8.filter((number) => number > 14 && ![20, 21, 130, 131, 132].includes(number)),
    data,
  }),
}

export const anyPayload: fc.Arbitrary<Payload> = fc.oneof(...Object.values(payloadsByType))

const spi = fc.uint8Array({ minLength: 8, maxLength: 8 })

/** With a length that fits a datagram of `length` octets. */
export function anyHeader(length: number): fc.Arbitrary<IkeHeader> {
  return plain({
    initiatorSpi: spi,
    responderSpi: spi,
    nextPayload: u8,
    majorVersion: fc.nat(15),
    minorVersion: fc.nat(15),
    exchangeType: u8,
    flags: u8,
    messageId: u32,
    length: fc.integer({ min: 28, max: length }),
  })
}

/** Objects as decoders make them, which strict comparison tells from objects without a prototype. */
function plain<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(fields, { noNullPrototype: true })
}
