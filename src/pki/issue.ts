import { concat } from '#bytes/concat'
import { DER, der, derOid, derUnsigned } from '#bytes/der'
import { ipOctets } from '#bytes/ip'
import { type GeneralName, KEY_USAGES, type KeyUsage, OID } from './extensions.ts'
import { type Moment, timeText } from './moment.ts'
import type { PrivateKey } from './node-private-key.ts'
import { sha1, sign } from './node-signatures.ts'
import { keyBits, type PublicKey } from './public-key.ts'
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts'
import { CURVE_HASH } from './signature-scheme.ts'

export type ExtensionDraft = {
  readonly oid: string
  readonly critical?: boolean
  readonly value: Uint8Array
}

export type CertificateDraft = {
  /** DER of a Name. */
  readonly subject: Uint8Array
  readonly publicKey: PublicKey
  /** Big-endian; RFC 5280 §4.1.2.2 allows 20 octets. */
  readonly serial: Uint8Array
  readonly notBefore: Moment
  readonly notAfter: Moment
  readonly extensions: readonly ExtensionDraft[]
}

/** Who signs: the name is the issuer's subject, in DER. */
export type Issuer = { readonly name: Uint8Array; readonly key: PrivateKey }

/** A certificate of version 3, in DER. */
export function issueCertificate(draft: CertificateDraft, issuer: Issuer): Uint8Array {
  return signed(issuer.key, (algorithm) => [
    der(0xa0, der(DER.integer, Uint8Array.of(2))),
    derUnsigned(draft.serial),
    algorithm,
    issuer.name,
    der(DER.sequence, time(draft.notBefore), time(draft.notAfter)),
    draft.subject,
    draft.publicKey.spki,
    der(0xa3, extensionList(draft.extensions)),
  ])
}

export type CrlDraft = {
  readonly number: Uint8Array
  readonly thisUpdate: Moment
  readonly nextUpdate: Moment
  readonly revoked: readonly {
    readonly serial: Uint8Array
    readonly at: Moment
    readonly reason?: number
  }[]
  readonly extensions?: readonly ExtensionDraft[]
}

/** A CRL of version 2, in DER. */
export function issueCrl(draft: CrlDraft, issuer: Issuer): Uint8Array {
  const entries = draft.revoked.map(({ serial, at, reason }) =>
    der(
      DER.sequence,
      derUnsigned(serial),
      time(at),
      ...(reason === undefined ? [] : [reasonCode(reason)]),
    ),
  )
  const extensions = [
    { oid: OID.authorityKeyId, value: authorityKeyIdValue(issuer.key.publicKey) },
    { oid: '2.5.29.20', value: derUnsigned(draft.number) },
    ...(draft.extensions ?? []),
  ]
  return signed(issuer.key, (algorithm) => [
    der(DER.integer, Uint8Array.of(1)),
    algorithm,
    issuer.name,
    time(draft.thisUpdate),
    time(draft.nextUpdate),
    // An empty list must not be there at all (RFC 5280 §5.1.2.6).
    ...(entries.length === 0 ? [] : [der(DER.sequence, ...entries)]),
    der(0xa0, extensionList(extensions)),
  ])
}

/** A PKCS #10 request (RFC 2986), in DER, that proves possession of the key. */
export function createRequest(
  subject: Uint8Array,
  names: readonly GeneralName[],
  key: PrivateKey,
): Uint8Array {
  const wished = extensionList([{ oid: OID.subjectAltName, value: altNamesValue(names) }])
  const attribute = der(DER.sequence, derOid(EXTENSION_REQUEST), der(DER.set, wished))
  return signed(key, () => [
    der(DER.integer, Uint8Array.of(0)),
    subject,
    key.publicKey.spki,
    names.length === 0 ? der(0xa0) : der(0xa0, attribute),
  ])
}

/** For a CA: how many CAs may stand below it, nothing said means any number. */
export function authorityExtensions(
  own: PublicKey,
  issuer: PublicKey,
  pathLength?: number,
): readonly ExtensionDraft[] {
  const length = pathLength === undefined ? [] : [der(DER.integer, Uint8Array.of(pathLength))]
  return [
    { oid: OID.basicConstraints, critical: true, value: der(DER.sequence, TRUE, ...length) },
    { oid: OID.keyUsage, critical: true, value: keyUsageValue(['keyCertSign', 'cRLSign']) },
    { oid: OID.subjectKeyId, value: subjectKeyIdValue(own) },
    { oid: OID.authorityKeyId, value: authorityKeyIdValue(issuer) },
  ]
}

