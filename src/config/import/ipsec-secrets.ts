import type { Secret } from '#bytes/secret'
import type { Origin, SourceText } from './imported.ts'
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

export function readIpsecSecrets({ file, text }: SourceText): readonly IpsecSecret[] {
  const secrets: IpsecSecret[] = []
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    if (i > MOST_SECRETS) break
    if (/^\s*(?:#|$)/.test(raw)) continue
    const [, before = '', word = '', rest = ''] = LINE.exec(raw) ?? []
    if (word === '') continue
    const origin: Origin = { file, line: i + 1, text: shownText(raw) }
    const ids = before.match(/"[^"]*"|\S+/g) ?? []
    const value = quotedOrWord(rest)
    if (/^(?:RSA|ECDSA|PKCS8|P12|BLISS)$/i.test(word)) {
      const passphrase = rest.trim().slice(value.taken)
      const read = quotedOrWord(passphrase)
      const secret =
        read.text === '' || read.text.startsWith('%') ? {} : { secret: swanSecret(read.text) }
      secrets.push({ ...origin, ids, kind: 'file', path: value.text, ...secret })
    } else {
      const kind = /^PSK$/i.test(word) ? 'psk' : 'xauth'
      secrets.push({ ...origin, ids, kind, secret: swanSecret(value.text) })
    }
  }
  return secrets
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

function quotedOrWord(text: string): { readonly text: string; readonly taken: number } {
  const [whole = '', inner, single, word] = /^\s*(?:"([^"]*)"|'([^']*)'|(\S+))/.exec(text) ?? []
  return { text: inner ?? single ?? word ?? '', taken: whole.length }
}
