import {
  DER,
  type DerElement,
  der,
  derChildren,
  derExpect,
  derOid,
  readDer,
  readOid,
} from '#bytes/der'
import { toHex } from '#bytes/hex'
import { type TextProblem, textProblem } from './text-problem.ts'

/**
 * Reads `CN=gw-berlin, O=Example` as RFC 4514 §3 has it: the last RDN of the encoding comes first. @returns DER of the Name.
 */
export function parseDn(text: string): Uint8Array | TextProblem {
  const rdns: Uint8Array[] = []
  let attributes: Uint8Array[] = []
  for (const { part, separator } of split(text)) {
    const attribute = parseAttribute(part)
    if ('kind' in attribute) return attribute
    attributes.push(attribute.octets)
    if (separator === '+') continue
    rdns.unshift(der(DER.set, ...attributes.sort(compareOctets)))
    attributes = []
  }
  return der(DER.sequence, ...rdns)
}

/** As `parseDn` reads it; never a control character. @returns undefined for what is no Name. */
export function formatDn(name: Uint8Array): string | undefined {
  const rdns = readName(name)
  return rdns
    ?.map((rdn) => rdn.map(({ type, text, value }) => formatAttribute(type, text, value)).join('+'))
    .reverse()
    .join(', ')
}

/** RFC 5280 §7.1: RDN by RDN, text without regard to case and to repeated or outer spaces, whatever string type it has. */
export function equalDn(a: Uint8Array, b: Uint8Array): boolean {
  return compareNames(a, b, false)
}

/** The same, but a value of the pattern that is exactly `*` stands for any value of that attribute. */
export function matchesDn(pattern: Uint8Array, name: Uint8Array): boolean {
  return compareNames(pattern, name, true)
}

/** Whether it is a pattern that fits more than one name. */
export function hasWildcard(pattern: Uint8Array): boolean {
  return (readName(pattern) ?? []).flat().some(({ text }) => text === ANY)
}

/** Whether `name` is `base` or below it: its first RDNs are those of `base` (RFC 5280 §4.2.1.10). */
export function isBelowDn(base: Uint8Array, name: Uint8Array): boolean {
  const [above, whole] = [readName(base), readName(name)]
  if (above === undefined || whole === undefined || above.length > whole.length) return false
  return above.every((rdn, i) => equalRdn(rdn, whole[i] ?? [], false))
}

/** The values of an attribute, such as all e-mail addresses in a subject. */
export function dnValues(name: Uint8Array, oid: string): readonly string[] {
  return (readName(name) ?? [])
    .flat()
    .flatMap(({ type, text }) => (type === oid && text !== undefined ? [text] : []))
}

/** Whether both have the same parts, in whatever order: the usual slip between two notations. */
export function sameParts(a: Uint8Array, b: Uint8Array): boolean {
  const parts = (name: Uint8Array) =>
    (readName(name) ?? [])
      .map((rdn) =>
        rdn
          .map(({ type, folded }) => `${type}=${folded}`)
          .sort()
          .join('+'),
      )
      .sort()
      .join(',')
  return parts(a) === parts(b)
}

type AttributeValue = {
  readonly type: string
  readonly value: DerElement
  /** Undefined for what is no string. */
  readonly text: string | undefined
  readonly folded: string
}

const MOST_RDNS = 64
/** As a value of a pattern. */
const ANY = '*'

function readName(name: Uint8Array): readonly (readonly AttributeValue[])[] | undefined {
  try {
    const sequence = derExpect(readDer(name), DER.sequence, 'a Name')
    return derChildren(sequence, MOST_RDNS).map((rdn) => {
      const attributes = derChildren(derExpect(rdn, DER.set, 'an RDN'), MOST_RDNS)
      if (attributes.length === 0) throw new TypeError('an empty RDN')
      return attributes.map(readAttribute)
    })
  } catch {
    return undefined
  }
}

function readAttribute(attribute: DerElement): AttributeValue {
  const [type, value, ...more] = derChildren(derExpect(attribute, DER.sequence, 'an attribute'), 3)
  if (value === undefined || more.length > 0) throw new TypeError('not an attribute and its value')
  const text = decodeText(value)
  const folded = text === undefined ? `#${toHex(value.octets)}` : ` ${fold(text)}`
  return { type: readOid(derExpect(type, DER.oid, 'the type')), value, text, folded }
}

function decodeText({ tag, content }: DerElement): string | undefined {
  if (tag === DER.utf8String)
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  if (tag === DER.printableString || tag === DER.ia5String || tag === DER.t61String) {
    return Array.from(content, (octet) => String.fromCharCode(octet)).join('')
  }
  if (tag === DER.bmpString && content.length % 2 === 0) {
    return Array.from({ length: content.length / 2 }, (_, i) =>
      String.fromCharCode((content[2 * i] ?? 0) * 256 + (content[2 * i + 1] ?? 0)),
    ).join('')
  }
  return undefined
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ')
}

function compareNames(a: Uint8Array, b: Uint8Array, wildcards: boolean): boolean {
  const [left, right] = [readName(a), readName(b)]
  if (left === undefined || right === undefined || left.length !== right.length) return false
  return left.every((rdn, i) => equalRdn(rdn, right[i] ?? [], wildcards))
}

function equalRdn(
  pattern: readonly AttributeValue[],
  rdn: readonly AttributeValue[],
  wildcards: boolean,
): boolean {
  if (pattern.length !== rdn.length) return false
  const left = [...rdn]
  const exactFirst = [...pattern].sort((a, b) => Number(a.text === ANY) - Number(b.text === ANY))
  return exactFirst.every(({ type, text, folded }) => {
    const any = wildcards && text === ANY
    const at = left.findIndex((one) => one.type === type && (any || one.folded === folded))
    if (at === -1) return false
    left.splice(at, 1)
    return true
  })
}

