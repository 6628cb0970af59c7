import {
  type EncryptionName,
  HASHES,
  type HashName,
  type IntegrityName,
  integrity,
  KEY_EXCHANGES,
  type KeyExchangeName,
  keyExchange,
} from '#crypto/registry'
import { nearestName } from './nearest.ts'
import { type TextProblem, textProblem } from './text-problem.ts'

/** One algorithm as an operator named it; `text` is what was written. */
export type NamedAlgorithm = { readonly text: string } & (
  | { readonly kind: 'encryption'; readonly name: EncryptionName }
  | { readonly kind: 'hash'; readonly name: HashName }
  | { readonly kind: 'keyExchange'; readonly name: KeyExchangeName }
)

/** `aes256`, `aes256gcm16`, `aes256ctr`, `chacha20poly1305`, `3des`. */
export function formatEncryption(name: EncryptionName): string {
  return name.endsWith('-cbc') ? name.slice(0, -'-cbc'.length) : name.replace('-', '')
}

/** `sha256`. */
export function formatHash(name: HashName): string {
  return name
}

/** An HMAC goes by the name of its hash: `hmac-sha256-128` is `sha256`. */
export function formatIntegrity(name: IntegrityName): string {
  return name === 'hmac-sha256-96' ? 'sha256-96' : formatHash(integrity(name).hash)
}

/** `group14`. */
export function formatKeyExchange(name: KeyExchangeName): string {
  return `group${keyExchange(name).id}`
}

/**
 * Reads algorithms in any dialect: `aes256-sha256-group14`, `aes-256-cbc/sha2_256/modp2048`, `esp-aes 256 esp-sha-hmac`. Of the words
 * between separators, as many as make one name are taken together.
 */
export function parseAlgorithms(text: string): readonly NamedAlgorithm[] | TextProblem {
  const words = text.split(SEPARATORS).filter((word) => word !== '')
  const algorithms: NamedAlgorithm[] = []
  let at = 0
  while (at < words.length) {
    const found = longestName(words, at)
    if (found === undefined) return unknownAlgorithm(words, at)
    algorithms.push(found.algorithm)
    at += found.taken
  }
  return algorithms
}

/** How algorithms are suggested: every canonical name. */
export function canonicalNames(kind: NamedAlgorithm['kind']): readonly string[] {
  return CANONICAL[kind]
}

const SEPARATORS = /[-_\s/;:,.+!]+/

/** `aes-256-gcm-16-icv` has five. */
const LONGEST_NAME = 5

function longestName(
  words: readonly string[],
  at: number,
): { readonly algorithm: NamedAlgorithm; readonly taken: number } | undefined {
  for (let taken = Math.min(LONGEST_NAME, words.length - at); taken > 0; taken--) {
    const group = words.slice(at, at + taken)
    const joined = group.join('').toLowerCase()
    const algorithm = NAMES.get(joined)
    // `sha-2` is SHA-1 with group 2 to some and SHA-2 to others: neither guess would be safe.
    if (algorithm === undefined || (joined === 'sha2' && taken > 1)) continue
    return { algorithm: { ...algorithm, text: group.join('-') }, taken }
  }
  return undefined
}

function unknownAlgorithm(words: readonly string[], at: number): TextProblem {
  const word = words[at] ?? ''
  const before = words[at - 1]
  // In `aes-257` the wrong part is the whole of it.
  const whole = before !== undefined && /^\d+$/.test(word) ? `${before}-${word}` : word
  const nearest = nearestName(whole.replace(/-/g, ''), Object.values(CANONICAL).flat())
  return textProblem(whole, `there is no algorithm "${whole}"`, {
    nearest,
    hints: nearest === undefined ? ['written for example aes256-sha256-group14'] : [],
  })
}

type Nameless<T> = T extends unknown ? Omit<T, 'text'> : never

const NAMES: ReadonlyMap<string, Nameless<NamedAlgorithm>> = new Map<
  string,
  Nameless<NamedAlgorithm>
>([...encryptionNames(), ...hashNames(), ...keyExchangeNames()])

