import type { ProbeFindings } from './peer-probe.ts'
import {
  byStrength,
  isSupported,
  type ProbedAlgorithm,
  type ProbedSuite,
  suiteName,
  weakParts,
} from './phase1-suites.ts'

/** A configuration of ours that the peer would accept. */
export type Match = {
  readonly ike: 'v1-main' | 'v1-aggressive'
  readonly phase1: string
  readonly authentication: 'psk' | 'certificate' | 'xauth'
  /** `group2 SHOULD NOT`, by RFC 8247. */
  readonly weak: readonly string[]
}

/** What would match, best first. */
export function matchesOf(findings: ProbeFindings): readonly Match[] {
  const main = findings.main.find(({ accepted }) => accepted.length > 0)
  if (main !== undefined) {
    const authentication = AUTHENTICATION[main.method] ?? 'psk'
    return main.accepted
      .filter(isSupported)
      .map((suite) => ({ ike: 'v1-main', ...matchOf(suite), authentication }))
  }
  const { aggressive } = findings
  if (aggressive?.kind !== 'taken' || !isSupported(aggressive.suite)) return []
  return [{ ike: 'v1-aggressive', ...matchOf(aggressive.suite), authentication: 'psk' }]
}

/** What is open to somebody who means ill, worst first, in a sentence each. */
export function warningsOf(findings: ProbeFindings): readonly string[] {
  const accepted = findings.main.flatMap((main) => [...main.accepted, ...main.likely])
  const weak = new Set(accepted.toSorted(byStrength).toReversed().flatMap(weakParts))
  const { aggressive, saInit } = findings
  const weakV2 = saInit !== undefined && 'weak' in saInit ? saInit.weak : undefined
  return [
    ...(aggressive?.kind === 'taken' && aggressive.tellsHash
      ? [
          'answers Aggressive mode with a hash of its pre-shared key: whoever asks can guess at the key at home (RFC 2409 §5.4). Ask for Main mode alone.',
        ]
      : []),
    ...[...weak].toSorted((a, b) => gravity(b) - gravity(a)).map(weakText),
    ...(weakV2 === undefined ? [] : [`takes ${weakV2} in IKEv2 where nothing better is offered.`]),
  ]
}

/** `group2 SHOULD NOT`. */
export function weakWords(suite: ProbedSuite): readonly string[] {
  return weakParts(suite).map(({ name, requirement }) => `${name} ${requirement}`)
}

function matchOf(suite: ProbedSuite): Pick<Match, 'phase1' | 'weak'> {
  return { phase1: suiteName(suite), weak: weakWords(suite) }
}

function weakText({ name, requirement }: ProbedAlgorithm): string {
  return `accepts ${name}${WHY[name] ?? ''}; RFC 8247: ${requirement}.`
}

function gravity({ requirement }: ProbedAlgorithm): number {
  return requirement === 'MUST NOT' ? 1 : 0
}

const WHY: Readonly<Record<string, string>> = {
  des: ', 56 bits that are searched in a day',
  md5: ', which is broken',
  group1: ', 768 bits',
  group2: ', 1024 bits, within reach of a state',
  group5: ', 1536 bits',
  group22: ', 1024 bits of unknown origin',
  group23: ', of unknown origin',
  group24: ', of unknown origin',
}

const AUTHENTICATION: Readonly<Record<string, Match['authentication']>> = {
  'pre-shared key': 'psk',
  'RSA signatures': 'certificate',
  XAUTHInitPreShared: 'xauth',
}
