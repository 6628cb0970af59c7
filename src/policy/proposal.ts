import type { EncryptionName, HashName, IntegrityName, KeyExchangeName } from '#crypto/registry'

/** One acceptable set of algorithms for an IKE SA. In IKEv1 `hash` is both PRF and HASH (RFC 2409 §4). */
export type IkeSuite = {
  readonly encryption: EncryptionName
  readonly hash: HashName
  readonly keyExchange: KeyExchangeName
}

/** One acceptable set of algorithms for a Child SA. `integrity` is `'none'` exactly when `encryption` is an AEAD. */
export type EspSuite = {
  readonly encryption: EncryptionName
  readonly integrity: IntegrityName | 'none'
  /** Extended sequence numbers (RFC 4304). */
  readonly esn: boolean
}

/** Of an SA. A kilobyte is 1,024 octets (RFC 2407 §4.5). Absent: no such limit. */
export type Lifetime = { readonly seconds: number; readonly kilobytes?: number }

/** Whether a Child SA has a key exchange of its own. */
export type Pfs = KeyExchangeName | 'none'

export type EncapsulationMode = 'tunnel' | 'transport'
