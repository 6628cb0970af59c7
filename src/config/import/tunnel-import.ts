import type { Secret } from '#bytes/secret'
import { formatDuration } from '#policy/lifetime'
import type { ImportedTunnel, ImportedUser, Note, Origin, Value } from './imported.ts'

/** A tunnel while it is being read: collects our keys, and what became of each statement. */
export class TunnelImport {
  readonly name: string
  readonly at: Origin
  #psk: Secret | undefined
  #password: Secret | undefined
  #passphrase: Secret | undefined
  #users: readonly ImportedUser[] = []
  readonly #values: Map<string, Value> = new Map()
  readonly #notes: Note[] = []
  readonly #remarks: string[] = []

  constructor(name: string, at: Origin) {
    this.name = name
    this.at = at
  }

  /** Gives a key of ours a value, from the statements it stands in. */
  set(key: string, value: Value['value'], ...origins: readonly Origin[]): void {
    this.#values.set(key, { key, value, origins })
    for (const origin of origins) this.#notes.push({ origin, kind: 'taken', key })
  }

  /** The same for what the product that is read has where nothing is said. */
  assume(key: string, value: Value['value'], why: string): void {
    if (!this.#values.has(key)) this.#values.set(key, { key, value, origins: [], why })
  }

  /** A lifetime as we write it, within what we take. */
  lifetime(phase: 1 | 2, seconds: number, ...origins: readonly Origin[]): void {
    const most = phase === 1 ? 7 * 86_400 : 86_400
    const whole = Number.isFinite(seconds) ? Math.round(seconds) : 0
    const bounded = Math.min(most, Math.max(LEAST_LIFETIME, whole))
    this.set(`phase${phase}.lifetime`, formatDuration(bounded), ...origins)
    if (bounded !== whole)
      this.remark(
        `phase${phase}.lifetime was ${whole} s; from 2m to ${formatDuration(most)} are taken here.`,
      )
  }

  /** When a silent peer is asked, and given up; without a time for the latter after three probes, at least 30 s. */
  deadPeer(every: number, giveUp: number | undefined, ...origins: readonly Origin[]): void {
    const seconds = Math.min(3_600, Math.max(2, Math.round(every) || 10))
    const wanted =
      giveUp !== undefined && giveUp >= 2 * seconds ? giveUp : Math.max(30, 3 * seconds)
    this.set('dead-peer.probe-every', formatDuration(seconds), ...origins)
    this.set('dead-peer.give-up-after', formatDuration(Math.min(86_400, Math.max(6, wanted))))
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  value(key: string): Value['value'] | undefined {
    return this.#values.get(key)?.value
  }

  /** A statement that went into a key which others give their value. */
  take(key: string, origin: Origin): void {
    this.#notes.push({ origin, kind: 'taken', key })
  }

  /** A statement that says what is so here anyway. */
  same(origin: Origin, why = 'so here, too'): void {
    this.#notes.push({ origin, kind: 'default', why })
  }

  leave(origin: Origin, why: string): void {
    this.#notes.push({ origin, kind: 'left-out', why })
  }

  remark(text: string): void {
    if (!this.#remarks.includes(text)) this.#remarks.push(text)
  }

  givePsk(psk: Secret, ...origins: readonly Origin[]): void {
    this.#psk = psk
    this.set('psk', `file:keys/${this.name}.psk`, ...origins)
  }

  givePassword(password: Secret, ...origins: readonly Origin[]): void {
    this.#password = password
    this.set('xauth.password', `file:keys/${this.name}.password`, ...origins)
  }

  givePassphrase(passphrase: Secret, ...origins: readonly Origin[]): void {
    this.#passphrase = passphrase
    this.set('certificate.passphrase', `file:keys/${this.name}.passphrase`, ...origins)
  }

  /** A certificate that is kept in the device itself: files stand for it that the operator has to write. */
  certificateInDevice(how: string, ...origins: readonly Origin[]): void {
    const files = [
      ['own', 'pem'],
      ['key', 'key'],
    ] as const
    for (const [key, ending] of files)
      this.assume(`certificate.${key}`, `pki/${this.name}.${ending}`, 'to be written')
    this.assume('certificate.trust', [`pki/${this.name}-ca.pem`], 'the CA of the peer')
    for (const origin of origins) this.take('certificate', origin)
    this.remark(
      `The certificate and its key are kept in the device: ${how}. Or give this gateway a certificate of its own (causeway pki).`,
    )
    if (!this.has('certificate.peer-id'))
      this.remark(
        'Its certificate must name the address of the peer, unless certificate.peer-id says another name.',
      )
  }

  /** Those who may log in by XAUTH; one name counts once, as its first line says. */
  giveUsers(users: readonly ImportedUser[], ...origins: readonly Origin[]): void {
    const first = new Map<string, ImportedUser>()
    for (const one of users) if (!first.has(one.user)) first.set(one.user, one)
    this.#users = [...first.values()]
    if (this.#users.length > 0) this.set('xauth.users', `keys/${this.name}.users`, ...origins)
    else {
      this.assume('xauth.users', `keys/${this.name}.users`, 'not found')
      this.remark(
        'No user with a password was found: write a line NAME:PASSWORD for each into that file, mode 600.',
      )
    }
  }

  /** Reports those of `statements` that nothing was said of yet: none is dropped in silence. */
  account(statements: Iterable<Origin>, why: string): void {
    const known = new Set(this.#notes.map(({ origin }) => origin))
    for (const origin of statements) if (!known.has(origin)) this.leave(origin, why)
  }

  done(): ImportedTunnel {
    return {
      name: this.name,
      at: this.at,
      values: [...this.#values.values()],
      ...(this.#psk === undefined ? {} : { psk: this.#psk }),
      ...(this.#password === undefined ? {} : { password: this.#password }),
      ...(this.#passphrase === undefined ? {} : { passphrase: this.#passphrase }),
      ...(this.#users.length === 0 ? {} : { users: this.#users }),
      notes: merged(this.#notes),
      remarks: this.#remarks,
    }
  }
}

/** One note for each statement: all keys it went into, or else why it went into none. */
function merged(notes: readonly Note[]): readonly Note[] {
  const byOrigin = new Map<Origin, Note[]>()
  for (const note of notes) {
    const list = byOrigin.get(note.origin)
    if (list === undefined) byOrigin.set(note.origin, [note])
    else list.push(note)
  }
  return [...byOrigin]
    .flatMap(([origin, list]): readonly Note[] => {
      const keys = [...new Set(list.flatMap((one) => (one.kind === 'taken' ? one.key : [])))]
      const left = list.filter(({ kind }) => kind === 'left-out')
      if (keys.length > 0) return [{ origin, kind: 'taken', key: keys.join(', ') }, ...left]
      return left.length > 0 ? left : list.slice(0, 1)
    })
    .sort((a, b) => a.origin.file.localeCompare(b.origin.file) || a.origin.line - b.origin.line)
}

const LEAST_LIFETIME = 120

/** Names for tunnels out of whatever a product calls its connections; none twice. */
export class TunnelNames {
  readonly #taken: Set<string> = new Set()

  fresh(wanted: string): string {
    const plain = wanted
      .normalize('NFKD')
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+|[-.]+$/g, '')
      .slice(0, LONGEST)
    const base = plain === '' ? 'tunnel' : plain
    let name = base
    for (let n = 2; this.#taken.has(name); n++) name = `${base}-${n}`
    this.#taken.add(name)
    return name
  }
}

const LONGEST = 56
