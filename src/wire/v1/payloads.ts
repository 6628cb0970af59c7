/** The values that IKEv1 payloads decode to and encode from (RFC 2408 §3, RFC 2407 §4.6, RFC 3947 §5.2). */

export type TransformAttribute =
  /** AF = 1 (RFC 2408 §3.3): the value is in the length field. */
  | { readonly form: 'short'; readonly type: number; readonly value: number }
  /** AF = 0: a length and that many octets. */
  | { readonly form: 'long'; readonly type: number; readonly value: Uint8Array }

export type Transform = {
  readonly number: number
  readonly id: number
  readonly attributes: readonly TransformAttribute[]
}

export type ProposalPayload = {
  readonly number: number
  /** RFC 2407 §4.4.1: 1 ISAKMP, 2 AH, 3 ESP, 4 IPCOMP. */
  readonly protocolId: number
  readonly spi: Uint8Array
  readonly transforms: readonly Transform[]
}

export type SaPayload = {
  readonly type: 'SA'
  readonly doi: number
  readonly situation: number
  readonly proposals: readonly ProposalPayload[]
}
export type KePayload = { readonly type: 'KE'; readonly data: Uint8Array }
export type IdPayload = {
  readonly type: 'ID'
  readonly idType: number
  readonly protocolId: number
  readonly port: number
  readonly data: Uint8Array
}
export type CertPayload = {
  readonly type: 'CERT'
  readonly encoding: number
  readonly data: Uint8Array
}
export type CertRequestPayload = {
  readonly type: 'CR'
  readonly encoding: number
  readonly data: Uint8Array
}
export type HashPayload = { readonly type: 'HASH'; readonly data: Uint8Array }
export type SignaturePayload = { readonly type: 'SIG'; readonly data: Uint8Array }
export type NoncePayload = { readonly type: 'NONCE'; readonly data: Uint8Array }
export type NotificationPayload = {
  readonly type: 'N'
  readonly doi: number
  readonly protocolId: number
  readonly spi: Uint8Array
  readonly notifyType: number
  readonly data: Uint8Array
}
export type DeletePayload = {
  readonly type: 'D'
  readonly doi: number
  readonly protocolId: number
  readonly spis: readonly Uint8Array[]
}
export type VendorIdPayload = { readonly type: 'VID'; readonly data: Uint8Array }
/** RFC 3947 §3.2. `draft` marks the private payload number 130 of the drafts; 20 is the RFC's. */
export type NatDiscoveryPayload = {
  readonly type: 'NAT-D'
  readonly draft: boolean
  readonly data: Uint8Array
}
/** RFC 3947 §5.2; draft number 131, RFC number 21. */
export type NatOriginalAddressPayload = {
  readonly type: 'NAT-OA'
  readonly draft: boolean
  readonly idType: number
  readonly data: Uint8Array
}
/** Mode Config (draft-dukes-ike-mode-cfg-02 §3.2), and XAUTH inside it. */
export type AttributePayload = {
  readonly type: 'ATTR'
  /** REQUEST, REPLY, SET or ACK, by number. */
  readonly message: number
  readonly identifier: number
  readonly attributes: readonly TransformAttribute[]
}
/** A part of an IKE message that is too large for the path, as Cisco and Microsoft cut them; the receiver joins them by number. */
export type FragmentPayload = {
  readonly type: 'FRAGMENT'
  readonly id: number
  /** From 1. */
  readonly number: number
  /** Bit 0: the last one. */
  readonly flags: number
  readonly data: Uint8Array
}
/** Kept and shown, never dropped. */
export type UnknownPayload = {
  readonly type: 'unknown'
  readonly number: number
  readonly data: Uint8Array
}

export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | CertRequestPayload
  | HashPayload
  | SignaturePayload
  | NoncePayload
  | NotificationPayload
  | DeletePayload
  | VendorIdPayload
  | NatDiscoveryPayload
  | NatOriginalAddressPayload
  | AttributePayload
  | FragmentPayload
  | UnknownPayload
