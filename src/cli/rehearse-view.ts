import type { TunnelConfig } from '#config/config'
import { failureText, positionOf } from '#diagnosis/failure-text'
import { ladderLines } from '#diagnosis/ladder'
import { durationText, pairText } from '#diagnosis/names'
import { wrap } from '#diagnosis/wrap'
import type { Failure, IkeSaFacts } from '#ike/events'
import { formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import type { Endurance } from '#rehearsal/endurance'
import type { Meeting } from '#rehearsal/pairing'
import type { Side } from '#rehearsal/rehearsal'
import type { Trial } from '#rehearsal/trial'
import type { Rehearsed } from './rehearse.ts'
import type { Terminal } from './terminal.ts'

type Names = Readonly<Record<Side, string>>

/** All that was found of one pair of tunnels. */
export function meetingLines(
  { meeting, keys, trials, endurances }: Rehearsed,
  names: Names,
  terminal: Terminal,
): readonly string[] {
  const [first, second] = trials
  const { style } = terminal
  const heading = style('bold', `${endText(meeting, names, 'a')} ↔ ${endText(meeting, names, 'b')}`)
  const remarks = [
    ...(meeting.addresses === 'differ' ? [addressesText(meeting, names)] : []),
    ...(['a', 'b'] as const).flatMap((end) => nameText(meeting[end])),
    ...(keys === 'assumed' ? ['the keys were not compared: one end has none here'] : []),
  ].flatMap((text) => note(text, terminal))
  if (first === undefined) {
    const text = `nothing to try: neither ${names.a} nor ${names.b} has an address to call`
    return [heading, ...remarks, ...note(text, terminal)]
  }
  const lines = [heading, ...remarks, ...trialLines(first, meeting, names, terminal)]
  if (second !== undefined) lines.push(...secondLines(first, second, meeting, names, terminal))
  if (first.begins.how === 'by-hand') lines.push(...byHandLines(names, meeting, terminal))
  return [...lines, ...endurances.flatMap((one) => enduranceLines(one, names, terminal))]
}

/** Tunnels that meet none of the other file. */
export function strangersLines(
  strangers: Readonly<Record<Side, readonly TunnelConfig[]>>,
  files: Names,
  someMet: boolean,
  { columns, style }: Terminal,
): readonly string[] {
  const ends = (['a', 'b'] as const).flatMap((end) =>
    strangers[end].map(
      ({ name, local, peer, peerName }) =>
        `  ${name} (${files[end]})  ${local} → ${peer === 'any' ? 'anyone' : (peerName?.name ?? peer)}`,
    ),
  )
  if (ends.length === 0) return []
  if (someMet) return ['Not rehearsed, as they meet no tunnel of the other end:', ...ends]
  const why =
    files.a === files.b
      ? 'No two tunnels of this file are ends of each other. Name the file of the other end too, or --peer PRESET for what its maker documents.'
      : 'No two of these tunnels meet: a peer must be the address of the other end. Behind a NAT (--nat a, b or both), the address from which the other end sees it.'
  return [style('red', '✗ nothing to rehearse'), ...ends, '', ...wrap(why, columns)]
}

/** What a preset can stand for, and what not. */
export function presetLines(name: string, { columns }: Terminal): readonly string[] {
  const text = `${name} stands for what its maker documents, not for what is set there: it may accept more, or less. What to ask the other side: causeway explain preset ${name}`
  return [...wrap(text, columns), '']
}

function trialLines(
  trial: Trial,
  meeting: Meeting,
  names: Names,
  terminal: Terminal,
): readonly string[] {
  return [
    ...ladderLines(untilVerdict(trial), { columns: terminal.columns }),
    ...verdictLines(trial, names, terminal),
    ...negotiatedLines(trial, names, terminal.columns),
    ...whyLines(trial, meeting, names, terminal),
  ]
}

/** What comes after the end's own verdict are its further attempts. */
function untilVerdict({ events, came }: Trial): Trial['events'][Side] {
  if (came !== 'down') return events.a
  const end = events.a.findIndex(({ event }) => event.kind === 'negotiation-failed')
  return end < 0 ? events.a : events.a.slice(0, end)
}

function verdictLines(
  { came, begins, milliseconds = 0, pairs }: Trial,
  names: Names,
  { style }: Terminal,
): readonly string[] {
  const who = `${names[begins.end]} begins`
  if (came === 'up')
    return [`${style('green', '✓')} comes up (${who}; ${elapsed(milliseconds)} simulated)`]
  if (came === 'down') return [`${style('red', '✗')} does not come up (${who})`]
  const up = pairs.filter(({ opens }) => opens.a && opens.b).length
  return [`${style('red', '✗')} comes up in part: ${up} of ${pairs.length} network pairs (${who})`]
}

function negotiatedLines(
  { ikeSa, pairs, missing, came }: Trial,
  names: Names,
  columns: number,
): readonly string[] {
  const lines: string[] = []
  if (ikeSa !== undefined) {
    const { suite, lifetime, localId, remoteId, nat } = ikeSa
    lines.push(
      row(
        'phase 1',
        `${formatIkeSuite(suite)}, ${durationText(lifetime.seconds)}, ${natNames(nat, names)}`,
      ),
    )
    lines.push(row('', `${localId} ↔ ${remoteId}`))
  }
  if (came === 'down') return lines
  for (const { selectors, childSa, opens, mtu, mss } of pairs) {
    const agreed = pairText(childSa?.selectors ?? selectors)
    const narrowed = agreed === pairText(selectors) ? '' : `, narrowed from ${pairText(selectors)}`
    lines.push(...rows('phase 2', `${agreed}${narrowed}`, columns))
    if (childSa === undefined) {
      lines.push(row('', '✗ not up'))
      continue
    }
    const pfs = childSa.pfs === 'none' ? 'no PFS' : `PFS ${formatPfs(childSa.pfs)}`
    const carriage = childSa.encapsulation === 'udp' ? 'ESP in UDP 4500' : 'ESP'
    const traffic = opens.a && opens.b ? 'traffic both ways' : '✗ no traffic'
    lines.push(
      row(
        '',
        `${formatEspSuite(childSa.suite)}, ${pfs}, ${durationText(childSa.lifetime.seconds)}`,
      ),
    )
    lines.push(row('', `${traffic}, ${carriage}, MTU ${mtu}, TCP MSS ${mss}`))
  }
  for (const pair of missing) lines.push(row('phase 2', `${pairText(pair)}: at the other end only`))
  return lines
}

function natNames({ local, remote }: IkeSaFacts['nat'], { a, b }: Names): string {
  const behind = [...(local ? [a] : []), ...(remote ? [b] : [])]
  return behind.length === 0 ? 'no NAT' : `NAT before ${behind.join(' and ')}`
}

/** Each end's diagnosis, as it would be in its own log. */
function whyLines(
  { failures, dropped, came }: Trial,
  meeting: Meeting,
  names: Names,
  terminal: Terminal,
): readonly string[] {
  if (came === 'up') return []
  return (['a', 'b'] as const).flatMap((end) => {
    const blocks = failures[end].flatMap((failure) => [
      '',
      ...block(failure, meeting[end], terminal),
    ])
    const drops = blocks.length > 0 ? [] : dropped[end].flatMap((text) => note(text, terminal))
    if (blocks.length + drops.length === 0) return []
    return ['', `  ${names[end]} says`, ...drops, ...blocks.slice(1)]
  })
}

function block(failure: Failure, tunnel: TunnelConfig, { columns }: Terminal): readonly string[] {
  const line = positionOf(failure, tunnel)
  return failureText(line === undefined ? failure : { ...failure, line }, columns)
}

/** The other end begins: told in full only where that makes a difference. */
function secondLines(
  first: Trial,
  second: Trial,
  meeting: Meeting,
  names: Names,
  terminal: Terminal,
): readonly string[] {
  const who = names[second.begins.end]
  if (first.came === 'up' && second.came === 'up') {
    const time = elapsed(second.milliseconds ?? 0)
    return [`${terminal.style('green', '✓')} also when ${who} begins (${time} simulated)`]
  }
  if (first.came !== second.came) return ['', ...trialLines(second, meeting, names, terminal)]
  // Seen from the other end the same cause has another sentence.
  const said = new Set([...first.failures.a, ...first.failures.b].map(({ code }) => code))
  const fresh = (end: Side) => second.failures[end].filter(({ code }) => !said.has(code))
  const failures = { a: fresh('a'), b: fresh('b') }
  if (said.size > 0 && failures.a.length + failures.b.length === 0)
    return [`${terminal.style('red', '✗')} nor when ${who} begins, for the same reason`]
  // What an end lets fall on the way is no news beside a cause that it has told already.
  const dropped = (end: Side) =>
    second.failures[end].length === 0
      ? second.dropped[end]
      : [`${codesOf(second.failures[end])}, as above`]
  const trial = { ...second, failures, dropped: { a: dropped('a'), b: dropped('b') } }
  return [
    '',
    ...verdictLines(second, names, terminal),
    ...whyLines(trial, meeting, names, terminal),
  ]
}

function codesOf(failures: readonly Failure[]): string {
  return [...new Set(failures.map(({ code }) => code))].join(', ')
}

function byHandLines(names: Names, { a }: Meeting, terminal: Terminal): readonly string[] {
  const text = `nobody begins: both files say start: respond. This is what "causeway up ${a.name}" at ${names.a} would do.`
  return [`${terminal.style('red', '✗')} does not come up by itself`, ...note(text, terminal)]
}

function enduranceLines(
  { milliseconds, rekeys, packets, recovery, ended, strain }: Endurance,
  names: Names,
  { style }: Terminal,
): readonly string[] {
  const good = ended === 'up'
  const end = good ? '' : ', down at the end'
  const mark = good ? style('green', '✓') : style('red', '✗')
  const head = `${mark} ${STRAIN_WORDS[strain](durationText(milliseconds / 1_000))}${end}`
  if (recovery !== undefined) {
    return [head, ...(['b', 'a'] as const).map((one) => recoveryText(names[one], recovery[one]))]
  }
  const lost = packets.lost === 0 ? 'none lost' : `${packets.lost} lost`
  return [
    head,
    `  ${rekeys.phase1} rekeys of phase 1, ${rekeys.phase2} of phase 2`,
    `  ${packets.sent} packets, ${lost}`,
  ]
}

const STRAIN_WORDS: Readonly<Record<Endurance['strain'], (time: string) => string>> = {
  hours: (time) => `${time} of simulated time with traffic`,
  'rekey-storm': () => 'rekey storm: 40 rekeys in a minute, some by both ends at once',
  restart: () => 'restarts',
}

function recoveryText(name: string, took: number | undefined): string {
  const back =
    took === undefined ? 'no traffic for 5 minutes' : `traffic again after ${elapsed(took)}`
  return `  ${name} restarts: ${back}`
}

function addressesText({ a, b }: Meeting, names: Names): string {
  const calls = (end: string, { peer }: TunnelConfig, other: string, { local }: TunnelConfig) =>
    peer === local || peer === 'any' ? [] : [`${end} calls ${peer}, ${other} is at ${local}`]
  return [...calls(names.a, a, names.b, b), ...calls(names.b, b, names.a, a)].join('; ')
}

function nameText({ peer, peerName }: TunnelConfig): readonly string[] {
  if (peerName === undefined) return []
  const name = peerName.name
  return [`${name} is not looked up here: it is taken to lead to the other end, ${peer}`]
}

function endText(meeting: Meeting, names: Names, end: Side): string {
  const { name } = meeting[end]
  return names[end] === name ? name : `${name} (${names[end]})`
}

function note(text: string, { columns }: Terminal): readonly string[] {
  return wrap(text, columns - 4).map((line, index) => `  ${index === 0 ? '! ' : '  '}${line}`)
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(8)} ${text}`.trimEnd()
}

function rows(label: string, text: string, columns: number): readonly string[] {
  return wrap(text, columns - 11).map((part, index) => row(index === 0 ? label : '', part))
}

function elapsed(milliseconds: number): string {
  return milliseconds < 1_000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1_000).toFixed(1)} s`
}
