import type { Secret } from '#bytes/secret'
import type { Files } from '../files.ts'
import type { ImportedTunnel, Note, Origin } from './imported.ts'
import type { Section, Setting } from './settings.ts'
import { RAW_KEYS, swanIdentity, swanSecret } from './swan-values.ts'
import { importSwanctlCertificates } from './swanctl-certificates.ts'
import type { TunnelImport } from './tunnel-import.ts'
import { unusedNotes } from './unused.ts'

export type SwanSecrets = {
  readonly shared: readonly SharedSecret[]
  readonly keyFiles: readonly KeyFile[]
}

export type KeyFile = {
  readonly file: Setting
  /** Where swanctl looks for it: a section `rsa-mine` names a file in `rsa`. */
  readonly folder: string
  readonly passphrase?: Secret
}

type SharedSecret = {
  readonly kind: 'ike' | 'xauth'
  readonly secret: Secret
  readonly at: Origin
  /** Identities it is for, as written; none: everybody. */
  readonly ids: readonly string[]
  readonly origins: readonly Origin[]
}

export function secretsIn(section: Section | undefined): SwanSecrets {
  const shared: SharedSecret[] = []
  const keyFiles: KeyFile[] = []
  for (const { name, at, settings } of section?.sections.values() ?? []) {
    const secret = settings.get('secret')
    const file = settings.get('file')
    if (file !== undefined) {
      const passphrase = secret && swanSecret(secret.value)
      const folder = /^(?:rsa|ecdsa|pkcs8|pkcs12)/.exec(name)?.[0] ?? 'private'
      keyFiles.push({ file, folder, ...(passphrase === undefined ? {} : { passphrase }) })
    } else if (secret !== undefined && /^(?:ike|xauth|eap)/.test(name)) {
      const ids = [...settings.values()].filter(({ key }) => key.startsWith('id'))
      shared.push({
        kind: name.startsWith('ike') ? 'ike' : 'xauth',
        secret: swanSecret(secret.value),
        at,
        ids: ids.map(({ value }) => value),
        origins: [secret, ...ids],
      })
    }
  }
  return { shared, keyFiles }
}

export type Credentials =
  | { readonly kind: 'psk' | 'certificate'; readonly why?: undefined }
  | { readonly why: string }

/** How both sides prove who they are. */
export function importCredentials(
  tunnel: TunnelImport,
  connection: Section,
  secrets: SwanSecrets,
  about: {
    readonly files: Files
    readonly authorities: Section | undefined
    readonly local: string | undefined
    readonly remote: string
  },
): Credentials {
  const locals = rounds(connection, 'local')
  const remotes = rounds(connection, 'remote')
  const [local, remote] = [locals[0], remotes[0]]
  const auth = (round: Section | undefined) => round?.settings.get('auth')
  const ways = [auth(local)?.value ?? 'pubkey', auth(remote)?.value ?? 'pubkey']
  if (ways.some((way) => way.startsWith('eap')))
    return { why: 'auth = eap: a part of IKEv2, which is not in this version of Causeway yet' }
  const isPsk = ways.every((way) => way === 'psk')
  if (!isPsk && ways.includes('psk'))
    return { why: 'a key on one side and a certificate on the other never agree in IKEv1' }
  for (const round of [local, remote]) {
    const setting = auth(round)
    if (setting !== undefined) tunnel.take(isPsk ? 'psk' : 'certificate', setting)
  }
  const xauth = xauthRound(tunnel, locals, remotes, secrets)
  if (xauth !== undefined) return { why: xauth }
  if (isPsk) {
    const id = (round: Section | undefined) => round?.settings.get('id')?.value
    const known = [id(local), id(remote), about.local, about.remote]
    const found = bestSecret(secrets, 'ike', known)
    if (found === undefined)
      tunnel.remark('No key for it is in this file: put it where psk says, mode 600.')
    if (found === undefined) tunnel.assume('psk', `file:keys/${tunnel.name}.psk`, 'not found')
    else tunnel.givePsk(found.secret, ...found.origins)
    return { kind: 'psk' }
  }
  const raw = [local, remote].flatMap((round) => round?.settings.get('pubkeys') ?? [])[0]
  if (raw !== undefined) return { why: `pubkeys = ${raw.value}: ${RAW_KEYS}` }
  const sides = isLogin(local) ? 'theirs' : isLogin(remote) ? 'ours' : 'both'
  importSwanctlCertificates(tunnel, connection, { local, remote, sides }, { ...about, secrets })
  return { kind: 'certificate' }
}