function* split(text: string): Generator<{ part: string; separator: string }> {
  let part = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '\\') {
      part += char + text.charAt(++i)
      continue
    }
    if (char === '"') quoted = !quoted
    if (!quoted && (char === ',' || char === '+' || char === ';')) {
      yield { part, separator: char }
      part = ''
    } else {
      part += char
    }
  }
  yield { part, separator: ',' }
}

function parseAttribute(part: string): { readonly octets: Uint8Array } | TextProblem {
  const word = trimmed(part)
  const at = word.indexOf('=')
  if (at < 1) {
    return textProblem(word, `"${word}" is not an attribute of a distinguished name`, {
      hints: ['written for example CN=gw-berlin, O=Example, C=DE'],
    })
  }
  const name = word.slice(0, at).trim().toUpperCase()
  const type = NAMES.find(([known]) => known.toUpperCase() === name)?.[1] ?? oidText(name)
  if (type === undefined) {
    return textProblem(word, `"${word.slice(0, at).trim()}" is not an attribute type`, {
      hints: [`known are ${SHOWN_NAMES.join(', ')}, and object identifiers such as 2.5.4.97`],
    })
  }
  const value = unescapeValue(trimmed(word.slice(at + 1)))
  if (value === undefined || value.length === 0)
    return textProblem(word, `"${word}" has no value that could be read`)
  return { octets: der(DER.sequence, derOid(type), valueDer(type, value)) }
}

/** The string types RFC 5280 appendix A prescribes; UTF-8 for the rest, as RFC 5280 §4.1.2.4 asks of new ones. */
function valueDer(type: string, value: Uint8Array): Uint8Array {
  if (IA5.has(type)) return der(DER.ia5String, value)
  return der(PRINTABLE.has(type) ? DER.printableString : DER.utf8String, value)
}

/** A space at the end that is escaped belongs to the value (RFC 4514 §2.4). */
function trimmed(text: string): string {
  let end = text.length
  while (/\s/.test(text.charAt(end - 1)) && !isEscaped(text, end - 1)) end--
  return text.slice(0, end).trimStart()
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charAt(at - 1 - backslashes) === '\\') backslashes++
  return backslashes % 2 === 1
}

function oidText(name: string): string | undefined {
  const oid = name.replace(/^OID\./, '')
  return /^[0-2](\.\d{1,9}){1,15}$/.test(oid) ? oid : undefined
}

function unescapeValue(text: string): Uint8Array | undefined {
  const inner = /^"(.*)"$/s.exec(text)?.[1] ?? text
  const octets: number[] = []
  for (let i = 0; i < inner.length; ) {
    const pair = /^\\([0-9a-f]{2})/i.exec(inner.slice(i, i + 3))?.[1]
    if (pair !== undefined) {
      octets.push(Number.parseInt(pair, 16))
      i += 3
      continue
    }
    if (inner.charAt(i) === '\\') i++
    const char = String.fromCodePoint(inner.codePointAt(i) ?? 0)
    if (i >= inner.length) return undefined
    octets.push(...new TextEncoder().encode(char))
    i += char.length
  }
  return Uint8Array.from(octets)
}

function formatAttribute(type: string, text: string | undefined, value: DerElement): string {
  const name = NAMES.find(([, oid]) => oid === type)?.[0] ?? type
  if (text === undefined) return `${name}=#${toHex(value.octets)}`
  const escaped = text
    .replace(/[\\",+;<>=]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/(?<=.) $/, '\\ ')
    // Nothing invisible and nothing that turns the direction of writing reaches a terminal or a log.
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (char) =>
      Array.from(
        new TextEncoder().encode(char),
        (octet) => `\\${toHex(Uint8Array.of(octet))}`,
      ).join(''),
    )
  return `${name}=${escaped}`
}

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export const EMAIL_ADDRESS = '1.2.840.113549.1.9.1'

/** RFC 4514 §3 and the names that CAs use beside them; of two names for one type the first is shown. */
const NAMES: readonly (readonly [string, string])[] = [
  ['CN', '2.5.4.3'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['S', '2.5.4.8'],
  ['O', '2.5.4.10'],
  ['OU', '2.5.4.11'],
  ['C', '2.5.4.6'],
  ['STREET', '2.5.4.9'],
  ['DC', '0.9.2342.19200300.100.1.25'],
  ['UID', '0.9.2342.19200300.100.1.1'],
  ['SN', '2.5.4.4'],
  ['serialNumber', '2.5.4.5'],
  ['T', '2.5.4.12'],
  ['title', '2.5.4.12'],
  ['D', '2.5.4.13'],
  ['G', '2.5.4.42'],
  ['GN', '2.5.4.42'],
  ['N', '2.5.4.41'],
  ['dnQualifier', '2.5.4.46'],
  ['emailAddress', EMAIL_ADDRESS],
  ['E', EMAIL_ADDRESS],
  ['unstructuredName', '1.2.840.113549.1.9.2'],
  ['unstructuredAddress', '1.2.840.113549.1.9.8'],
]
const SHOWN_NAMES = ['CN', 'O', 'OU', 'C', 'L', 'ST', 'DC', 'E', 'serialNumber']
const PRINTABLE: ReadonlySet<string> = new Set(['2.5.4.6', '2.5.4.5', '2.5.4.46'])
const IA5: ReadonlySet<string> = new Set(['0.9.2342.19200300.100.1.25', EMAIL_ADDRESS])
