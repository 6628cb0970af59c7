import { checkDer, DER, DerError, derChildren, derExpect, readDer, readOid } from '#bytes/der'

export type Curve = 'P-256' | 'P-384' | 'P-521'

/** A SubjectPublicKeyInfo, and what can be told of it without computing. */
export type PublicKey = { readonly spki: Uint8Array } & (
  | {
      readonly kind: 'rsa'
      readonly bits: number
      /** Why no signature can be checked with it, such as an even modulus. */
      readonly flaw?: string
    }
  | { readonly kind: 'ec'; readonly curve: Curve }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'other'; readonly algorithm: string }
)

/** @throws DerError */
export function parsePublicKey(spki: Uint8Array): PublicKey {
  checkDer(spki, { depth: 8, elements: 64 })
  const [algorithm, bits] = derChildren(derExpect(readDer(spki), DER.sequence, 'the key'), 2)
  const [oidElement, parameters] = derChildren(derExpect(algorithm, DER.sequence, 'its type'), 2)
  const oid = readOid(derExpect(oidElement, DER.oid, 'its type'))
  const { content } = derExpect(bits, DER.bitString, 'its value')
  if (content[0] !== 0) throw new DerError('a key with bits left over')
  if (oid === RSA) return { spki, ...rsaFacts(content.subarray(1)) }
  if (oid === ED25519) return { spki, kind: 'ed25519' }
  if (oid === EC && parameters?.tag === DER.oid) {
    const curve = CURVES[readOid(parameters)]
    if (curve !== undefined) return { spki, kind: 'ec', curve }
  }
  return { spki, kind: 'other', algorithm: oid }
}

/** `RSA-3072`, `P-256`. */
export function describeKey(key: PublicKey): string {
  if (key.kind === 'rsa') return `RSA-${key.bits}`
  if (key.kind === 'ec') return key.curve
  return key.kind === 'ed25519' ? 'Ed25519' : `a key of type ${key.algorithm}`
}

/** The octets inside the BIT STRING: what key identifiers are hashed over (RFC 5280 §4.2.1.2). */
export function keyBits({ spki }: PublicKey): Uint8Array {
  return derChildren(readDer(spki))[1]?.content.subarray(1) ?? new Uint8Array(0)
}

/** Whether it is an RSA key of fewer bits. */
export function isShorterRsa(key: PublicKey, bits: number): boolean {
  return key.kind === 'rsa' && key.bits < bits
}

/** RFC 8247 §3.1.1: shorter RSA keys SHOULD NOT be used; only where an operator says so. */
export const LEAST_RSA_BITS = 2048
/** Shorter ones have been broken in public (RSA-829 in 2020), so that nobody can say so. */
export const SHORTEST_RSA_BITS = 1024
/** Longer ones only cost the verifier time. */
const MOST_RSA_BITS = 16_384

const RSA = '1.2.840.113549.1.1.1'
const EC = '1.2.840.10045.2.1'
const ED25519 = '1.3.101.112'
const CURVES: Readonly<Record<string, Curve>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
}

function rsaFacts(octets: Uint8Array): { kind: 'rsa'; bits: number; flaw?: string } {
  const { modulus, exponent } = rsaParts(octets)
  const bits = modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24
  const flaw = rsaFlaw(modulus, bits, exponent)
  return { kind: 'rsa', bits, ...(flaw === undefined ? {} : { flaw }) }
}

function rsaFlaw(modulus: Uint8Array, bits: number, exponent: Uint8Array): string | undefined {
  if (bits > MOST_RSA_BITS) return `a modulus of ${bits} bits; ${MOST_RSA_BITS} are the most`
  if (((modulus[modulus.length - 1] ?? 0) & 1) === 0) return 'an even modulus'
  if (((exponent[exponent.length - 1] ?? 0) & 1) === 0) return 'an even public exponent'
  if (exponent.length === 1 && exponent[0] === 1) return 'the public exponent 1'
  // FIPS 186-5 §5.1 wants e below 2^256; larger ones stall the verifier.
  if (exponent.length > 32) return `a public exponent of ${exponent.length} octets`
  return undefined
}

/** Big-endian, without leading zeros. */
function rsaParts(octets: Uint8Array): { modulus: Uint8Array; exponent: Uint8Array } {
  const [modulus, exponent] = derChildren(derExpect(readDer(octets), DER.sequence, 'RSA key'), 2)
  return {
    modulus: unsigned(derExpect(modulus, DER.integer, 'the modulus').content),
    exponent: unsigned(derExpect(exponent, DER.integer, 'the public exponent').content),
  }
}

function unsigned(content: Uint8Array): Uint8Array {
  if (content.length === 0 || ((content[0] ?? 0) & 0x80) !== 0)
    throw new DerError('a number below zero')
  let start = 0
  while (start < content.length && content[start] === 0) start++
  return content.subarray(start)
}