function isLogin(round: Section | undefined): boolean {
  return round?.settings.get('auth')?.value.startsWith('xauth') === true
}

function rounds(connection: Section, which: 'local' | 'remote'): readonly Section[] {
  return [...connection.sections.values()].filter(({ name }) => name.startsWith(which))
}

/** XAUTH in a second round, or in hybrid authentication in the only one. @returns why it cannot be here */
function xauthRound(
  tunnel: TunnelImport,
  locals: readonly Section[],
  remotes: readonly Section[],
  secrets: SwanSecrets,
): string | undefined {
  const server = remotes.find(isLogin)
  if (server !== undefined) {
    xauthServer(tunnel, server, secrets)
    return undefined
  }
  const client = locals.find(isLogin)
  if (client === undefined) return undefined
  const [named, round, ike] = [
    client.settings.get('xauth_id'),
    client.settings.get('id'),
    locals[0]?.settings.get('id'),
  ]
  const user = named ?? round ?? ike
  const auth = client.settings.get('auth')
  if (user === undefined) return 'XAUTH without a user name: write xauth_id'
  tunnel.set('xauth.role', 'client', ...(auth === undefined ? [] : [auth]))
  tunnel.set('xauth.user', user.value, user)
  const found = bestSecret(secrets, 'xauth', [user.value])
  if (found !== undefined) tunnel.givePassword(found.secret, ...found.origins)
  else tunnel.assume('xauth.password', `file:keys/${tunnel.name}.password`, 'not found')
  return undefined
}

/** Everybody whose password is there may log in, unless the round names one. */
function xauthServer(tunnel: TunnelImport, { settings }: Section, { shared }: SwanSecrets): void {
  const auth = settings.get('auth')
  tunnel.set('xauth.role', 'server', ...(auth === undefined ? [] : [auth]))
  const wanted = settings.get('xauth_id')
  if (wanted !== undefined) tunnel.take('xauth.users', wanted)
  const isWanted = (id: string) => wanted === undefined || wanted.value === id
  const logins = shared.filter(({ kind, ids }) => kind === 'xauth' && ids.some(isWanted))
  const users = logins.flatMap(({ ids, secret }) =>
    ids.filter(isWanted).map((user) => ({ user, password: secret })),
  )
  tunnel.giveUsers(users, ...logins.flatMap(({ origins }) => origins))
  if (auth !== undefined && !/^xauth(?:-generic)?$/.test(auth.value))
    tunnel.remark(`${auth.value} asks elsewhere for passwords; here users are in xauth.users.`)
}

/** Secrets that no tunnel took. */
export function unusedSecrets(
  { shared, keyFiles }: SwanSecrets,
  tunnels: readonly ImportedTunnel[],
): readonly Note[] {
  return unusedNotes(
    [...shared.map((one) => [one.at, ...one.origins]), ...keyFiles.map((one) => [one.file])],
    tunnels,
  )
}

/** As strongSwan chooses: the secret most of whose identities are ours or the peer's; one without any fits everybody. */
function bestSecret(
  { shared }: SwanSecrets,
  kind: SharedSecret['kind'],
  known: readonly (string | undefined)[],
): SharedSecret | undefined {
  const words = known.flatMap((one) => (one === undefined ? [] : [one, swanIdentity(one) ?? one]))
  const ranked = shared
    .filter((one) => one.kind === kind)
    .map((one) => {
      const hits = one.ids.filter(
        (id) => words.includes(id) || words.includes(swanIdentity(id) ?? ''),
      )
      return { one, rank: one.ids.length === 0 ? 0.5 : hits.length }
    })
    .filter(({ rank }) => rank > 0)
    .sort((a, b) => b.rank - a.rank)
  return ranked[0]?.one
}
