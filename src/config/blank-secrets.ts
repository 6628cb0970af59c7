import {
  type Document,
  isCollection,
  isNode,
  isPair,
  isScalar,
  type Node,
  type Range,
  visit,
} from 'yaml'
import type { z } from 'zod'
import { nearestName } from '#policy/nearest'
import { fileKeys, gatewayKeys, tunnelKeys } from './schema.ts'
import { keysOf } from './schema-shape.ts'

/**
 * The text of a file with every value that is, or by a slip may be, a secret replaced in place, so that lines and columns
 * stay. Shown are the values of keys known not to be secret and of those near one; references (`file:`, `env:`) too.
 */
export function blankSecrets(text: string, document: Document.Parsed): string {
  const ranges: [number, number][] = []
  const shown = new ShownKeys()
  visit(document, {
    Scalar(_, scalar) {
      if (PEM.test(String(scalar.value))) ranges.push(rangeOf(scalar))
    },
    Pair(_, { key, value }, above) {
      if (!isScalar(key)) return
      const name = String(key.value)
      if (!isWord(name)) ranges.push(rangeOf(key))
      if (!isNode(value)) return
      if (shown.has(name) && !(name === 'users' && mayHoldPasswords(value))) return
      if (isScalar(value) && (value.value === null || REFERENCE.test(String(value.value)))) return
      if (name === 'key' && isFileOfCertificate(value, above, text)) {
        ranges.push(behind(value, text))
        return
      }
      // The keys of a group are looked at one by one, unless it stands for a key itself.
      if (isCollection(value) && !isSecret(name) && name !== 'users') return
      ranges.push(rangeOf(value))
    },
  })
  const blanked = cover(text, ranges)
    .replace(SECRET_LINE, `$1${LABEL}`)
    .replace(BEHIND_SECRET, LABEL)
  return document.errors.length === 0 ? blanked : withoutQuotes(blanked)
}

/** Whether a key may be repeated to the operator: a slip can make a secret a key. */
export function isWord(key: string): boolean {
  return /^[\w.-][\w. -]{0,62}$/.test(key)
}

/** `xauth.users` names a file; the users themselves are NAME:PASSWORD. */
function mayHoldPasswords(value: Node): boolean {
  return !isScalar(value) || /[:\r\n]/.test(String(value.value))
}

/** No octets in base64 end like this: there is no dot among them. */
export function isKeyFileName(written: string): boolean {
  return /^[\w./-]{1,200}\.(?:pem|key|der|p12|pfx)$/i.test(written)
}

/** `certificate.key` names a file, which is no secret; what does not look like one may be the key itself. */
function isFileOfCertificate(value: Node, above: readonly unknown[], text: string): boolean {
  const group = above.at(-2)
  const inCertificate = isPair(group) && isScalar(group.key) && group.key.value === 'certificate'
  if (!inCertificate || !isScalar(value) || !isKeyFileName(String(value.value))) return false
  // Over several lines, more stands there than its value shows.
  return !/[\r\n]/.test(text.slice(...rangeOf(value)))
}

/** What stands behind a value on its line, and may be a secret of the same file: no more than a comment where other keys follow it. */
function behind(value: Node, text: string): [number, number] {
  const [, from] = rangeOf(value)
  const rest = /^[^\r\n]*/.exec(text.slice(from))?.[0] ?? ''
  const end = from + rest.length
  const begin = rest.search(/^\s*[,}]/.test(rest) ? /(?<=\s)#/ : /\S/)
  return [begin === -1 ? end : from + begin, end]
}

const LABEL = '[secret]'
/** A key pasted with a certificate, say, where the file of both is to be named. */
const PEM = /-----BEGIN/
const REFERENCE = /^(?:file|env):/
const SECRET_WORD = /psk|secret|passw|passphrase|preshared|pre-shared/i
const SECRET_LINE =
  /^(.*(?:psk|(?<!\[)secret|pass(?:w\w*|phrase)|pre-?shared-?key)["']?(?:\s*:[ \t]*|[ \t]+|(?=\W)))(?!\s*:?\s*["']?(?:file|env):|\s*:?\s*\[secret\]|\s*:?\s*$)\S.*$/gim
/** A comment behind a secret may be the one before it. */
const BEHIND_SECRET = /\[secret\].*\S.*$/gm

/** Secrets themselves, and what a secret may be written under by mistake. */
const HIDDEN_KEYS: readonly string[] = ['psk', 'passphrase', 'password', 'key']

const SHOWN_KEYS: ReadonlySet<string> = new Set(
  [fileKeys, gatewayKeys, tunnelKeys]
    .flatMap(namesIn)
    .filter((name) => !HIDDEN_KEYS.includes(name)),
)
const SHOWN_LINE = /^\s*(?:- )?([\w-]+)\s*:[^{]*$/

function isSecret(key: string): boolean {
  if (SHOWN_KEYS.has(key)) return false
  return (
    SECRET_WORD.test(key) || HIDDEN_KEYS.includes(key) || nearestName(key, ['psk']) !== undefined
  )
}

class ShownKeys {
  readonly #known: Map<string, boolean> = new Map()

  has(key: string): boolean {
    if (SHOWN_KEYS.has(key)) return true
    const known = this.#known.get(key)
    if (known !== undefined) return known
    // A file with more unknown keys is hostile; its values are not worth the search.
    if (this.#known.size >= MOST_UNKNOWN_KEYS) return false
    const shown = !isSecret(key) && nearestName(key, SHOWN_KEYS) !== undefined
    this.#known.set(key, shown)
    return shown
  }
}

const MOST_UNKNOWN_KEYS = 500

function rangeOf({ range }: { readonly range?: Range | null | undefined }): [number, number] {
  return [range?.[0] ?? 0, range?.[1] ?? 0]
}

function namesIn(keys: Readonly<Record<string, z.ZodType>>): readonly string[] {
  return Object.entries(keys).flatMap(([key, schema]) => [key, ...namesIn(keysOf(schema) ?? {})])
}

/** Ranges one inside the other are covered once. */
function cover(text: string, ranges: readonly (readonly [number, number])[]): string {
  const parts: string[] = []
  let at = 0
  for (const [start, end] of [...ranges].sort(([a], [b]) => a - b)) {
    if (start < at) continue
    const blank = text.slice(start, end).replace(/[^\r\n]/g, ' ')
    const label = blank.startsWith(' '.repeat(LABEL.length)) ? LABEL : ''
    parts.push(text.slice(at, start), label, blank.slice(label.length))
    at = end
  }
  return [...parts, text.slice(at)].join('')
}

/** In text that is not YAML, what stands in quotes, or after `psk`, may be a key whatever stands before it. */
function withoutQuotes(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const key = SHOWN_LINE.exec(line)?.[1]
      if (key !== undefined && SHOWN_KEYS.has(key)) return line
      return line.replace(/[^\s:,{[]*["'].*$/, LABEL).replace(AFTER_PSK, `$1 ${LABEL}`)
    })
    .join('\n')
}

const AFTER_PSK = /(psk)(?!["']?\s*:\s*["']?(?:file|env):).*$/i
