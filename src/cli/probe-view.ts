import type { IpAddress } from '#bytes/ip'
import { icmpText } from '#diagnosis/icmp-text'
import { wrap } from '#diagnosis/wrap'
import { NotifyType } from '#iana/isakmp'
import { type Match, matchesOf, warningsOf, weakWords } from '#probe/advice'
import type { MainModeFindings } from '#probe/main-mode-stage'
import type { ProbeFindings } from '#probe/peer-probe'
import { PROBED_SUITES, type ProbedSuite, suiteName } from '#probe/phase1-suites'
import { vendorIdOf } from '#wire/v1/vendor-id'
import { padEnd } from './table.ts'
import type { Terminal } from './terminal.ts'

/** One probe, from where to where, and what came of it. */
export type ProbeResult = {
  readonly peer: IpAddress
  readonly from: { readonly address: IpAddress; readonly port: number }
  readonly milliseconds: number
  readonly findings: ProbeFindings
}

/** For people, in `terminal.columns`. */
export function probeText(result: ProbeResult, terminal: Terminal): string {
  const { findings, peer } = result
  const said = [headline(result), '']
  if (!findings.heard) return lines([...said, ...silenceLines(result, terminal)])
  const rows = [
    ...mainRows(findings, result),
    ...aggressiveRows(findings),
    ...saInitRows(findings),
    ...announcedRows(findings),
  ]
  const matches = matchesOf(findings)
  const warnings = warningsOf(findings)
  return lines([
    ...said,
    ...rows.flatMap(([label, text]) => labelled(label, text, terminal)),
    ...(matches.length === 0 ? [] : ['', ...matchLines(matches, terminal)]),
    ...(warnings.length === 0
      ? []
      : ['', `An attacker would like that ${peer}`, ...warningLines(warnings, terminal)]),
  ])
}

/** `probe --json`. */
export function probeDocument({ peer, from, milliseconds, findings }: ProbeResult): object {
  const { questions, heard, roundTrip, icmp, main, methods, aggressive, saInit } = findings
  return {
    schema: 1,
    peer,
    from,
    questions,
    milliseconds: Math.round(milliseconds),
    answered: heard,
    ...(roundTrip === undefined ? {} : { roundTrip: Math.round(roundTrip * 10) / 10 }),
    ...(icmp === undefined ? {} : { icmp: { ...icmp, text: icmpText(icmp, peer) } }),
    main: main.map(({ accepted, likely, notifies, ...rest }) => ({
      ...rest,
      notifies: notifies.map(notifyName),
      accepted: accepted.map((suite) => ({ suite: suiteName(suite), weak: weakWords(suite) })),
      likely: likely.map(suiteName),
    })),
    ...(methods === undefined ? {} : { methods }),
    aggressive:
      aggressive === undefined
        ? { kind: 'not-asked' }
        : aggressive.kind === 'taken'
          ? { ...aggressive, suite: suiteName(aggressive.suite) }
          : aggressive,
    ...(saInit === undefined ? {} : { ikev2: saInit }),
    vendorIds: findings.vendorIds.map((data) => ({
      hex: Buffer.from(data).toString('hex'),
      ...labelOf(data),
    })),
    matches: matchesOf(findings),
    warnings: warningsOf(findings),
  }
}

function headline({ peer, milliseconds, findings }: ProbeResult): string {
  const { questions, roundTrip } = findings
  const products = labels(findings, 'product')
  const vendor = products.length === 0 ? '' : `  ${products.join(', ')} (vendor ID)`
  const quickest = roundTrip === undefined ? '' : `, answers in ${roundTrip.toFixed(0)} ms`
  const seconds = (milliseconds / 1_000).toFixed(1)
  return `${peer}${vendor}  ${questions} questions in ${seconds} s${quickest}`
}

type Row = readonly [label: string, text: readonly string[]]

