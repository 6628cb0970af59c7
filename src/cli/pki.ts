import { readFileSync } from 'node:fs'
import { parseIp } from '#bytes/ip'
import { messageOf } from '#bytes/thrown'
import { MalformedPki } from '#pki/certificate'
import { formatGeneralName, type GeneralName, PURPOSE } from '#pki/extensions'
import { authorityExtensions, createRequest, gatewayExtensions, issueCertificate } from '#pki/issue'
import { formatMoment } from '#pki/moment'
import { generateKey, type KeyType } from '#pki/node-private-key'
import { toPem } from '#pki/pem'
import { parseSigningRequest } from '#pki/signing-request'
import { UnreadableKey } from '#pki/unreadable-key'
import { parseDn } from '#policy/distinguished-name'
import { isTextProblem } from '#policy/text-problem'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { describeFile } from './pki-show.ts'
import { freshSerial, PkiProblem, PkiStore } from './pki-store.ts'
import type { Terminal } from './terminal.ts'

export type FolderOption = { readonly directory: string }
export type CaOptions = FolderOption & {
  readonly key: KeyType
  readonly days: number
  readonly crlUrl?: string
}
export type NameOptions = {
  readonly subject?: string
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
  readonly email?: readonly string[]
}
export type RequestOptions = FolderOption & NameOptions & { readonly key: KeyType }
export type SignOptions = RequestOptions & { readonly days: number; readonly request?: string }
export type RevokeOptions = FolderOption & {
  readonly reason: RevocationReason
  readonly days: number
}

/** RFC 5280 §5.3.1, as far as they fit a gateway. */
export const REVOCATION_REASONS = {
  unspecified: undefined,
  'key-compromise': 1,
  superseded: 4,
  'cessation-of-operation': 5,
} as const
export type RevocationReason = keyof typeof REVOCATION_REASONS

/** A CA in a folder of its own, with an empty CRL. */
export function makeAuthority(terminal: Terminal, name: string, options: CaOptions): ExitCode {
  return attempt(terminal, () => {
    const store = new PkiStore(options.directory)
    const key = generateKey(options.key)
    const subject = subjectDn(name.includes('=') ? name : `CN=${escaped(name)}`)
    const now = Date.now()
    const notAfter = now + options.days * DAY
    const extensions = authorityExtensions(key.publicKey, key.publicKey, 0)
    const draft = {
      subject,
      publicKey: key.publicKey,
      serial: freshSerial(),
      notBefore: now - AHEAD,
      notAfter,
      extensions,
    }
    store.create(issueCertificate(draft, { name: subject, key }), key, options.crlUrl)
    store.writeCrl(now, CRL_DAYS)
    terminal.out(
      `${store.path('ca.pem')}  the CA, until ${formatMoment(notAfter)}: every gateway needs it\n` +
        `${store.path('ca.key')}  its key: keep it away from the gateways\n` +
        `${store.path('ca.crl')}  what it revoked: nothing yet\n`,
    )
  })
}

/** On the gateway: the key stays there, the request goes to the CA. */
export function makeRequest(terminal: Terminal, name: string, options: RequestOptions): ExitCode {
  return attempt(terminal, () => {
    checkName(name)
    const store = new PkiStore(options.directory)
    store.refuseExisting(`${name}.key`, `${name}.csr`)
    const subject = subjectDn(options.subject ?? `CN=${escaped(name)}`)
    const names = namesOf(options, name)
    const key = generateKey(options.key)
    const request = createRequest(subject, names, key)
    store.writeKey(`${name}.key`, key)
    store.write(`${name}.csr`, toPem('CERTIFICATE REQUEST', request))
    terminal.out(
      `${store.path(`${name}.key`)}  stays here\n` +
        `${store.path(`${name}.csr`)}  goes to the CA: causeway pki sign ${name} --request ${name}.csr\n`,
    )
  })
}

/** A certificate for a gateway: of its request, or with a key made here. */
export function signGateway(terminal: Terminal, name: string, options: SignOptions): ExitCode {
  return attempt(terminal, () => {
    checkName(name)
    const store = new PkiStore(options.directory)
    const { certificate: ca, key: caKey } = store.authority()
    const { crlUrl } = store.index()
    const own =
      options.request === undefined ? undefined : parseSigningRequest(read(options.request))
    store.refuseExisting(`${name}.pem`, ...(own === undefined ? [`${name}.key`] : []))
    const now = Date.now()
    const notAfter = now + options.days * DAY
    if (notAfter > ca.notAfter)
      throw new PkiProblem(`the CA itself ends on ${formatMoment(ca.notAfter)}: fewer --days`)
    const written = namesOf(options, name)
    // What is asked for is certified only as far as the CA's operator did not say otherwise.
    const isSaid = [options.dns, options.ip, options.email].some((list) => list !== undefined)
    const names = own === undefined || isSaid ? written : own.names
    const made = own === undefined ? generateKey(options.key) : undefined
    const publicKey = made?.publicKey ?? own?.publicKey
    if (publicKey === undefined) throw new PkiProblem('there is no key')
    const asked = options.subject === undefined ? own?.subject.der : undefined
    const subject = asked ?? subjectDn(options.subject ?? `CN=${escaped(name)}`)
    const extensions = gatewayExtensions(publicKey, ca.publicKey, names, [PURPOSE.ipsecIke], crlUrl)
    const draft = {
      subject,
      publicKey,
      serial: freshSerial(),
      notBefore: now - AHEAD,
      notAfter,
      extensions,
    }
    const der = issueCertificate(draft, { name: ca.subject.der, key: caKey })
    // The index first: what was issued and is not in it could not be revoked.
    store.remember(name, der)
    if (made !== undefined) store.writeKey(`${name}.key`, made)
    store.write(`${name}.pem`, toPem('CERTIFICATE', der))
    terminal.out(signedText(store, name, notAfter, names, made !== undefined))
  })
}

