import { DER, type DerElement, der, derChildren, derOid, readDer, readOid } from '#bytes/der'

export type SignatureHash = 'sha256' | 'sha384' | 'sha512'

/** How certificates, CRLs and OCSP responses are signed, and IKEv2 peers by RFC 7427. */
export type SignatureAlgorithm =
  | { readonly kind: 'rsa-pkcs1'; readonly hash: SignatureHash }
  /** The salt is as long as the hash. */
  | { readonly kind: 'rsa-pss'; readonly hash: SignatureHash }
  | { readonly kind: 'ecdsa'; readonly hash: SignatureHash }
  | { readonly kind: 'ed25519' }
  /** Known to be forgeable: MD2, MD5, SHA-1. */
  | { readonly kind: 'broken'; readonly name: string }
  | { readonly kind: 'unknown'; readonly oid: string }

/** From an AlgorithmIdentifier. @throws DerError */
export function signatureAlgorithm(element: Pick<DerElement, 'content'>): SignatureAlgorithm {
  const [oidElement, parameters] = derChildren(element, 2)
  const oid = readOid(oidElement ?? { content: new Uint8Array(0) })
  const plain = PLAIN[oid]
  if (plain !== undefined) return plain
  const broken = BROKEN[oid]
  if (broken !== undefined) return { kind: 'broken', name: broken }
  if (oid === PSS) return pss(parameters)
  return { kind: 'unknown', oid }
}

/** The AlgorithmIdentifier to write. */
export function encodeSignatureAlgorithm(
  algorithm: Exclude<SignatureAlgorithm, { kind: 'broken' | 'unknown' }>,
): Uint8Array {
  if (algorithm.kind === 'rsa-pss') return encodePss(algorithm.hash)
  const found = Object.entries(PLAIN).find(([, one]) => {
    if (one.kind !== algorithm.kind) return false
    return !('hash' in one) || !('hash' in algorithm) || one.hash === algorithm.hash
  })
  const oid = derOid(found?.[0] ?? '')
  return algorithm.kind === 'rsa-pkcs1'
    ? der(DER.sequence, oid, der(DER.null))
    : der(DER.sequence, oid)
}

export function describeAlgorithm(algorithm: SignatureAlgorithm): string {
  switch (algorithm.kind) {
    case 'rsa-pkcs1':
      return `RSA with ${algorithm.hash}`
    case 'rsa-pss':
      return `RSA-PSS with ${algorithm.hash}`
    case 'ecdsa':
      return `ECDSA with ${algorithm.hash}`
    case 'ed25519':
      return 'Ed25519'
    case 'broken':
      return algorithm.name
    case 'unknown':
      return `algorithm ${algorithm.oid}`
  }
}

const PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'

const PLAIN: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.11': { kind: 'rsa-pkcs1', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { kind: 'rsa-pkcs1', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { kind: 'rsa-pkcs1', hash: 'sha512' },
  '1.2.840.10045.4.3.2': { kind: 'ecdsa', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { kind: 'ecdsa', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { kind: 'ecdsa', hash: 'sha512' },
  '1.3.101.112': { kind: 'ed25519' },
}

const BROKEN: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'RSA with MD2',
  '1.2.840.113549.1.1.4': 'RSA with MD5',
  '1.2.840.113549.1.1.5': 'RSA with SHA-1',
  '1.3.14.3.2.29': 'RSA with SHA-1',
  '1.2.840.10040.4.3': 'DSA with SHA-1',
  '1.2.840.10045.4.1': 'ECDSA with SHA-1',
}

const HASHES: Readonly<Record<string, SignatureHash>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/** RFC 4055 §3.1, where what is left out means SHA-1; only one hash for both uses, MGF1, a salt of its length, trailer 1. */
function pss(parameters: DerElement | undefined): SignatureAlgorithm {
  const unknown = { kind: 'unknown', oid: PSS } as const
  if (parameters?.tag !== DER.sequence) return { kind: 'broken', name: 'RSA-PSS with SHA-1' }
  const fields = new Map(derChildren(parameters, 4).map((one) => [one.tag, readDer(one.content)]))
  const hash = hashOf(fields.get(0xa0))
  const [mgf, mgfHash] = derChildren(fields.get(0xa1) ?? { content: new Uint8Array(0) }, 2)
  const salt = fields.get(0xa2)?.content
  const trailer = fields.get(0xa3)?.content
  if (hash === undefined || mgf === undefined || readOid(mgf) !== MGF1) return unknown
  if (hashOf(mgfHash) !== hash || (trailer !== undefined && trailer.join() !== '1')) return unknown
  if (salt?.length !== 1 || salt[0] !== HASH_OCTETS[hash]) return unknown
  return { kind: 'rsa-pss', hash }
}

const HASH_OCTETS: Readonly<Record<SignatureHash, number>> = {
  sha256: 32,
  sha384: 48,
  sha512: 64,
}

function hashOf(element: DerElement | undefined): SignatureHash | undefined {
  const [oid] = element === undefined ? [] : derChildren(element, 2)
  return oid === undefined ? undefined : HASHES[readOid(oid)]
}

function encodePss(hash: SignatureHash): Uint8Array {
  const oid = Object.entries(HASHES).find(([, name]) => name === hash)?.[0] ?? ''
  const hashAlgorithm = der(DER.sequence, derOid(oid), der(DER.null))
  const mgf = der(DER.sequence, derOid(MGF1), hashAlgorithm)
  const salt = der(DER.integer, Uint8Array.of(HASH_OCTETS[hash]))
  const parameters = der(DER.sequence, der(0xa0, hashAlgorithm), der(0xa1, mgf), der(0xa2, salt))
  return der(DER.sequence, derOid(PSS), parameters)
}
