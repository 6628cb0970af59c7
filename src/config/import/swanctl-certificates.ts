import type { Secret } from '#bytes/secret'
import type { Files } from '../files.ts'
import { absolute } from '../psk.ts'
import type { Origin } from './imported.ts'
import type { CertificateSides } from './ipsec-certificates.ts'
import { holdsKeyOf, publicKeyIn } from './key-of-certificate.ts'
import type { Section } from './settings.ts'
import { isContainer, keyFileBeside, stemOf } from './swan-values.ts'
import type { SwanSecrets } from './swanctl-secrets.ts'
import type { TunnelImport } from './tunnel-import.ts'

/** `certificate` of a connection; what is not named gets the name it has by custom, and a remark. */
export function importSwanctlCertificates(
  tunnel: TunnelImport,
  { at }: Section,
  {
    local,
    remote,
    sides,
  }: {
    readonly local: Section | undefined
    readonly remote: Section | undefined
    readonly sides: CertificateSides
  },
  about: {
    readonly secrets: SwanSecrets
    readonly files: Files
    readonly authorities: Section | undefined
  },
): void {
  const slash = at.file.lastIndexOf('/')
  const folder = slash === -1 ? '.' : at.file.slice(0, slash)
  if (sides !== 'theirs') ownCertificate(tunnel, local, folder, about)
  if (sides !== 'ours') trusted(tunnel, remote, folder, about)
}

function ownCertificate(
  tunnel: TunnelImport,
  local: Section | undefined,
  folder: string,
  { secrets, files }: { readonly secrets: SwanSecrets; readonly files: Files },
): void {
  const certs = local?.settings.get('certs')
  const [own] = (certs?.value ?? '').split(',').map((one) => one.trim())
  const key = keyFor(own, secrets, files, folder)
  if (certs !== undefined && own !== undefined && own !== '')
    tunnel.set('certificate.own', absolute(own, `${folder}/x509`), certs)
  else if (key === undefined || !isContainer(key.path)) {
    tunnel.assume('certificate.own', `${folder}/x509/OWN.pem`, 'not named: set it')
    tunnel.remark('Our certificate is not named: set certificate.own.')
  }
  if (key === undefined) {
    const path = `${folder}/private/${keyFileBeside(own)}`
    tunnel.assume('certificate.key', path, 'by custom: not named')
    tunnel.remark('The file of our private key is not named: set certificate.key.')
  } else if (key.origin === undefined)
    tunnel.assume('certificate.key', key.path, key.by === 'public key' ? FITS : 'by its name')
  else tunnel.set('certificate.key', key.path, key.origin)
  if (key?.by === 'name')
    tunnel.remark(
      `Of several private keys ${key.path} is taken for its name, since they could not be compared with our certificate: see that it belongs to it (certificate.key).`,
    )
  if (key?.passphrase !== undefined && key.origin !== undefined)
    tunnel.givePassphrase(key.passphrase, key.origin)
}

function trusted(
  tunnel: TunnelImport,
  remote: Section | undefined,
  folder: string,
  { files, authorities }: { readonly files: Files; readonly authorities: Section | undefined },
): void {
  const stated = remote?.settings.get('cacerts') ?? remote?.settings.get('certs')
  const place = remote?.settings.has('cacerts') === true ? 'x509ca' : 'x509'
  if (stated !== undefined) {
    const paths = stated.value.split(',').map((one) => absolute(one.trim(), `${folder}/${place}`))
    tunnel.set('certificate.trust', paths, stated)
  } else authoritiesOf(tunnel, folder, files, authorities)
  const revocation = remote?.settings.get('revocation')
  if (revocation === undefined) return
  const words: Readonly<Record<string, string>> = {
    strict: 'crl-required',
    ifuri: 'crl-if-present',
    relaxed: 'crl-if-present',
  }
  tunnel.set('certificate.revocation', words[revocation.value] ?? 'crl-if-present', revocation)
}

function authoritiesOf(
  tunnel: TunnelImport,
  folder: string,
  files: Files,
  authorities: Section | undefined,
): void {
  const all = (files.list(`${folder}/x509ca`) ?? []).map((name) => `${folder}/x509ca/${name}`)
  if (all.length > 0) {
    tunnel.assume(
      'certificate.trust',
      all.slice(0, MOST_CAS),
      'all of x509ca, as strongSwan takes them',
    )
    return
  }
  const named = [...(authorities?.sections.values() ?? [])].flatMap(
    ({ settings }) => settings.get('cacert') ?? settings.get('file') ?? [],
  )
  if (named.length > 0) {
    const paths = named.slice(0, MOST_CAS).map(({ value }) => absolute(value, `${folder}/x509ca`))
    tunnel.set('certificate.trust', [...new Set(paths)], ...named)
    return
  }
  tunnel.assume('certificate.trust', [`${folder}/x509ca/CA.pem`], 'not named: set it')
  tunnel.remark('The CA of the peer is not named: set certificate.trust.')
}

const FITS = 'the key of our certificate'
const MOST_CAS = 32

type FoundKey = {
  readonly path: string
  readonly origin?: Origin
  readonly passphrase?: Secret
  /** How it was chosen, where it is not the only one there is. */
  readonly by?: 'public key' | 'name'
}

/** swanctl loads every key and lets the certificate choose; here the file is named. */
function keyFor(
  own: string | undefined,
  secrets: SwanSecrets,
  files: Files,
  folder: string,
): FoundKey | undefined {
  const certificate =
    own === undefined || own === ''
      ? undefined
      : publicKeyIn(absolute(own, `${folder}/x509`), files)
  const possible: FoundKey[] = []
  for (const key of keysOf(secrets, files, folder)) {
    const fits = certificate === undefined ? 'unknown' : holdsKeyOf(certificate, key, files)
    if (fits === 'yes') return { ...key, by: 'public key' }
    if (fits === 'unknown') possible.push(key)
  }
  const stem = stemOf(own)
  const isOurs = ({ path }: FoundKey) =>
    stem !== undefined && path.replace(/^.*\//, '').toLowerCase().startsWith(stem)
  // What sections name comes first, then each folder by itself.
  const groups = [
    possible.filter(({ origin }) => origin !== undefined),
    ...KEY_FOLDERS.map((place) =>
      possible.filter(
        ({ origin, path }) => origin === undefined && isIn(`${folder}/${place}`, path),
      ),
    ),
  ]
  for (const keys of groups) {
    const [only, ...others] = keys
    if (only !== undefined && others.length === 0) return only
    const named = keys.find(isOurs)
    if (named !== undefined) return { ...named, by: 'name' }
  }
  return undefined
}

/** Those that sections name, then all that lie where swanctl looks for keys. */
function keysOf({ keyFiles }: SwanSecrets, files: Files, folder: string): readonly FoundKey[] {
  const named = keyFiles.map(({ file, folder: place, passphrase }) => ({
    path: absolute(file.value, `${folder}/${place}`),
    origin: file,
    ...(passphrase === undefined ? {} : { passphrase }),
  }))
  const paths = new Set(named.map(({ path }) => path))
  const listed = KEY_FOLDERS.flatMap((place) =>
    (files.list(`${folder}/${place}`) ?? []).map((name) => ({
      path: `${folder}/${place}/${name}`,
    })),
  )
  return [...named, ...listed.filter(({ path }) => !paths.has(path))].slice(0, MOST_KEYS)
}

function isIn(folder: string, path: string): boolean {
  return path.slice(0, path.lastIndexOf('/')) === folder
}

const KEY_FOLDERS: readonly string[] = ['private', 'rsa', 'ecdsa', 'pkcs8']
const MOST_KEYS = 100
