import {
  type EncryptionName,
  encryption,
  type HashName,
  hash,
  INTEGRITIES,
  type IntegrityName,
  integrity,
  type KeyExchangeName,
  keyExchange,
  type Requirement,
} from '#crypto/registry'
import {
  canonicalNames,
  formatEncryption,
  formatHash,
  formatIntegrity,
  formatKeyExchange,
  type NamedAlgorithm,
  parseAlgorithms,
} from './algorithm-names.ts'
import { nearestName } from './nearest.ts'
import { isTextProblem, type TextProblem, textProblem } from './text-problem.ts'

/** One acceptable set of algorithms for an IKE SA. In IKEv1 `hash` is both PRF and HASH (RFC 2409 §4). */
export type IkeSuite = {
  readonly encryption: EncryptionName
  readonly hash: HashName
  readonly keyExchange: KeyExchangeName
}

/** One acceptable set of algorithms for a Child SA. `integrity` is `'none'` exactly when `encryption` is an AEAD. */
export type EspSuite = {
  readonly encryption: EncryptionName
  readonly integrity: IntegrityName | 'none'
  /** Extended sequence numbers (RFC 4304). */
  readonly esn: boolean
}

/** Of an SA. A kilobyte is 1,024 octets (RFC 2407 §4.5). Absent: no such limit. */
export type Lifetime = { readonly seconds: number; readonly kilobytes?: number }

/** Whether a Child SA has a key exchange of its own. */
export type Pfs = KeyExchangeName | 'none'

export type EncapsulationMode = 'tunnel' | 'transport'

/** Why a suite could not be read; `word` is the part that is wrong. */
export type SuiteProblem = TextProblem

/** What a `phase2` text says; `pfs` is absent where it says nothing of it. */
export type Phase2 = { readonly suite: EspSuite; readonly pfs?: Pfs }

