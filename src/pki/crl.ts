import {
  checkDer,
  DER,
  type DerElement,
  DerError,
  derChildren,
  derElements,
  derExpect,
  readDer,
  readOid,
} from '#bytes/der'
import { equalOctets } from '#bytes/equal'
import { toHex } from '#bytes/hex'
import {
  type Certificate,
  guarded,
  MalformedPki,
  type Name,
  name,
  readTime,
} from './certificate.ts'
import type { Moment } from './moment.ts'
import { pemBlocks } from './pem.ts'
import { type SignatureAlgorithm, signatureAlgorithm } from './signature-algorithm.ts'

/**
 * A certificate revocation list. It is read element by element instead of by the library, which builds objects for every
 * entry: lists of CAs have hundreds of thousands.
 */
export type Crl = {
  readonly issuer: Name
  readonly thisUpdate: Moment
  readonly nextUpdate?: Moment
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
  /** Content of revokedCertificates. */
  readonly entries: Uint8Array
  readonly scope: CrlScope
  /** Why it says nothing about certificates of ours: a delta, an indirect CRL, an unknown critical extension. */
  readonly unusable?: string
}

/** RFC 5280 §5.2.5: what the list is complete for. */
export type CrlScope = {
  readonly only: 'all' | 'leaves' | 'authorities'
  /** Distribution points it was issued for; undefined: any. */
  readonly urls?: readonly string[]
}

export type RevokedEntry = { readonly at: Moment; readonly reason?: string }

export const LONGEST_CRL: number = 32 * 1024 * 1024

/** PEM or DER. @throws MalformedPki and nothing else */
export function parseCrl(file: Uint8Array): Crl {
  return guarded('CRL', () => {
    if (file.length > LONGEST_CRL) throw new DerError(`${file.length} octets`)
    if (file[0] === DER.sequence) return parse(file)
    const block = pemBlocks(new TextDecoder().decode(file)).find(
      ({ label }) => label === 'X509 CRL',
    )
    if (block === undefined) throw new MalformedPki('there is no CRL in it')
    return parse(block.octets)
  })
}

/** The entry of a certificate of the CRL's issuer, if it was revoked. @throws MalformedPki */
export function revokedEntry(crl: Crl, serial: string): RevokedEntry | undefined {
  return guarded('CRL', () => {
    for (const entry of derElements({ content: crl.entries })) {
      const [number, date, extensions] = derChildren(entry, 3)
      if (toHex(derExpect(number, DER.integer, 'a serial number').content) !== serial) continue
      const reason = extensions === undefined ? undefined : reasonOf(extensions)
      return { at: readTime(date), ...(reason === undefined ? {} : { reason }) }
    }
    return undefined
  })
}

/** @throws MalformedPki */
export function revokedCount(crl: Crl): number {
  return guarded('CRL', () => [...derElements({ content: crl.entries })].length)
}

/** Whether the list is complete for this certificate. @returns why not, or undefined */
export function outOfScope({ scope, unusable }: Crl, certificate: Certificate): string | undefined {
  if (unusable !== undefined) return unusable
  const isCa = certificate.basicConstraints?.ca === true
  if (scope.only === 'leaves' && isCa) return 'the CRL is for end entities only'
  if (scope.only === 'authorities' && !isCa) return 'the CRL is for CAs only'
  // RFC 4945 §5.2.2.5: or one list could be passed off for another of the same CA.
  if (scope.urls === undefined || scope.urls.some((url) => certificate.crlUrls.includes(url)))
    return undefined
  return 'the CRL was issued for another distribution point'
}

/** RFC 5280 §5.3.1, by number. */
const REASONS = [
  'unspecified',
  'key compromise',
  'CA compromise',
  'affiliation changed',
  'superseded',
  'cessation of operation',
  'certificate hold',
  'unused',
  'removed from CRL',
  'privilege withdrawn',
  'AA compromise',
] as const

export function reasonText(number: number): string {
  return REASONS[number] ?? `reason ${number}`
}

const CRL_REASON = '2.5.29.21'
const DELTA = '2.5.29.27'
const DISTRIBUTION_POINT = '2.5.29.28'
/** CRL number, authority key identifier, issuer alternative name, freshest CRL. */
const HARMLESS: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35', '2.5.29.18', '2.5.29.46'])

