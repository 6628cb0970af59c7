import { formatKeyExchange, parseAlgorithms } from '#policy/algorithm-names'
import { formatEspSuite, formatIkeSuite, parseIkeSuite, parsePhase2 } from '#policy/proposal'
import { isTextProblem } from '#policy/text-problem'

/** What a list of proposals in the words of strongSwan or libreswan comes to here. */
export type IkeProposals = {
  readonly suites: readonly string[]
  /** Parts that IKEv1 or this gateway does not have, as written, with why. */
  readonly refused: readonly string[]
  /** Proposals that were filled in. */
  readonly filled: readonly string[]
}

/** What a product takes where a proposal does not name a kind of algorithm. */
export type FilledIn = { readonly hash: string; readonly group: string }

export type EspProposals = IkeProposals & {
  /** Of the first proposal; undefined where none names a group. */
  readonly group?: string
  /** Whether others have another, which one Quick mode has no room for (RFC 2409 §5.5). */
  readonly mixed: boolean
}

/** As many as a tunnel may have. */
const MOST_SUITES = 16

/** `aes128-sha256-modp3072`, `aes256-aes128-sha256-ecp256-modp2048`, `aes256-sha2;dh14`: each combination is a suite of ours. */
export function readIkeProposals(text: string, fill?: FilledIn): IkeProposals {
  const filled: string[] = []
  const suites: string[] = []
  const refused: string[] = []
  for (const proposal of proposalsIn(text)) {
    const parts = partsOf(proposal)
    if (typeof parts === 'string') {
      refused.push(`${proposal}: ${parts}`)
      continue
    }
    const [hashes, groups] = [orFilled(parts.hash, fill?.hash), orFilled(parts.group, fill?.group)]
    if (hashes !== parts.hash || groups !== parts.group) filled.push(proposal)
    for (const encryption of parts.encryption) {
      for (const hash of hashes) {
        for (const group of groups) {
          const suite = parseIkeSuite(`${encryption}-${hash}-${group}`)
          if (isTextProblem(suite)) refused.push(`${encryption}-${hash}-${group}: ${suite.message}`)
          else suites.push(formatIkeSuite(suite))
        }
      }
    }
    const lack = missingPart({ ...parts, hash: hashes, group: groups })
    if (lack !== undefined) refused.push(`${proposal}: names no ${lack}`)
  }
  return bounded(suites, refused, filled)
}

export function readEspProposals(text: string, fill?: FilledIn): EspProposals {
  const filled: string[] = []
  const suites: string[] = []
  const refused: string[] = []
  const groups: (string | undefined)[] = []
  for (const proposal of proposalsIn(text)) {
    const parts = partsOf(proposal)
    if (typeof parts === 'string') {
      refused.push(`${proposal}: ${parts}`)
      continue
    }
    const before = suites.length
    for (const encryption of parts.encryption) {
      // An AEAD stands alone; of its hashes none is for integrity.
      const isAlone = !isTextProblem(parsePhase2(encryption))
      const hashes = isAlone ? [] : orFilled(parts.hash, fill?.hash)
      if (!isAlone && hashes !== parts.hash) filled.push(proposal)
      const names = isAlone ? [encryption] : hashes.map((hash) => `${encryption}-${hash}`)
      const candidates = names.flatMap((name) => parts.esn.map((ending) => `${name}${ending}`))
      for (const candidate of candidates) {
        const read = parsePhase2(candidate)
        if (isTextProblem(read)) refused.push(`${candidate}: ${read.message}`)
        else suites.push(formatEspSuite(read.suite))
      }
    }
    if (suites.length === before && refused.length === 0)
      refused.push(`${proposal}: names no algorithms that go together here`)
    if (suites.length > before) groups.push(parts.group[0])
    if (parts.group.length > 1) groups.push(...parts.group.slice(1))
  }
  const [group] = groups
  return {
    ...bounded(suites, refused, filled),
    ...(group === undefined ? {} : { group }),
    mixed: new Set(groups).size > 1,
  }
}

type Parts = {
  readonly encryption: readonly string[]
  readonly hash: readonly string[]
  readonly group: readonly string[]
  /** With and without extended sequence numbers, in the order of preference. */
  readonly esn: readonly string[]
}

function proposalsIn(text: string): readonly string[] {
  return text
    .slice(0, LONGEST)
    .replace(/!\s*$/, '')
    .split(',')
    .map((proposal) => proposal.trim().replace(/\s+/g, ''))
    .filter((proposal) => proposal !== '')
}

const LONGEST = 4096

/** @returns why it cannot be here when a word of it is no algorithm of ours. */
function partsOf(proposal: string): Parts | string {
  const [algorithms = '', ...groups] = proposal.split(';')
  const words = [algorithms, ...groups]
    .flatMap((part) => part.split(/[-+]/))
    // A PRF has no number of its own in IKEv1; null behind another word is libreswan's for no hash beside an AEAD.
    .filter(
      (word, i) => word !== '' && !/^prf\w+$/i.test(word) && (i === 0 || !/^null$/i.test(word)),
    )
  const extended = words.filter((word) => /^(?:no)?esn$/i.test(word))
  const parts = {
    encryption: [] as string[],
    hash: [] as string[],
    group: [] as string[],
    esn: extended.length === 0 ? [''] : extended.map((word) => (/^esn$/i.test(word) ? '-esn' : '')),
  }
  for (const word of words) {
    if (extended.includes(word)) continue
    const read = parseAlgorithms(word.replaceAll('_', '-'))
    const [algorithm, ...more] = isTextProblem(read) ? [] : read
    if (algorithm === undefined || more.length > 0)
      return /^null$/i.test(word) ? NO_NULL : `${word} is not among the algorithms here`
    if (algorithm.kind === 'encryption') parts.encryption.push(word.replaceAll('_', '-'))
    else if (algorithm.kind === 'hash') parts.hash.push(algorithm.name)
    else parts.group.push(formatKeyExchange(algorithm.name))
  }
  return parts
}

const NO_NULL = 'null encrypts nothing; ESP without encryption is not spoken here'

function orFilled(names: readonly string[], fill: string | undefined): readonly string[] {
  return names.length === 0 && fill !== undefined ? [fill] : names
}

function missingPart({ encryption, hash, group }: Parts): string | undefined {
  if (encryption.length === 0) return 'encryption'
  if (hash.length === 0) return 'hash'
  return group.length === 0 ? 'Diffie-Hellman group' : undefined
}

function bounded(
  suites: readonly string[],
  refused: readonly string[],
  filled: readonly string[],
): IkeProposals {
  const distinct = [...new Set(suites)]
  const beyond = distinct.length - MOST_SUITES
  return {
    suites: distinct.slice(0, MOST_SUITES),
    filled: [...new Set(filled)],
    refused: beyond > 0 ? [...refused, `${beyond} more than ${MOST_SUITES}`] : refused,
  }
}