/** What we offer where the operator names nothing: only algorithms at MUST or SHOULD in RFC 8247. */
export const DEFAULT_IKE_SUITES: readonly IkeSuite[] = [
  { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'ecp256' },
  { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' },
  { encryption: 'aes256-cbc', hash: 'sha512', keyExchange: 'modp2048' },
  { encryption: 'aes128-cbc', hash: 'sha256', keyExchange: 'ecp256' },
  { encryption: 'aes128-cbc', hash: 'sha256', keyExchange: 'modp2048' },
]

/** The same for ESP: only algorithms at MUST or SHOULD in RFC 8221. */
export const DEFAULT_ESP_SUITES: readonly EspSuite[] = [
  { encryption: 'aes256-gcm16', integrity: 'none', esn: false },
  { encryption: 'aes128-gcm16', integrity: 'none', esn: false },
  { encryption: 'aes256-cbc', integrity: 'hmac-sha256-128', esn: false },
  { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: false },
]

/** IKEv1 cannot offer several groups in one Quick mode, so this is the one nearly every peer knows. */
export const DEFAULT_PFS: Pfs = 'modp2048'

/** `aes256-sha256-group14`. */
export function formatIkeSuite(suite: IkeSuite): string {
  return [
    formatEncryption(suite.encryption),
    formatHash(suite.hash),
    formatKeyExchange(suite.keyExchange),
  ].join('-')
}

/** `aes256gcm16`, `aes256-sha256`, `aes256-sha256-esn`. */
export function formatEspSuite(suite: EspSuite): string {
  const words = [formatEncryption(suite.encryption)]
  if (suite.integrity !== 'none') words.push(formatIntegrity(suite.integrity))
  if (suite.esn) words.push('esn')
  return words.join('-')
}

/** `group14`, `none`. */
export function formatPfs(pfs: Pfs): string {
  return pfs === 'none' ? 'none' : formatKeyExchange(pfs)
}

/** Reads `aes256-sha256-group14` in any dialect, for IKEv1. */
export function parseIkeSuite(text: string): IkeSuite | SuiteProblem {
  const words = distinctWords(text)
  if (isTextProblem(words)) return words
  const { encryption: cipher, hash: digest, keyExchange: group } = words
  if (cipher === undefined) return missing(text, 'encryption', 'aes256')
  if (encryption(cipher.name).ikev1 === undefined)
    return textProblem(
      cipher.text,
      `IKEv1 cannot protect its own messages with ${formatEncryption(cipher.name)}`,
      { hints: ['use aes256 here; in phase 2 it may stand', 'RFC 4106 §8.2'] },
    )
  if (digest === undefined) return missing(text, 'hash', 'sha256')
  if (group === undefined) return missing(text, 'Diffie-Hellman group', 'group14')
  return { encryption: cipher.name, hash: digest.name, keyExchange: group.name }
}

/**
 * Reads `aes256gcm16, pfs group14`, `aes256-sha256`, `aes128-sha1-group2` (a group means PFS), `aes256gcm16, pfs none`, with `esn` for
 * extended sequence numbers.
 */
export function parsePhase2(text: string): Phase2 | SuiteProblem {
  const { algorithms, pfsText, esn } = splitPhase2(text)
  const words = distinctWords(algorithms)
  if (isTextProblem(words)) return words
  const suite = espSuite(text, words, esn)
  if (isTextProblem(suite)) return suite
  if (pfsText === undefined)
    return { suite, ...(words.keyExchange && { pfs: words.keyExchange.name }) }
  const pfs = parsePfs(pfsText)
  if (isTextProblem(pfs)) return pfs
  if (words.keyExchange !== undefined && words.keyExchange.name !== pfs)
    return textProblem(
      words.keyExchange.text,
      `${words.keyExchange.text} and pfs ${formatPfs(pfs)} are two answers to one question`,
    )
  return { suite, pfs }
}

/** Reads `group14`, `modp2048`, `14`, … or `none`. */
export function parsePfs(text: string): Pfs | SuiteProblem {
  const word = text.trim()
  if (word === '')
    return textProblem('pfs', 'no group is named for PFS', {
      hints: ['written for example pfs group14, or pfs none'],
    })
  if (NO_PFS.has(word.toLowerCase())) return 'none'
  const words = parseAlgorithms(word)
  const only = isTextProblem(words) ? undefined : words[0]
  if (!isTextProblem(words) && words.length === 1 && only?.kind === 'keyExchange') return only.name
  return textProblem(word, `"${word}" is not a Diffie-Hellman group`, {
    nearest: nearestName(word, [...canonicalNames('keyExchange'), 'none']),
    hints: ['written for example group14, or none'],
  })
}

/** An algorithm that an RFC advises against. */
export type Weakness = {
  readonly algorithm: string
  readonly requirement: Requirement
  readonly rfc: 'RFC 8247' | 'RFC 8221'
}

/** What to warn of in a suite: every algorithm at SHOULD NOT or MUST NOT. */
export function weaknesses(suite: IkeSuite | EspSuite, pfs: Pfs = 'none'): readonly Weakness[] {
  const found = 'hash' in suite ? ikeRequirements(suite) : espRequirements(suite)
  const all = pfs === 'none' ? found : [...found, keyExchangeRequirement(pfs)]
  return all.filter(({ requirement }) => requirement.endsWith('NOT'))
}

function ikeRequirements(suite: IkeSuite): readonly Weakness[] {
  const cipher = encryption(suite.encryption)
  return [
    {
      algorithm: formatEncryption(cipher.name),
      requirement: cipher.ikeRequirement,
      rfc: 'RFC 8247',
    },
    {
      algorithm: formatHash(suite.hash),
      requirement: hash(suite.hash).requirement,
      rfc: 'RFC 8247',
    },
    keyExchangeRequirement(suite.keyExchange),
  ]
}

function espRequirements(suite: EspSuite): readonly Weakness[] {
  const cipher = encryption(suite.encryption)
  const requirements: Weakness[] = [
    {
      algorithm: formatEncryption(cipher.name),
      requirement: cipher.espRequirement,
      rfc: 'RFC 8221',
    },
  ]
  if (suite.integrity !== 'none')
    requirements.push({
      algorithm: formatIntegrity(suite.integrity),
      requirement: integrity(suite.integrity).requirement,
      rfc: 'RFC 8221',
    })
  return requirements
}

function keyExchangeRequirement(name: KeyExchangeName): Weakness {
  return {
    algorithm: formatKeyExchange(name),
    requirement: keyExchange(name).requirement,
    rfc: 'RFC 8247',
  }
}

type Words = { [Kind in NamedAlgorithm['kind']]?: Extract<NamedAlgorithm, { kind: Kind }> }

/** At most one algorithm of each kind. */
function distinctWords(text: string): Words | SuiteProblem {
  const algorithms = parseAlgorithms(text)
  if (isTextProblem(algorithms)) return algorithms
  const words: Words = {}
  for (const algorithm of algorithms) {
    const earlier = words[algorithm.kind]
    if (earlier !== undefined)
      return textProblem(
        algorithm.text,
        `${earlier.text} and ${algorithm.text} cannot both stand in one suite`,
        { hints: ['write two suites as a list: [first, second]'] },
      )
    Object.assign(words, { [algorithm.kind]: algorithm })
  }
  return words
}

function espSuite(text: string, words: Words, esn: boolean): EspSuite | SuiteProblem {
  const { encryption: cipher, hash: digest } = words
  if (cipher === undefined) return missing(text, 'encryption', 'aes256gcm16')
  const entry = encryption(cipher.name)
  if (entry.ikev1Esp === undefined)
    return textProblem(
      cipher.text,
      `IKEv1 has no number for ${formatEncryption(cipher.name)}, so no peer could be offered it`,
      { hints: ['use aes256gcm16'] },
    )
  if (entry.aead && digest !== undefined)
    return textProblem(
      digest.text,
      `${formatEncryption(cipher.name)} authenticates by itself: leave out ${digest.text}`,
    )
  if (entry.aead) return { encryption: cipher.name, integrity: 'none', esn }
  const code = INTEGRITIES.find((one) => one.hash === digest?.name)
  if (code === undefined) return missing(text, 'hash', 'sha256')
  return { encryption: cipher.name, integrity: code.name, esn }
}

function splitPhase2(text: string): {
  readonly algorithms: string
  readonly pfsText?: string
  readonly esn: boolean
} {
  const esn = /\besn\b/i.test(text)
  const plain = text.replace(/\besn\b/gi, ' ')
  if (/\bno[-\s]?pfs\b/i.test(plain))
    return { algorithms: plain.replace(/\bno[-\s]?pfs\b/gi, ' '), pfsText: 'none', esn }
  const pfs = /\bpfs\b[-\s:=]*/i.exec(plain)
  if (pfs === null) return { algorithms: plain, esn }
  return {
    algorithms: plain.slice(0, pfs.index),
    pfsText: plain.slice(pfs.index + pfs[0].length),
    esn,
  }
}

function missing(text: string, what: string, example: string): SuiteProblem {
  return textProblem(text.trim(), `"${text.trim()}" names no ${what}`, {
    hints: [`add one, such as ${example}`],
  })
}

const NO_PFS: ReadonlySet<string> = new Set(['none', 'off', 'no', 'false', '0'])