const CANONICAL: Readonly<Record<NamedAlgorithm['kind'], readonly string[]>> = {
  encryption: [...new Set(encryptionNames().map(([, { name }]) => formatEncryption(name)))],
  hash: HASHES.map(({ name }) => formatHash(name)),
  keyExchange: KEY_EXCHANGES.map(({ name }) => formatKeyExchange(name)),
}

type Names<Kind extends NamedAlgorithm['kind'], Name> = readonly (readonly [
  string,
  { readonly kind: Kind; readonly name: Name },
])[]

function encryptionNames(): Names<'encryption', EncryptionName> {
  const names: [EncryptionName, readonly string[]][] = [
    ['aes128-cbc', ['aes']],
    ['3des-cbc', ['3des', '3descbc', 'des3', 'des3cbc', 'tripledes', 'desede3cbc']],
    [
      'chacha20poly1305',
      ['chacha20poly1305', 'chacha20poly1305256', 'chachapoly', 'chacha20', 'chacha20poly'],
    ],
  ]
  for (const bits of [128, 192, 256] as const) {
    names.push([`aes${bits}-cbc`, [`aes${bits}`, `aes${bits}cbc`, `aescbc${bits}`]])
    names.push([`aes${bits}-ctr`, [`aes${bits}ctr`, `aesctr${bits}`]])
    names.push([`aes${bits}-gcm16`, [`aes${bits}gcm`, `aesgcm${bits}`, `gcm${bits}`]])
    for (const icv of [8, 12, 16] as const) {
      // strongSwan counts the ICV in octets or bits, libreswan calls the three a, b and c.
      const suffixes = [icv, icv * 8, { 8: 'a', 12: 'b', 16: 'c' }[icv]]
      const forms = suffixes.flatMap((suffix) => [
        `aes${bits}gcm${suffix}`,
        `aesgcm${suffix}${bits}`,
      ])
      names.push([`aes${bits}-gcm${icv}`, forms])
    }
  }
  return names.flatMap(([name, words]) =>
    // Cisco writes `esp-aes 256`, `esp-gcm 256`.
    words.flatMap((word) => entries(['', 'esp'], word, { kind: 'encryption', name } as const)),
  )
}

function hashNames(): Names<'hash', HashName> {
  const names: Record<HashName, readonly string[]> = {
    md5: ['md5', 'md596'],
    sha1: ['sha1', 'sha', 'sha196', 'sha1160'],
    sha256: ['sha256', 'sha2256', 'sha2', 'sha256128', 'sha2256128'],
    sha384: ['sha384', 'sha2384', 'sha384192', 'sha2384192'],
    sha512: ['sha512', 'sha2512', 'sha512256', 'sha2512256'],
  }
  return HASHES.flatMap(({ name }) =>
    names[name]
      .flatMap((word) => [word, `${word}hmac`])
      .flatMap((word) =>
        entries(['', 'hmac', 'esp', 'auth', 'prf'], word, { kind: 'hash', name } as const),
      ),
  )
}

function keyExchangeNames(): Names<'keyExchange', KeyExchangeName> {
  const others: Partial<Record<KeyExchangeName, readonly string[]>> = {
    ecp256: ['p256', 'nistp256', 'secp256r1', 'prime256v1'],
    ecp384: ['p384', 'nistp384', 'secp384r1'],
    ecp521: ['p521', 'nistp521', 'secp521r1'],
    curve25519: ['x25519'],
    curve448: ['x448'],
  }
  return KEY_EXCHANGES.flatMap(({ name, id }) => [
    ...entries([''], name, { kind: 'keyExchange', name } as const),
    ...(others[name] ?? []).flatMap((word) =>
      entries([''], word, { kind: 'keyExchange', name } as const),
    ),
    ...entries(['', 'group', 'dh', 'dhgroup', 'grp'], `${id}`, {
      kind: 'keyExchange',
      name,
    } as const),
  ])
}

function entries<Value>(
  prefixes: readonly string[],
  word: string,
  value: Value,
): readonly (readonly [string, Value])[] {
  return prefixes.map((prefix) => [`${prefix}${word}`, value] as const)
}
