import {
  AltName,
  AuthorityKeyIdentifier,
  BasicConstraints,
  CRLDistributionPoints,
  type Extension,
  ExtKeyUsage,
  type GeneralSubtree,
  InfoAccess,
  type GeneralName as PkijsGeneralName,
  NameConstraints as PkijsNameConstraints,
} from 'pkijs'
import { DER, DerError, derChildren, derExpect, readDer } from '#bytes/der'
import { type IpAddress, ipFromOctets } from '#bytes/ip'
import { formatDn } from '#policy/distinguished-name'

export type GeneralName =
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'email'; readonly name: string }
  | { readonly kind: 'uri'; readonly name: string }
  | { readonly kind: 'address'; readonly address: IpAddress }
  | { readonly kind: 'directory'; readonly der: Uint8Array; readonly text: string }
  /** Of a kind we have no use for; its context tag. */
  | { readonly kind: 'other'; readonly tag: number }

/** A name constraint: a `GeneralName`, where an address is a network. */
export type Subtree =
  | Exclude<GeneralName, { kind: 'address' }>
  | { readonly kind: 'network'; readonly address: Uint8Array; readonly mask: Uint8Array }

/** RFC 5280 §4.2.1.3, by bit. */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const
export type KeyUsage = (typeof KEY_USAGES)[number]

/** What a certificate says beyond version 1. Absent means the extension is not there. */
export type CertificateExtensions = {
  readonly subjectAltNames: readonly GeneralName[]
  readonly keyUsage?: readonly KeyUsage[]
  /** Object identifiers. */
  readonly extendedKeyUsage?: readonly string[]
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number }
  readonly nameConstraints?: {
    readonly permitted: readonly Subtree[]
    readonly excluded: readonly Subtree[]
  }
  readonly crlUrls: readonly string[]
  readonly ocspUrls: readonly string[]
  readonly caIssuersUrls: readonly string[]
  readonly subjectKeyId?: Uint8Array
  readonly authorityKeyId?: Uint8Array
  /** Object identifiers of critical extensions that we do not process. */
  readonly unknownCritical: readonly string[]
}

export const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  ocsp: '1.3.6.1.5.5.7.48.1',
  caIssuers: '1.3.6.1.5.5.7.48.2',
} as const

/** Purposes of RFC 5280 §4.2.1.12 and RFC 4945 §5.1.3.12. */
export const PURPOSE = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  ipsecIke: '1.3.6.1.5.5.7.3.17',
  ipsecEndSystem: '1.3.6.1.5.5.7.3.5',
  ipsecTunnel: '1.3.6.1.5.5.7.3.6',
  ipsecUser: '1.3.6.1.5.5.7.3.7',
  ikeIntermediate: '1.3.6.1.5.5.8.2.2',
} as const

const MOST_EXTENSIONS = 64
const MOST_NAMES = 1_000
const MOST_URLS = 8

/** @throws DerError */
export function parseExtensions(extensions: readonly Extension[]): CertificateExtensions {
  if (extensions.length > MOST_EXTENSIONS) throw new DerError('too many extensions')
  const found = new Map(extensions.map((extension) => [extension.extnID, extension]))
  // RFC 5280 §4.2: each at most once; which of two holds would be anybody's guess.
  if (found.size !== extensions.length) throw new DerError('an extension that is there twice')
  const values = new Map<string, Uint8Array>()
  for (const [oid, { extnValue }] of found)
    values.set(oid, extnValue.valueBlock.valueHexView.slice())
  const read = <T>(oid: string, parse: (octets: Uint8Array) => T): T | undefined => {
    const octets = values.get(oid)
    return octets === undefined ? undefined : parse(octets)
  }
  const access =
    read(OID.authorityInfoAccess, (octets) => InfoAccess.fromBER(octets).accessDescriptions) ?? []
  const urls = (method: string) =>
    access
      .filter(({ accessMethod }) => accessMethod === method)
      .flatMap(({ accessLocation }) => urlOf(accessLocation))
      .slice(0, MOST_URLS)
  return defined({
    subjectAltNames: read(OID.subjectAltName, parseAltNames) ?? [],
    keyUsage: read(OID.keyUsage, parseKeyUsage),
    extendedKeyUsage: read(OID.extendedKeyUsage, (octets) => [
      ...ExtKeyUsage.fromBER(octets).keyPurposes,
    ]),
    basicConstraints: read(OID.basicConstraints, parseBasicConstraints),
    nameConstraints: read(OID.nameConstraints, parseNameConstraints),
    crlUrls: read(OID.crlDistributionPoints, parseCrlUrls) ?? [],
    ocspUrls: urls(OID.ocsp),
    caIssuersUrls: urls(OID.caIssuers),
    subjectKeyId: read(OID.subjectKeyId, (octets) =>
      derExpect(readDer(octets), DER.octetString, 'the key identifier').content.slice(),
    ),
    authorityKeyId: read(OID.authorityKeyId, (octets) =>
      AuthorityKeyIdentifier.fromBER(octets).keyIdentifier?.valueBlock.valueHexView.slice(),
    ),
    unknownCritical: [...found.values()]
      .filter(({ critical, extnID }) => critical && !PROCESSED.has(extnID))
      .map(({ extnID }) => extnID),
  })
}