/** For a gateway: the names it goes by, and nothing it could sign others with. */
export function gatewayExtensions(
  own: PublicKey,
  issuer: PublicKey,
  names: readonly GeneralName[],
  purposes: readonly string[],
  crlUrl?: string,
): readonly ExtensionDraft[] {
  return [
    { oid: OID.basicConstraints, critical: true, value: der(DER.sequence) },
    { oid: OID.keyUsage, critical: true, value: keyUsageValue(['digitalSignature']) },
    { oid: OID.extendedKeyUsage, value: der(DER.sequence, ...purposes.map(derOid)) },
    { oid: OID.subjectKeyId, value: subjectKeyIdValue(own) },
    { oid: OID.authorityKeyId, value: authorityKeyIdValue(issuer) },
    ...(names.length === 0 ? [] : [{ oid: OID.subjectAltName, value: altNamesValue(names) }]),
    ...(crlUrl === undefined
      ? []
      : [{ oid: OID.crlDistributionPoints, value: distributionPointsValue([crlUrl]) }]),
  ]
}

export function altNamesValue(names: readonly GeneralName[]): Uint8Array {
  return der(DER.sequence, ...names.map(encodeName))
}

export function keyUsageValue(usages: readonly KeyUsage[]): Uint8Array {
  let bits = 0
  for (const usage of usages) bits |= 0x8000 >> KEY_USAGES.indexOf(usage)
  if (bits === 0) return der(DER.bitString, Uint8Array.of(0))
  let unused = 0
  while (((bits >> unused) & 1) === 0) unused++
  const octets = unused >= 8 ? [unused - 8, bits >> 8] : [unused, bits >> 8, bits & 0xff]
  return der(DER.bitString, Uint8Array.from(octets))
}

export function distributionPointsValue(urls: readonly string[]): Uint8Array {
  const points = urls.map((url) =>
    der(DER.sequence, der(0xa0, der(0xa0, encodeName({ kind: 'uri', name: url })))),
  )
  return der(DER.sequence, ...points)
}

/** How a key signs certificates. */
function algorithmFor(key: PublicKey): Exclude<SignatureAlgorithm, { kind: 'broken' | 'unknown' }> {
  if (key.kind === 'ec') return { kind: 'ecdsa', hash: CURVE_HASH[key.curve] }
  return key.kind === 'ed25519' ? { kind: 'ed25519' } : { kind: 'rsa-pkcs1', hash: 'sha256' }
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
const TRUE = der(DER.boolean, Uint8Array.of(0xff))

function signed(
  key: PrivateKey,
  fields: (algorithm: Uint8Array) => readonly Uint8Array[],
): Uint8Array {
  const algorithm = algorithmFor(key.publicKey)
  const encoded = encodeSignatureAlgorithm(algorithm)
  const tbs = der(DER.sequence, ...fields(encoded))
  const scheme = algorithm.kind === 'ecdsa' ? ({ ...algorithm, form: 'der' } as const) : algorithm
  return der(DER.sequence, tbs, encoded, bitString(sign(key, scheme, tbs)))
}

function extensionList(extensions: readonly ExtensionDraft[]): Uint8Array {
  const encoded = extensions.map(({ oid, critical, value }) =>
    der(
      DER.sequence,
      derOid(oid),
      ...(critical === true ? [TRUE] : []),
      der(DER.octetString, value),
    ),
  )
  return der(DER.sequence, ...encoded)
}

function encodeName(name: GeneralName): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value)
  switch (name.kind) {
    case 'email':
      return der(0x81, text(name.name))
    case 'dns':
      return der(0x82, text(name.name))
    case 'directory':
      return der(0xa4, name.der)
    case 'uri':
      return der(0x86, text(name.name))
    case 'address':
      return der(0x87, ipOctets(name.address))
    case 'other':
      throw new TypeError('a name of a kind that is not written')
  }
}

/** RFC 5280 §4.2.1.2, method 1. */
function subjectKeyIdValue(key: PublicKey): Uint8Array {
  return der(DER.octetString, sha1(keyBits(key)))
}

function authorityKeyIdValue(key: PublicKey): Uint8Array {
  return der(DER.sequence, der(0x80, sha1(keyBits(key))))
}

function reasonCode(reason: number): Uint8Array {
  const value = der(DER.octetString, der(DER.enumerated, Uint8Array.of(reason)))
  return der(DER.sequence, der(DER.sequence, derOid('2.5.29.21'), value))
}

function bitString(octets: Uint8Array): Uint8Array {
  return der(DER.bitString, concat(Uint8Array.of(0), octets))
}

function time(moment: Moment): Uint8Array {
  const { utc, text } = timeText(moment)
  return der(utc ? DER.utcTime : DER.generalizedTime, new TextEncoder().encode(text))
}