export function revoke(terminal: Terminal, which: string, options: RevokeOptions): ExitCode {
  return attempt(terminal, () => {
    const store = new PkiStore(options.directory)
    const index = store.index()
    const wanted = which.toLowerCase().replaceAll(':', '')
    const found = index.certificates.filter(
      ({ name, serial }) => name === which || serial === wanted,
    )
    const live = found.filter(({ revoked }) => revoked === undefined)
    if (found.length === 0)
      throw new PkiProblem(
        `this CA issued nothing called ${which}; known are ${index.certificates.map(({ name }) => name).join(', ') || 'none'}`,
      )
    const now = Date.now()
    const reason = REVOCATION_REASONS[options.reason]
    const revoked = { at: now, ...(reason === undefined ? {} : { reason }) }
    const certificates = index.certificates.map((one) =>
      live.includes(one) ? { ...one, revoked } : one,
    )
    store.saveIndex({ ...index, certificates })
    const until = store.writeCrl(now, options.days)
    terminal.out(
      `${live.map(({ subject, serial }) => `revoked ${subject} (serial ${serial})\n`).join('') || 'it was revoked before\n'}` +
        `${store.path('ca.crl')}  until ${formatMoment(until)}: give it to every gateway\n`,
    )
  })
}

export function renewCrl(
  terminal: Terminal,
  options: FolderOption & { readonly days: number },
): ExitCode {
  return attempt(terminal, () => {
    const store = new PkiStore(options.directory)
    const until = store.writeCrl(Date.now(), options.days)
    terminal.out(`${store.path('ca.crl')}  until ${formatMoment(until)}\n`)
  })
}

export function show(terminal: Terminal, files: readonly string[]): ExitCode {
  return attempt(terminal, () => {
    const now = Date.now()
    for (const [i, file] of files.entries()) {
      if (files.length > 1) terminal.out(`${i === 0 ? '' : '\n'}${file}\n\n`)
      terminal.out(describeFile(read(file), now, terminal.style))
    }
  })
}

const DAY = 86_400_000
/** So that a gateway whose clock is a little behind takes it at once. */
const AHEAD = 300_000
const CRL_DAYS = 30

function attempt(terminal: Terminal, work: () => void): ExitCode {
  try {
    work()
    return EXIT.ok
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const isOurs =
      error instanceof PkiProblem || error instanceof MalformedPki || error instanceof UnreadableKey
    if (!isOurs && !/^E[A-Z]+$/.test(code)) throw error
    terminal.err(`causeway: ${messageOf(error)}\n`)
    return code === 'EACCES' || code === 'EPERM' ? EXIT.permission : EXIT.configuration
  }
}

function signedText(
  store: PkiStore,
  name: string,
  notAfter: number,
  names: readonly GeneralName[],
  isKeyHere: boolean,
): string {
  const shown = names.map(formatGeneralName).join(', ')
  const key = isKeyHere ? `${store.path(`${name}.key`)}  its key\n` : ''
  const vouched =
    names.length === 0
      ? 'It vouches for its subject only; peers must expect that (--dns, --ip, --email add names).\n'
      : `It vouches for ${shown}, and its subject.\n`
  return `${store.path(`${name}.pem`)}  until ${formatMoment(notAfter)}\n${key}${vouched}`
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9][\w.-]{0,63}$/.test(name) && name !== 'ca' && name !== 'index') return
  throw new PkiProblem(
    `"${name}" cannot name files: letters, digits, ".", "_" and "-", and not "ca"`,
  )
}

function subjectDn(text: string): Uint8Array {
  const subject = parseDn(text)
  if (isTextProblem(subject)) throw new PkiProblem([subject.message, ...subject.hints].join('; '))
  return subject
}

/** A name that is a host name is one even unsaid. */
function namesOf({ dns, ip, email }: NameOptions, name: string): readonly GeneralName[] {
  const hosts = dns ?? (name.includes('.') && parseIp(name) === undefined ? [name] : [])
  return [
    ...hosts.map((host): GeneralName => {
      if (/^(?!-)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(host)) return { kind: 'dns', name: host }
      throw new PkiProblem(`"${host}" is not a host name`)
    }),
    ...(ip ?? []).map((text): GeneralName => {
      const address = parseIp(text)
      if (address === undefined) throw new PkiProblem(`"${text}" is not an IP address`)
      return { kind: 'address', address }
    }),
    ...(email ?? []).map((text): GeneralName => {
      if (/^[\x21-\x3f\x41-\x7e]+@[a-z0-9.-]+$/i.test(text)) return { kind: 'email', name: text }
      throw new PkiProblem(`"${text}" is not an e-mail address`)
    }),
  ]
}

function escaped(value: string): string {
  return value.replace(/[\\",+;<>=]/g, '\\$&')
}

function read(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file))
}
