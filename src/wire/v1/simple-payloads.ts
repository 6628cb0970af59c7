import {
  type Codec,
  derived,
  octetsOf,
  reserved,
  rest,
  struct,
  tag,
  u8,
  u16,
  u32,
} from '../codec.ts'
import type {
  CertPayload,
  CertRequestPayload,
  FragmentPayload,
  HashPayload,
  IdPayload,
  KePayload,
  NatDiscoveryPayload,
  NatOriginalAddressPayload,
  NoncePayload,
  NotificationPayload,
  SignaturePayload,
  UnknownPayload,
  VendorIdPayload,
} from './payloads.ts'

/** RFC 2408 §3.7. */
export const kePayload: Codec<KePayload> = struct('KE', { type: tag('KE'), data: rest })

/** RFC 2407 §4.6.2; in phase 1 `protocolId` and `port` are 0 and 0, or 17 and 500. */
export const idPayload: Codec<IdPayload> = struct('ID', {
  type: tag('ID'),
  idType: u8,
  protocolId: u8,
  port: u16,
  data: rest,
})

/** RFC 2408 §3.9. */
export const certPayload: Codec<CertPayload> = struct('CERT', {
  type: tag('CERT'),
  encoding: u8,
  data: rest,
})

/** RFC 2408 §3.10. */
export const certRequestPayload: Codec<CertRequestPayload> = struct('CR', {
  type: tag('CR'),
  encoding: u8,
  data: rest,
})

/** RFC 2408 §3.11. */
export const hashPayload: Codec<HashPayload> = struct('HASH', { type: tag('HASH'), data: rest })

/** RFC 2408 §3.12. */
export const signaturePayload: Codec<SignaturePayload> = struct('SIG', {
  type: tag('SIG'),
  data: rest,
})

/** RFC 2408 §3.13. */
export const noncePayload: Codec<NoncePayload> = struct('NONCE', {
  type: tag('NONCE'),
  data: rest,
})

/** RFC 2408 §3.14. */
export const notificationPayload: Codec<NotificationPayload> = struct('N', {
  type: tag('N'),
  doi: u32,
  protocolId: u8,
  spiSize: derived(u8, ({ spi }: NotificationPayload) => spi.length),
  notifyType: u16,
  spi: octetsOf('spiSize'),
  data: rest,
})

/** RFC 2408 §3.16. */
export const vendorIdPayload: Codec<VendorIdPayload> = struct('VID', {
  type: tag('VID'),
  data: rest,
})

/** RFC 3947 §3.2; the drafts' payload differs in its number only. */
export function natDiscoveryPayload(draft: boolean): Codec<NatDiscoveryPayload> {
  return struct('NAT-D', { type: tag('NAT-D'), draft: tag(draft), data: rest })
}

/** RFC 3947 §5.2; the drafts' payload differs in its number only. */
export function natOriginalAddressPayload(draft: boolean): Codec<NatOriginalAddressPayload> {
  return struct('NAT-OA', {
    type: tag('NAT-OA'),
    draft: tag(draft),
    idType: u8,
    reserved: reserved(3, 'ignored'),
    data: rest,
  })
}

/** No RFC: as Cisco's devices send it, and racoon and strongSwan after them. */
export const fragmentPayload: Codec<FragmentPayload> = struct('FRAGMENT', {
  type: tag('FRAGMENT'),
  id: u16,
  number: u8,
  flags: u8,
  data: rest,
})

export function unknownPayload(number: number): Codec<UnknownPayload> {
  return struct('unknown', { type: tag('unknown'), number: tag(number), data: rest })
}
