import type { Secret } from '#bytes/secret'
import { MAX_FILE_OCTETS } from '../document.ts'
import { type Files, isTrouble } from '../files.ts'
import type { Note, Origin, SourceText } from './imported.ts'
import { DEEPEST_INCLUDE, includedPaths, MOST_INCLUDED } from './ipsec-includes.ts'
import { shownText } from './shown-text.ts'
import { swanIdentity, swanSecret } from './swan-values.ts'

/** A line of ipsec.secrets: for whom it is, and the key, or the file of one. */
export type IpsecSecret = Origin & {
  readonly ids: readonly string[]
  readonly kind: 'psk' | 'xauth' | 'file'
  readonly secret?: Secret
  /** Of `: RSA FILE [passphrase]`. */
  readonly path?: string
}

export type IpsecSecrets = {
  readonly secrets: readonly IpsecSecret[]
  readonly notes: readonly Note[]
}

/** Reads the lines of an ipsec.secrets and of what it includes. Never throws. */
export function readIpsecSecrets(source: SourceText, files: Files): IpsecSecrets {
  const secrets: IpsecSecret[] = []
  const notes: Note[] = []
  let read = 0
  file(source, 0)
  return { secrets, notes }

  function file({ file: name, text }: SourceText, depth: number): void {
    let isInside = false
    for (const [i, raw] of text.split(/\r?\n/).entries()) {
      if (i > MOST_SECRETS) break
      // A key of RSA in numbers, over several lines, as FreeS/WAN wrote it.
      const ends: boolean = isInside && raw.includes('}')
      if (isInside || /^\s*(?:#|$)/.test(raw)) {
        isInside = isInside && !ends
        continue
      }
      const origin: Origin = { file: name, line: i + 1, text: shownText(raw) }
      const pattern = /^\s*include\s+(\S+)/.exec(raw)?.[1]
      if (pattern !== undefined) {
        include(pattern, name, origin, depth)
        continue
      }
      isInside = /:\s*RSA\s*\{[^}]*$/i.test(raw)
      const secret = /:\s*RSA\s*\{/i.test(raw) ? undefined : secretIn(raw, origin)
      if (secret === undefined) leave({ ...origin, text: HIDDEN }, 'no kind of secret known here')
      else secrets.push(secret)
    }
  }

  function include(pattern: string, from: string, at: Origin, depth: number): void {
    const paths = includedPaths(pattern, from, files)
    read += paths.length
    if (depth > DEEPEST_INCLUDE || read > MOST_INCLUDED) {
      leave(at, 'too many files')
      return
    }
    if (paths.length === 0) leave(at, 'no file of that name')
    for (const path of paths) {
      const found = files.read(path, MAX_FILE_OCTETS)
      if (isTrouble(found)) leave(at, `${path}: ${found.why}`)
      else file({ file: path, text: new TextDecoder().decode(found.octets) }, depth + 1)
    }
  }

  function leave(origin: Origin, why: string): void {
    if (notes.length < 1_000) notes.push({ origin, kind: 'left-out', why })
  }
}

/** The key for two ends: the line that names most of them; one without names fits everybody. */
export function secretFor(
  secrets: readonly IpsecSecret[],
  kind: 'psk' | 'xauth',
  ends: readonly (string | undefined)[],
): IpsecSecret | undefined {
  const known = ends.flatMap((end) => (end === undefined ? [] : [end, swanIdentity(end) ?? end]))
  const ranked = secrets
    .filter((one) => one.kind === kind)
    .map((one) => {
      const named = one.ids.filter((id) => !/^%any6?$|^0\.0\.0\.0$/.test(id))
      const isMeant = (id: string) => known.includes(id) || known.includes(swanIdentity(id) ?? '')
      const hits = named.filter(isMeant).length
      // A name that is neither end's speaks against the line.
      return { one, rank: named.length === 0 ? 0.5 : hits === named.length ? hits : hits - 0.75 }
    })
    .filter(({ rank }) => rank > 0)
    .sort((a, b) => b.rank - a.rank)
  return ranked[0]?.one
}

const MOST_SECRETS = 10_000
const LINE = /^(.*?)(?:^|\s|(?<=["\w.]))\s*:\s*(PSK|XAUTH|EAP|RSA|ECDSA|PKCS8|P12|BLISS)\s+(.*)$/i

/** What cannot be read could be a key. */
const HIDDEN = '[not shown: it may hold a secret]'

function secretIn(raw: string, origin: Origin): IpsecSecret | undefined {
  const [, before = '', word = '', rest = ''] = LINE.exec(raw) ?? []
  if (word === '') return undefined
  const names = before.match(/"[^"]*"|\S+/g) ?? []
  const value = quotedOrWord(rest)
  const second = quotedOrWord(rest.trim().slice(value.taken))
  if (/^(?:RSA|ECDSA|PKCS8|P12|BLISS)$/i.test(word)) {
    const isGiven = second.text !== '' && !second.text.startsWith('%')
    const secret = isGiven ? { secret: swanSecret(second.text) } : {}
    return { ...origin, ids: names, kind: 'file', path: value.text, ...secret }
  }
  if (/^PSK$/i.test(word))
    return { ...origin, ids: names, kind: 'psk', secret: swanSecret(value.text) }
  // strongSwan 4 wrote `: XAUTH user "password"`, all others `user : XAUTH "password"`.
  const isOld = names.length === 0 && second.text !== ''
  const [ids, password] = isOld ? [[value.text], second.text] : [names, value.text]
  return { ...origin, ids, kind: 'xauth', secret: swanSecret(password) }
}

function quotedOrWord(text: string): { readonly text: string; readonly taken: number } {
  const [whole = '', inner, single, word] = /^\s*(?:"([^"]*)"|'([^']*)'|(\S+))/.exec(text) ?? []
  return { text: inner ?? single ?? word ?? '', taken: whole.length }
}
