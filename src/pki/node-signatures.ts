import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  sign as signData,
  verify as verifyData,
} from 'node:crypto'
import { equalSecret } from '#bytes/equal'
import type { PrivateKey } from './node-private-key.ts'
import { isShorterRsa, type PublicKey, SHORTEST_RSA_BITS } from './public-key.ts'
import type { SignatureAlgorithm } from './signature-algorithm.ts'
import {
  type BareEcdsa,
  CURVE_OCTETS,
  type SignatureScheme,
  SigningError,
} from './signature-scheme.ts'

/** @throws SigningError when the key is of another kind than the scheme, or too short for it */
export function sign(
  key: PrivateKey,
  scheme: SignatureScheme,
  data: Uint8Array,
  bareEcdsa?: BareEcdsa,
): Uint8Array {
  const kind = mismatch(key.publicKey, scheme)
  if (kind !== undefined) throw new SigningError(kind)
  const handle = key.handle()
  switch (scheme.kind) {
    case 'rsa-pkcs1-bare':
      return plain(privateEncrypt({ key: handle, padding: constants.RSA_PKCS1_PADDING }, data))
    case 'ecdsa-bare':
      if (bareEcdsa === undefined) throw new SigningError('ECDSA needs the OpenSSL inside Node')
      return signBareEcdsa(bareEcdsa, handle, CURVE_OCTETS[scheme.curve], data)
    default:
      return plain(signData(hashOf(scheme), data, options(handle, scheme)))
  }
}

/** Whether `signature` is `key`'s over `data`. False for whatever goes wrong on the way (CVE-2013-2944); never throws. */
export function verify(
  key: PublicKey,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
  bareEcdsa?: BareEcdsa,
): boolean {
  if (mismatch(key, scheme) !== undefined) return false
  try {
    if (scheme.kind === 'ecdsa-bare') {
      const integerOctets = CURVE_OCTETS[scheme.curve]
      if (signature.length !== 2 * integerOctets) return false
      return bareEcdsa?.verify(key.spki, integerOctets, data, signature) === true
    }
    const handle = publicHandle(key)
    // As long as the modulus (RFC 8017 §8.1.2); OpenSSL's PSS takes one that lacks a zero at its beginning.
    if (isRsa(scheme) && signature.length !== modulusOctets(handle)) return false
    if (scheme.kind === 'rsa-pkcs1-bare') return verifyBareRsa(handle, data, signature)
    return verifyData(hashOf(scheme), data, options(handle, scheme), signature) === true
  } catch {
    return false
  }
}

/** Whether a certificate, CRL or OCSP response was signed by this key. */
export function verifyDocument(
  key: PublicKey,
  algorithm: SignatureAlgorithm,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (algorithm.kind === 'broken' || algorithm.kind === 'unknown') return false
  const scheme = algorithm.kind === 'ecdsa' ? ({ ...algorithm, form: 'der' } as const) : algorithm
  return verify(key, scheme, signed, signature)
}

/** SHA-1 where a format prescribes it to name things (RFC 6960 §4.1.1, RFC 5280 §4.2.1.2), never to prove them. */
export function sha1(data: Uint8Array): Uint8Array {
  return plain(createHash('sha1').update(data).digest())
}

export function sha256(data: Uint8Array): Uint8Array {
  return plain(createHash('sha256').update(data).digest())
}

/**
 * Rebuilds the whole block that an honest signer encrypts and compares it, so that nothing can hide in it: no short padding,
 * no octets behind the hash (CVE-2018-16151, CVE-2018-15836).
 */
function verifyBareRsa(key: KeyObject, hash: Uint8Array, signature: Uint8Array): boolean {
  const octets = modulusOctets(key)
  // RFC 8017 §9.2 wants 8 octets of padding at least; the hash of any PRF is 16 to 64.
  if (hash.length < 16 || hash.length > octets - 11) return false
  const expected = new Uint8Array(octets).fill(0xff)
  expected.set([0, 1])
  expected[octets - hash.length - 1] = 0
  expected.set(hash, octets - hash.length)
  return equalSecret(publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature), expected)
}

function isRsa({ kind }: SignatureScheme): boolean {
  return kind === 'rsa-pkcs1-bare' || kind === 'rsa-pkcs1' || kind === 'rsa-pss'
}

function modulusOctets(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8)
}

function signBareEcdsa(
  bareEcdsa: BareEcdsa,
  key: KeyObject,
  integerOctets: number,
  hash: Uint8Array,
): Uint8Array {
  const octets = key.export({ type: 'pkcs8', format: 'der' })
  try {
    return bareEcdsa.sign(octets, integerOctets, hash)
  } finally {
    octets.fill(0)
  }
}

/** Why this key cannot be used this way, or undefined. */
function mismatch(key: PublicKey, scheme: SignatureScheme): string | undefined {
  if (scheme.kind === 'ed25519') return key.kind === 'ed25519' ? undefined : 'not an Ed25519 key'
  if (scheme.kind === 'ecdsa') return key.kind === 'ec' ? undefined : 'not an ECDSA key'
  if (scheme.kind === 'ecdsa-bare') {
    if (key.kind === 'ec' && key.curve === scheme.curve) return undefined
    return `not an ECDSA key on ${scheme.curve}`
  }
  if (key.kind !== 'rsa') return 'not an RSA key'
  if (key.flaw !== undefined) return `an RSA key with ${key.flaw}`
  return isShorterRsa(key, SHORTEST_RSA_BITS) ? `an RSA key of ${key.bits} bits` : undefined
}

type HashingScheme = Exclude<SignatureScheme, { kind: 'rsa-pkcs1-bare' | 'ecdsa-bare' }>

function hashOf(scheme: HashingScheme): string | null {
  return scheme.kind === 'ed25519' ? null : scheme.hash
}

function options(key: KeyObject, scheme: HashingScheme) {
  if (scheme.kind === 'rsa-pss') {
    const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants
    return { key, padding, saltLength }
  }
  if (scheme.kind === 'rsa-pkcs1') return { key, padding: constants.RSA_PKCS1_PADDING }
  if (scheme.kind === 'ecdsa')
    return { key, dsaEncoding: scheme.form === 'fixed' ? 'ieee-p1363' : 'der' } as const
  return { key }
}

/** @throws for a point that is not on its curve */
function publicHandle({ spki }: PublicKey): KeyObject {
  return createPublicKey({ key: view(spki), format: 'der', type: 'spki' })
}

function view(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length)
}

function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