/** What is matched against identities and constraints must hold no octet that ends or hides part of a name. */
function generalName({ type, value }: Pick<PkijsGeneralName, 'type' | 'value'>): GeneralName {
  if (type === 1 || type === 2 || type === 6) {
    const name = String(value)
    if (!/^[\x21-\x7e]{1,1024}$/.test(name)) throw new DerError('a name with odd characters')
    const kinds = { 1: 'email', 2: 'dns', 6: 'uri' } as const
    return { kind: kinds[type], name }
  }
  if (type === 4) {
    const der = new Uint8Array(value.toSchema().toBER())
    const text = formatDn(der)
    if (text === undefined) throw new DerError('a name that cannot be read')
    return { kind: 'directory', der, text }
  }
  if (type === 7) {
    const address = ipFromOctets(hexView(value))
    if (address === undefined) throw new DerError('an address of odd length')
    return { kind: 'address', address }
  }
  return { kind: 'other', tag: type }
}

export function formatGeneralName(name: GeneralName): string {
  if (name.kind === 'address') return name.address
  if (name.kind === 'directory') return name.text
  return name.kind === 'other' ? `a name of type ${name.tag}` : name.name
}

const PROCESSED: ReadonlySet<string> = new Set([
  OID.keyUsage,
  OID.subjectAltName,
  OID.basicConstraints,
  OID.nameConstraints,
  OID.crlDistributionPoints,
  OID.extendedKeyUsage,
  OID.authorityInfoAccess,
  // Key identifiers, and policies: any policy is acceptable to us (RFC 5280 §6.1.1, user-initial-policy-set).
  OID.subjectKeyId,
  OID.authorityKeyId,
  '2.5.29.32',
])

export function parseAltNames(octets: Uint8Array): readonly GeneralName[] {
  derChildren(readDer(octets), MOST_NAMES)
  return AltName.fromBER(octets).altNames.map(generalName)
}

function parseKeyUsage(octets: Uint8Array): readonly KeyUsage[] {
  const { content } = derExpect(readDer(octets), DER.bitString, 'the key usage')
  return KEY_USAGES.filter((_, bit) => ((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0)
}

function parseBasicConstraints(octets: Uint8Array): { ca: boolean; pathLength?: number } {
  const { cA: ca, pathLenConstraint } = BasicConstraints.fromBER(octets)
  if (pathLenConstraint === undefined) return { ca }
  // A length too long for a number is longer than any path.
  const length = typeof pathLenConstraint === 'number' ? pathLenConstraint : 255
  if (length < 0) throw new DerError('a path length below zero')
  return { ca, pathLength: length }
}

function parseNameConstraints(octets: Uint8Array) {
  for (const part of derChildren(readDer(octets), 2)) derChildren(part, MOST_NAMES)
  const { permittedSubtrees = [], excludedSubtrees = [] } = PkijsNameConstraints.fromBER(octets)
  return { permitted: permittedSubtrees.map(subtree), excluded: excludedSubtrees.map(subtree) }
}

/** RFC 5280 §4.2.1.10: minimum is 0 and maximum is not there. */
function subtree({ base, minimum, maximum }: GeneralSubtree): Subtree {
  if (minimum !== 0 || maximum !== undefined) throw new DerError('a subtree with bounds')
  if (base.type === 7) {
    const octets = hexView(base.value)
    if (octets.length !== 8 && octets.length !== 32) throw new DerError('a network of odd length')
    const half = octets.length / 2
    return { kind: 'network', address: octets.slice(0, half), mask: octets.slice(half) }
  }
  // A constraint may be empty: every name of its kind.
  if ((base.type === 1 || base.type === 2 || base.type === 6) && base.value === '')
    return { kind: base.type === 1 ? 'email' : base.type === 2 ? 'dns' : 'uri', name: '' }
  const name = generalName(base)
  if (name.kind === 'address') throw new DerError('an address that is no network')
  return name
}

function parseCrlUrls(octets: Uint8Array): readonly string[] {
  return CRLDistributionPoints.fromBER(octets)
    .distributionPoints.flatMap(({ distributionPoint, reasons, cRLIssuer }) =>
      // RFC 5280 §6.3.3 allows to leave out those for some reasons only, and indirect CRLs.
      Array.isArray(distributionPoint) && reasons === undefined && cRLIssuer === undefined
        ? distributionPoint.flatMap(urlOf)
        : [],
    )
    .slice(0, MOST_URLS)
}

function urlOf({ type, value }: PkijsGeneralName): readonly string[] {
  return type === 6 && /^https?:\/\/[\x21-\x7e]{1,1024}$/i.test(String(value))
    ? [String(value)]
    : []
}

function hexView(value: {
  readonly valueBlock: { readonly valueHexView: Uint8Array }
}): Uint8Array {
  return value.valueBlock.valueHexView.slice()
}

/** Without the keys that have no value. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
