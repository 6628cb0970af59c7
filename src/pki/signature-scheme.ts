import type { Curve } from './public-key.ts'
import type { SignatureHash } from './signature-algorithm.ts'

/** How a peer signs. The first two are IKEv1's, where the data is HASH_I or HASH_R and is not hashed again. */
export type SignatureScheme =
  /** RFC 2409 §5.1: PKCS #1 v1.5 around the bare hash, without the DigestInfo that names it. */
  | { readonly kind: 'rsa-pkcs1-bare' }
  /** RFC 4754 §7: r and s of fixed length, one after the other; the hash goes in as it is. */
  | { readonly kind: 'ecdsa-bare'; readonly curve: Curve }
  /** RFC 7427, and methods 9 to 11 of IKEv2 (`fixed`, RFC 4754). */
  | { readonly kind: 'rsa-pkcs1'; readonly hash: SignatureHash }
  | { readonly kind: 'rsa-pss'; readonly hash: SignatureHash }
  | { readonly kind: 'ecdsa'; readonly hash: SignatureHash; readonly form: 'der' | 'fixed' }
  | { readonly kind: 'ed25519' }

/** RFC 4754 §4: the curve fixes the hash. */
export const CURVE_HASH: Readonly<Record<Curve, SignatureHash>> = {
  'P-256': 'sha256',
  'P-384': 'sha384',
  'P-521': 'sha512',
}

/** Octets of r, and of s (RFC 4754 §7). */
export const CURVE_OCTETS: Readonly<Record<Curve, number>> = {
  'P-256': 32,
  'P-384': 48,
  'P-521': 66,
}

/**
 * ECDSA over a hash made elsewhere, which `node:crypto` has no door to. Keys are PKCS #8 and SubjectPublicKeyInfo, in DER;
 * signatures are r and s, each of `integerOctets`.
 */
export interface BareEcdsa {
  sign(pkcs8: Uint8Array, integerOctets: number, hash: Uint8Array): Uint8Array
  /** False for whatever is no right signature; never throws. */
  verify(spki: Uint8Array, integerOctets: number, hash: Uint8Array, signature: Uint8Array): boolean
}

/** A key that cannot sign this way, or a signature that could not be made. */
export class SigningError extends Error {
  override readonly name = 'SigningError'
  readonly code = 'cannot-sign'
}
