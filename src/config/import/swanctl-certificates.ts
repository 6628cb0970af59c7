import type { Secret } from '#bytes/secret'
import type { Files } from '../files.ts'
import { absolute } from '../psk.ts'
import type { Origin } from './imported.ts'
import type { CertificateSides } from './ipsec-certificates.ts'
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
  } else if (key.origin === undefined) tunnel.assume('certificate.key', key.path, 'by its name')
  else tunnel.set('certificate.key', key.path, key.origin)
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

const MOST_CAS = 32

type FoundKey = { readonly path: string; readonly origin?: Origin; readonly passphrase?: Secret }

/** swanctl loads every key and lets the certificate choose; here the file is named. */
function keyFor(
  own: string | undefined,
  { keyFiles }: SwanSecrets,
  files: Files,
  folder: string,
): FoundKey | undefined {
  const stem = stemOf(own)
  const isOurs = (name: string) => stem !== undefined && name.toLowerCase().startsWith(stem)
  const inFolder = (name: string, place: string) => absolute(name, `${folder}/${place}`)
  const named = keyFiles.find(({ file }) => isOurs(file.value)) ?? keyFiles[0]
  if (named !== undefined && (keyFiles.length === 1 || isOurs(named.file.value)))
    return { ...named, path: inFolder(named.file.value, named.folder), origin: named.file }
  for (const place of ['private', 'rsa', 'ecdsa', 'pkcs8']) {
    const names = files.list(`${folder}/${place}`) ?? []
    const name = names.find(isOurs) ?? names[0]
    if (name !== undefined && (names.length === 1 || isOurs(name)))
      return { path: inFolder(name, place) }
  }
  return undefined
}
