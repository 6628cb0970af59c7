import type { IpsecSetting } from './ipsec-lines.ts'
import { type IpsecSecret, secretFor } from './ipsec-secrets.ts'
import { isYes } from './swan-values.ts'
import type { TunnelImport } from './tunnel-import.ts'

type Conn = ReadonlyMap<string, IpsecSetting>
type Side = 'left' | 'right'

/** `xauth` of a connection, where it logs in or lets log in. @returns why it is no tunnel of ours */
export function importIpsecXauth(
  tunnel: TunnelImport,
  conn: Conn,
  own: Side,
  secrets: readonly IpsecSecret[],
  { ways, peer, family }: { ways: readonly string[]; peer: string; family: string },
): string | undefined {
  const other: Side = own === 'left' ? 'right' : 'left'
  const said = [...conn.values()].filter(({ key, value }) => saysXauth(key, value))
  if (said.length === 0 && !ways.some((way) => way.startsWith('xauth'))) return undefined
  const eap = said.find(({ key, value }) => /auth2$/.test(key) && !/^xauth/.test(value))
  if (eap !== undefined) return `${eap.key}=${eap.value}: a second round is XAUTH alone in IKEv1`
  if (roleOf(conn, own, other, { ways, peer }) === 'client') {
    tunnel.set('xauth.role', 'client', ...said)
    return client(tunnel, conn, own, secrets)
  }
  tunnel.set('xauth.role', 'server', ...said)
  server(tunnel, conn, secrets, family)
  return undefined
}

function saysXauth(key: string, value: string): boolean {
  if (/^(?:xauth|leftauth2|rightauth2)$/.test(key)) return true
  return /^(?:left|right)xauth(?:server|client)$/.test(key) && isYes(value)
}

function roleOf(
  conn: Conn,
  own: Side,
  other: Side,
  { ways: [mine = '', theirs = ''], peer }: { ways: readonly string[]; peer: string },
): 'client' | 'server' {
  const isSet = (key: string) => isYes(conn.get(key)?.value ?? 'no')
  const stated = conn.get('xauth')?.value.toLowerCase()
  if (stated === 'server' || stated === 'client') return stated
  if (isSet(`${own}xauthserver`) || isSet(`${other}xauthclient`)) return 'server'
  if (isSet(`${own}xauthclient`) || isSet(`${other}xauthserver`)) return 'client'
  // Hybrid authentication: one side logs in and does nothing else.
  if (/^xauth(?:-|$)/.test(mine) !== /^xauth(?:-|$)/.test(theirs))
    return mine.startsWith('xauth') ? 'client' : 'server'
  // Of two that log in, as some write it, the one that is waited for does.
  if (conn.has(`${other}auth2`) && (!conn.has(`${own}auth2`) || peer === 'any')) return 'server'
  return 'client'
}

function client(
  tunnel: TunnelImport,
  conn: Conn,
  own: Side,
  secrets: readonly IpsecSecret[],
): string | undefined {
  const named = ['xauth_identity', `${own}xauthusername`, `${own}username`, 'xauthusername']
  const stated = named.flatMap((key) => conn.get(key) ?? [])[0]
  const id = conn.get(`${own}id`)
  const logins = secrets.filter(({ kind }) => kind === 'xauth')
  const only = logins.length === 1 ? logins[0] : undefined
  const user = stated?.value ?? id?.value ?? only?.ids[0]
  const found = secretFor(logins, 'xauth', [user]) ?? (stated === undefined ? only : undefined)
  // strongSwan 4 took the one login there was, whatever the identity.
  const name = stated?.value ?? found?.ids[0] ?? user
  if (name === undefined) return 'XAUTH without a user name (xauth_identity, leftusername)'
  const origin = stated ?? (found?.ids[0] === undefined ? id : found)
  tunnel.set('xauth.user', name.replace(/^@/, ''), ...(origin === undefined ? [] : [origin]))
  if (found?.secret !== undefined) tunnel.givePassword(found.secret, found)
  else {
    tunnel.assume('xauth.password', `file:keys/${tunnel.name}.password`, 'not found')
    tunnel.remark('No password for the login was found: write the file, mode 600.')
  }
  return undefined
}

function server(
  tunnel: TunnelImport,
  conn: Conn,
  secrets: readonly IpsecSecret[],
  family: string,
): void {
  const wanted = conn.get('xauth_identity')
  const logins = secrets.filter(
    ({ kind, ids }) =>
      kind === 'xauth' &&
      ids.length > 0 &&
      (wanted === undefined || /^%any/.test(wanted.value) || ids.includes(wanted.value)),
  )
  if (wanted !== undefined) tunnel.take('xauth.users', wanted)
  const users = logins.flatMap(({ ids, secret }) =>
    secret === undefined
      ? []
      : ids.map((id) => ({ user: id.replace(/^@|^"|"$/g, ''), password: secret })),
  )
  tunnel.giveUsers(users, ...logins)
  const by = conn.get('xauthby')
  if (by !== undefined) tunnel.leave(by, 'users and passwords are in a file here: xauth.users')
  else if (family === 'libreswan')
    tunnel.remark('libreswan asks PAM or /etc/ipsec.d/passwd; here users are in xauth.users.')
}
