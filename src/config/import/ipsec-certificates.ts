import { absolute } from '../psk.ts'
import type { Family } from './ipsec-family.ts'
import type { IpsecSection, IpsecSetting } from './ipsec-lines.ts'
import type { IpsecSecret } from './ipsec-secrets.ts'
import { isContainer, keyFileBeside, stemOf } from './swan-values.ts'
import type { TunnelImport } from './tunnel-import.ts'

type Conn = ReadonlyMap<string, IpsecSetting>
type Side = 'left' | 'right'

/** In hybrid authentication one side has a certificate, and the other logs in. */
export type CertificateSides = 'both' | 'ours' | 'theirs'

/** `certificate` of a connection; what is not named gets the name it has by custom, and a remark. */
export function importIpsecCertificates(
  tunnel: TunnelImport,
  conn: Conn,
  {
    own,
    other,
    sides,
  }: { readonly own: Side; readonly other: Side; readonly sides: CertificateSides },
  {
    secrets,
    authorities,
    family,
  }: {
    readonly secrets: readonly IpsecSecret[]
    readonly authorities: readonly IpsecSection[]
    readonly family: Family
  },
): void {
  const [cert, authority, theirs] = [
    conn.get(`${own}cert`),
    conn.get(`${other}ca`),
    conn.get(`${other}cert`),
  ]
  if (family === 'libreswan') inDatabase(tunnel, cert, sides)
  else {
    if (sides !== 'theirs') ownCertificate(tunnel, cert, secrets)
    if (sides !== 'ours') trusted(tunnel, theirs, authorities)
  }
  if (family === 'libreswan' && theirs !== undefined) tunnel.take('certificate.trust', theirs)
  if (authority !== undefined) tunnel.same(authority, 'certificate.trust names the file of the CA')
  if (theirs !== undefined && !tunnel.has('certificate.peer-id'))
    tunnel.remark(
      `${theirs.text.trim()} without an identity stands for the subject of that certificate: set certificate.peer-id to it.`,
    )
}

function ownCertificate(
  tunnel: TunnelImport,
  cert: IpsecSetting | undefined,
  secrets: readonly IpsecSecret[],
): void {
  const files = secrets.filter(({ kind }) => kind === 'file')
  const stem = stemOf(cert?.value)
  const named = files.find(({ path = '' }) => stem !== undefined && stemOf(path) === stem)
  const key = named ?? (files.length === 1 ? files[0] : undefined)
  if (cert !== undefined) tunnel.set('certificate.own', absolute(cert.value, `${BASE}/certs`), cert)
  else if (key?.path === undefined || !isContainer(key.path)) {
    tunnel.assume('certificate.own', `${BASE}/certs/OWN.pem`, 'not named: set it')
    tunnel.remark('Our certificate is not named: set certificate.own.')
  }
  if (key?.path !== undefined) {
    tunnel.set('certificate.key', absolute(key.path, `${BASE}/private`), key)
    if (key.secret !== undefined) tunnel.givePassphrase(key.secret, key)
    return
  }
  const guess = keyFileBeside(cert?.value)
  tunnel.assume('certificate.key', `${BASE}/private/${guess}`, 'by custom: not named')
  tunnel.remark('The file of our private key is not named: set certificate.key.')
}

function trusted(
  tunnel: TunnelImport,
  theirs: IpsecSetting | undefined,
  authorities: readonly IpsecSection[],
): void {
  if (theirs !== undefined) {
    tunnel.set('certificate.trust', [absolute(theirs.value, `${BASE}/certs`)], theirs)
    return
  }
  const named = authorities.flatMap(({ settings }) =>
    settings.filter(({ key }) => key === 'cacert'),
  )
  if (named.length > 0) {
    const paths = named.slice(0, MOST_CAS).map(({ value }) => absolute(value, `${BASE}/cacerts`))
    tunnel.set('certificate.trust', [...new Set(paths)], ...named)
    return
  }
  tunnel.assume('certificate.trust', [`${BASE}/cacerts/CA.pem`], 'not named: set it')
  tunnel.remark('strongSwan trusts every CA in cacerts: name that of the peer, certificate.trust.')
}

function inDatabase(
  tunnel: TunnelImport,
  cert: IpsecSetting | undefined,
  sides: CertificateSides,
): void {
  const files = [
    ...(sides === 'theirs' ? [] : (['own', 'key'] as const)),
    ...(sides === 'ours' ? [] : (['trust'] as const)),
  ]
  for (const key of files) {
    const name = { own: 'OWN.pem', key: 'OWN.key', trust: 'CA.pem' }[key]
    const path = `${BASE}/${name}`
    tunnel.assume(`certificate.${key}`, key === 'trust' ? [path] : path, 'in the NSS database')
  }
  if (cert !== undefined) tunnel.take('certificate', cert)
  if (sides !== 'theirs')
    tunnel.remark(
      `libreswan keeps certificates in its NSS database: pk12util -o own.p12 -n ${cert?.value ?? 'NAME'} -d sql:/var/lib/ipsec/nss; a .p12 is read as certificate.key`,
    )
}

const BASE = '/etc/ipsec.d'
const MOST_CAS = 32