function parse(octets: Uint8Array): Crl {
  const [tbs, algorithm, signature] = derChildren(
    derExpect(readDer(octets), DER.sequence, 'CRL'),
    3,
  )
  const children = derChildren(derExpect(tbs, DER.sequence, 'tbsCertList'), 8)
  const fields = children[0]?.tag === DER.integer ? children.slice(1) : children
  const [inner, issuer, thisUpdate, ...rest] = fields
  if (inner === undefined || !equalOctets(inner.octets, algorithm?.octets ?? new Uint8Array(0)))
    throw new DerError('two different signature algorithms')
  const nextUpdate = rest.find(({ tag }) => tag === DER.utcTime || tag === DER.generalizedTime)
  const bits = derExpect(signature, DER.bitString, 'the signature').content
  return {
    issuer: name(derExpect(issuer, DER.sequence, 'the issuer').octets.slice()),
    thisUpdate: readTime(thisUpdate),
    ...(nextUpdate === undefined ? {} : { nextUpdate: readTime(nextUpdate) }),
    tbs: tbs?.octets ?? octets,
    signatureAlgorithm: signatureAlgorithm(inner),
    signature: bits.subarray(1),
    entries: rest.find(({ tag }) => tag === DER.sequence)?.content ?? new Uint8Array(0),
    ...extensionFacts(rest.find(({ tag }) => tag === 0xa0)),
  }
}

function extensionFacts(extensions: DerElement | undefined): Pick<Crl, 'scope' | 'unusable'> {
  const all: CrlScope = { only: 'all' }
  if (extensions === undefined) return { scope: all }
  checkDer(extensions.octets, { depth: 16, elements: 2_000 })
  let facts: Pick<Crl, 'scope' | 'unusable'> = { scope: all }
  for (const { oid, critical, value } of readExtensions(derChildren(extensions, 1)[0])) {
    if (oid === DISTRIBUTION_POINT) facts = { ...facts, ...issuingPoint(readDer(value)) }
    else if (oid === DELTA) facts = { ...facts, unusable: 'the CRL is a delta' }
    else if (critical && !HARMLESS.has(oid))
      facts = { ...facts, unusable: `the CRL has the critical extension ${oid}` }
  }
  return facts
}

function issuingPoint(sequence: DerElement): Pick<Crl, 'scope' | 'unusable'> {
  const fields = new Map(derChildren(sequence, 6).map((field) => [field.tag, field]))
  const isSet = (tag: number) => fields.get(tag)?.content[0] === 0xff
  if (fields.has(0xa3) || fields.has(0x83) || isSet(0x84) || isSet(0x85))
    return { scope: { only: 'all' }, unusable: 'the CRL is indirect or covers only some reasons' }
  const only = isSet(0x81) ? 'leaves' : isSet(0x82) ? 'authorities' : 'all'
  const point = fields.get(0xa0)
  if (point === undefined) return { scope: { only } }
  // fullName is [0], and in it a URI is [6].
  const urls = derChildren(point, 1)
    .filter(({ tag }) => tag === 0xa0)
    .flatMap((fullName) => derChildren(fullName, 100))
    .filter(({ tag }) => tag === 0x86)
    .map(({ content }) => new TextDecoder().decode(content))
  return { scope: { only, urls } }
}

function reasonOf(extensions: DerElement): string | undefined {
  const found = readExtensions(extensions).find(({ oid }) => oid === CRL_REASON)
  return found === undefined ? undefined : reasonText(readDer(found.value).content[0] ?? 0)
}

function readExtensions(
  sequence: DerElement | undefined,
): readonly { readonly oid: string; readonly critical: boolean; readonly value: Uint8Array }[] {
  return derChildren(derExpect(sequence, DER.sequence, 'extensions'), 64).map((extension) => {
    const parts = derChildren(derExpect(extension, DER.sequence, 'an extension'), 3)
    const value = derExpect(parts[parts.length - 1], DER.octetString, 'an extension').content
    const critical = parts[1]?.tag === DER.boolean && parts[1].content[0] === 0xff
    return { oid: readOid(derExpect(parts[0], DER.oid, 'an extension')), critical, value }
  })
}