function mainRows({ main, methods }: ProbeFindings, { from }: ProbeResult): readonly Row[] {
  const found = main.find(({ accepted }) => accepted.length > 0)
  if (found === undefined) return [['IKEv1 Main', [nothingAccepted(main, from.address)]]]
  const shown = found.accepted.slice(0, MOST_SHOWN)
  const widest = Math.max(...shown.map((suite) => suiteName(suite).length))
  const more = found.accepted.length - shown.length
  return [
    ['IKEv1 Main', ['accepts, best first:']],
    ...shown.map((suite): Row => ['', [acceptedText(suite, widest)]]),
    ...(more > 0 ? [['', [`and ${more} more (--json)`]] as const] : []),
    ...(found.likely.length > 0 ? [['', [likelyText(found)]] as const] : []),
    ...(found.unknown > 0 ? [['', [unknownText(found)]] as const] : []),
    ...(found.refusesBy === 'silence'
      ? [['', ['It says nothing to what it refuses; a lost packet would look the same.']] as const]
      : []),
    ['key type', [methodText(found, methods)]],
  ]
}

function acceptedText(suite: ProbedSuite, widest: number): string {
  const weak = weakWords(suite)
  if (weak.length === 0) return suiteName(suite)
  return `${padEnd(suiteName(suite), widest)}  weak: ${weak.join(', ')} (RFC 8247)`
}

/** What was accepted in other combinations is likely to be accepted in these. */
function likelyText({ likely }: MainModeFindings): string {
  const names = (of: (suite: ProbedSuite) => string) => [...new Set(likely.map(of))].join(' ')
  const parts = [
    names(({ encryption }) => encryption.name),
    names(({ hash }) => hash.name),
    names(({ group }) => group.name),
  ]
  return `and most likely ${likely.length} other combinations of what these are made of, not asked one by one: ${parts.join(' · ')}`
}

function unknownText({ unknown, fellSilent }: MainModeFindings): string {
  const why = fellSilent
    ? 'it stopped answering, as some do when they are asked much: wait a minute'
    : 'there was no question left for them'
  return `of ${unknown} combinations nothing is known: ${why}`
}

function nothingAccepted(main: readonly MainModeFindings[], from: IpAddress): string {
  if (main.some(({ otherVersion }) => otherVersion)) return 'not spoken: it answers in IKEv2'
  const notifies = [...new Set(main.flatMap((one) => one.notifies))].map(notifyName)
  if (notifies.length === 0) {
    return `no answer, with ${methodWords(main)}. It does not speak IKEv1, or says nothing to what it refuses: is ${from} configured there?  --from ADDRESS asks from another`
  }
  const whole = main.filter(({ unknown }) => unknown === 0)
  const partly = main.filter(({ unknown }) => unknown > 0)
  const asked = [
    ...(whole.length > 0 ? [`each of ${PROBED_SUITES.length} with ${methodWords(whole)}`] : []),
    ...(partly.length > 0 ? [`the commonest with ${methodWords(partly)}`] : []),
  ]
  return `refuses (${notifies.join(', ')}) ${asked.join(', and ')}. Many gateways say the same to an address they do not know: is ${from} configured there?  --from ADDRESS asks from another`
}

function methodWords(main: readonly MainModeFindings[]): string {
  return main.map(({ method }) => METHOD_WORDS[method] ?? method).join(', ')
}

function methodText(found: MainModeFindings, methods: ProbeFindings['methods']): string {
  const word = METHOD_WORDS[found.method] ?? found.method
  if (methods === undefined) return word
  if (methods === 'not-told') return 'not told: it takes any in message 1 and decides later'
  return methods.map((method) => METHOD_WORDS[method] ?? method).join(', ')
}

function aggressiveRows({ aggressive }: ProbeFindings): readonly Row[] {
  const text =
    aggressive === undefined
      ? 'not asked: --aggressive does, and shows an identity of ours'
      : aggressive.kind === 'taken'
        ? `accepts ${suiteName(aggressive.suite)}`
        : aggressive.kind === 'refused'
          ? 'refuses'
          : 'says nothing'
  return [['Aggressive', [text]]]
}

