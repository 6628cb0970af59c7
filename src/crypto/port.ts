import type { EncryptionName, HashName, KeyExchangeName } from './registry.ts'

/**
 * The symmetric cryptography and randomness the protocol cores need; given to them as a value. `node.ts` is the real one,
 * `fixed.ts` a deterministic one for tests and simulation. All work here is cheap enough to do in place.
 */
export interface Crypto {
  random(octets: number): Uint8Array
  hash(hash: HashName, ...data: readonly Uint8Array[]): Uint8Array
  hmac(hash: HashName, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array
  /** CBC without padding; `plain` must be a multiple of the block. */
  encryptCbc(cipher: EncryptionName, key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array
  decryptCbc(
    cipher: EncryptionName,
    key: Uint8Array,
    iv: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array
}

/** A private and public value; `publicValue` as a KE payload carries it. */
export type KeyPair = { readonly privateValue: Uint8Array; readonly publicValue: Uint8Array }

/** Why a peer's public value was refused (RFC 6989 §2, RFC 2412 §5). */
export class InvalidPublicValue extends Error {
  readonly code = 'invalid-public-value'
}

/** Public-key work; costly, so never called by a protocol core: the engine asks for it by an effect. */
export interface KeyAgreement {
  generateKeyPair(group: KeyExchangeName): KeyPair
  /**
   * Validates the peer's value (length, range, on the curve, subgroup) and derives the shared secret, left-padded to the group's
   * size (RFC 2409 §5: g^xy has the length of the prime). @throws InvalidPublicValue
   */
  agree(group: KeyExchangeName, own: KeyPair, peerPublic: Uint8Array): Uint8Array
}