function saInitRows({ saInit }: ProbeFindings): readonly Row[] {
  switch (saInit?.kind) {
    case undefined:
      return []
    case 'taken':
      return [['IKEv2', [`takes ${saInit.first} of our offer`]]]
    case 'refused': {
      const weak = saInit.weak === undefined ? '' : `; only weak ones: ${saInit.weak}`
      return [['IKEv2', [`spoken, but nothing one would want is taken from us${weak}`]]]
    }
    case 'not-spoken':
      return [['IKEv2', ['not spoken']]]
    case 'silent':
      return [['IKEv2', ['no answer']]]
  }
}

function announcedRows(findings: ProbeFindings): readonly Row[] {
  const announced = labels(findings, 'feature')
  const unknown = findings.vendorIds.filter((data) => vendorIdOf(data) === undefined).length
  const others = unknown === 0 ? [] : [`${unknown} vendor IDs we do not know`]
  const all = [...announced, ...others]
  return all.length === 0 ? [] : [['announces', [all.join(', ')]]]
}

function matchLines(matches: readonly Match[], terminal: Terminal): readonly string[] {
  const [first] = matches
  if (first === undefined) return []
  const weak = first.weak.length === 0 ? '' : `    # weak: ${first.weak.join(', ')}`
  const how = { psk: 'psk: …', certificate: 'certificate: …', xauth: 'psk: …, xauth: …' }
  return [
    'Configuration that would match:',
    `  ike: ${first.ike}`,
    `  ${how[first.authentication]}`,
    `  phase1: ${first.phase1}${terminal.style('yellow', weak)}`,
  ]
}

function warningLines(
  warnings: readonly string[],
  { columns, style }: Terminal,
): readonly string[] {
  return warnings.flatMap((warning) =>
    wrap(warning, columns - 4).map(
      (line, index) => `${index === 0 ? `  ${style('yellow', '!')} ` : '    '}${line}`,
    ),
  )
}

function silenceLines(
  { peer, from, findings }: ProbeResult,
  { columns }: Terminal,
): readonly string[] {
  if (findings.icmp !== undefined) {
    return wrap(`No answer: ${icmpText(findings.icmp, peer)}.`, columns)
  }
  const { questions } = findings
  const causes = [
    'UDP 500 is filtered on the way, there or here',
    `it answers only addresses it knows, and ${from.address} is none of them (--from ADDRESS)`,
    ...(from.port === 500 ? [] : ['it answers only to port 500 (--source-port 500, as root)']),
    'it says nothing to what it refuses, and accepts nothing we asked for',
  ]
  return [
    ...wrap(
      `No answer to ${questions} questions, and no ICMP error either. It may be that`,
      columns,
    ),
    ...causes.flatMap((cause) =>
      wrap(cause, columns - 4).map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`),
    ),
  ]
}

function labels({ vendorIds }: ProbeFindings, says: 'feature' | 'product'): readonly string[] {
  const known = vendorIds.map(vendorIdOf).filter((one) => one?.says === says)
  return [...new Set(known.map((one) => one?.label ?? ''))]
}

function labelOf(data: Uint8Array): object {
  const known = vendorIdOf(data)
  return known === undefined ? {} : { label: known.label, says: known.says }
}

function labelled(label: string, text: readonly string[], terminal: Terminal): readonly string[] {
  const room = terminal.columns - LABEL_COLUMNS
  // What is laid out in columns of its own stays as it is.
  const parts = text.flatMap((one) => (one.length <= room ? [one] : wrap(one, room)))
  return parts.map(
    (line, index) => `  ${padEnd(index === 0 ? label : '', LABEL_COLUMNS - 2)}${line}`,
  )
}

function notifyName(number: number): string {
  return NotifyType.nameOf(number) ?? `notify ${number}`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}

const LABEL_COLUMNS = 15
const MOST_SHOWN = 8
const METHOD_WORDS: Readonly<Record<string, string>> = {
  XAUTHInitPreShared: 'pre-shared key and XAUTH',
  XAUTHInitRSA: 'RSA signatures and XAUTH',
  HybridInitRSA: 'hybrid: certificate of theirs, XAUTH of ours',
}
