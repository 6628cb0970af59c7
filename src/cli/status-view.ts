import type {
  CertificateStatus,
  FailureStatus,
  IkeSaStatus,
  NetworkStatus,
  ProofStatus,
  StatusDocument,
  TunnelStatus,
} from '#control/status'
import { failureText } from '#diagnosis/failure-text'
import { durationText } from '#diagnosis/names'
import { unansweredText } from '#diagnosis/unanswered-text'
import { wrap } from '#diagnosis/wrap'
import { expiryText, isEnding } from '#pki/expiry'
import { shortBitsPerSecond, shortOctets } from './amounts.ts'
import { pairWord } from './missing-pairs.ts'
import { type FailureFacts, standingFailures } from './standing-failure.ts'
import { clip, columnsOf, padEnd } from './table.ts'
import type { Style } from './terminal.ts'
import { newlyUnanswered } from './unanswered-view.ts'

export type ViewOptions = {
  readonly columns: number
  readonly style: (style: Style, text: string) => string
}

const HEADER = ['TUNNEL', 'STATE', 'SINCE', 'PEER', 'NETWORKS', 'IN / OUT', 'REKEY']
const STATE = HEADER.indexOf('STATE')
const NETWORKS = HEADER.indexOf('NETWORKS')
const LEAST_NETWORKS = 10
const LEAST_NAME = columnsOf(HEADER[0] ?? '')
const GAP = 2
const STYLES: Readonly<Record<TunnelStatus['state'], Style>> = {
  up: 'green',
  connecting: 'yellow',
  down: 'red',
  stopped: 'dim',
}

/** The state with its symbol: told in colour, and readable without. What is up and does not carry what it should looks different. */
export function stateText(tunnel: FailureFacts): string {
  return `${isImpaired(tunnel) ? DEGRADED : SYMBOLS[tunnel.state]} ${tunnel.state}`
}

export function stateStyle(tunnel: FailureFacts): Style {
  return isImpaired(tunnel) ? 'yellow' : STYLES[tunnel.state]
}

function isImpaired(tunnel: FailureFacts): boolean {
  return tunnel.state === 'up' && standingFailures(tunnel).length > 0
}

const DEGRADED = '▲'

const SYMBOLS: Readonly<Record<TunnelStatus['state'], string>> = {
  up: '●',
  connecting: '◐',
  down: '○',
  stopped: '–',
}

/** All tunnels at a glance; below the table, why those that are not up are not. */
export function statusTable(document: StatusDocument, options: ViewOptions): string {
  const { gateway, summary, tunnels } = document
  const age = (from: string) => ageText(from, document.at)
  const left = `${gateway.name}  ${summary.up} of ${summary.tunnels} ${summary.tunnels === 1 ? 'tunnel' : 'tunnels'} up`
  const right = `causeway ${document.causeway}, up ${age(gateway.startedAt)}, config ${dayText(gateway.configuration.loadedAt, document.at)}`
  const lines = [
    `${padEnd(left, Math.max(columnsOf(left) + 2, options.columns - columnsOf(right)))}${right}`,
  ]
  if (tunnels.length > 0) lines.push('', ...tableOf(document, options))
  // What is not up comes first.
  const isUp = ({ state }: TunnelStatus) => Number(state === 'up')
  for (const tunnel of [...tunnels].sort((a, b) => isUp(a) - isUp(b))) {
    for (const { failure } of standingFailures(tunnel))
      lines.push('', ...reasonLines(tunnel.name, failure, options.columns))
    for (const { message, alike } of newlyUnanswered(tunnel, document.at)) {
      const { failure } = message
      const summary = `${unansweredText(message)}. Should none come: ${failure.summary}`
      lines.push('', ...reasonLines(tunnel.name, { ...failure, summary }, options.columns))
      const head = reasonHead(tunnel.name, failure)
      lines.push(...alike.flatMap((text) => hanging(head, text, options.columns)))
    }
  }
  for (const { name, proof, ...tunnel } of tunnels) {
    const known = standingFailures(tunnel).some(
      ({ failure }) => failure.code === proof?.failure?.code,
    )
    if (proof?.failure !== undefined && !known)
      lines.push('', ...reasonLines(name, proof.failure, options.columns))
  }
  const ending = endingCertificates(document)
  if (ending.length > 0) lines.push('')
  for (const text of ending) lines.push(...hanging('CW-307  ', text, options.columns))
  lines.push(...hostLines(document, options.columns))
  lines.push(...trialLines(document))
  const { refused } = gateway.configuration
  if (refused !== undefined) {
    const when = dayText(refused.at, document.at)
    lines.push('', `Refused at ${when}, the configuration before it still runs:`)
    lines.push(
      ...refused.problems
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    )
    lines.push(`  causeway check ${gateway.configuration.file}`)
  }
  return `${lines.join('\n')}\n`
}

/** What was lost, or kept out, before it could be told which tunnel it was of. */
function hostLines({ dropped }: StatusDocument, columns: number): readonly string[] {
  const { 'came-in-clear': clear = 0, 'not-received': late = 0 } = dropped
  const packets = (count: number) => (count === 1 ? '1 packet' : `${count} packets`)
  const texts = [
    ...(clear === 0 ? [] : [`dropped: ${packets(clear)} of protected networks that came in clear`]),
    ...(late === 0 ? [] : [`lost: ${packets(late)} that came faster than the gateway reads them`]),
  ].flatMap((text) => wrap(text, columns))
  return texts.length === 0 ? [] : ['', ...texts]
}

/** A configuration on trial, or one that was taken back while its file stays. */
function trialLines({ at, gateway: { configuration } }: StatusDocument): readonly string[] {
  const { confirmBy, undone } = configuration
  if (confirmBy !== undefined) {
    const left = untilText(confirmBy, at)
    return [
      '',
      `On trial: the configuration before comes back in ${left}, unless you say`,
      '  causeway confirm',
    ]
  }
  if (undone === undefined) return []
  const why = undone.why === 'operator' ? 'as was asked' : 'nobody confirmed it'
  return [
    '',
    `Taken back at ${dayText(undone.at, at)}, ${why}; the file still says what does not run:`,
    '  causeway diff',
  ]
}

/** Stands above everything else while keys are being written to a file; else empty. */
export function keyWarning({ gateway }: StatusDocument, { columns, style }: ViewOptions): string {
  const folder = gateway.wiresharkKeys
  if (folder === undefined) return ''
  const text = `WARNING: the keys of every tunnel are being written to ${folder} (run --wireshark-keys); whoever reads them reads the traffic`
  const lines = wrap(text, columns).map((line) => style('red', line))
  return `${lines.join('\n')}\n\n`
}

/** `6d02h` before `at`. */
export function ageText(from: string, at: string): string {
  return durationText((Date.parse(at) - Date.parse(from)) / 1_000)
}

/** `23m` after `at`. */
export function untilText(to: string, at: string): string {
  return durationText((Date.parse(to) - Date.parse(at)) / 1_000)
}

function tableOf(document: StatusDocument, options: ViewOptions): readonly string[] {
  const cells = document.tunnels.map((tunnel) => ({ tunnel, row: cellsOf(tunnel, document.at) }))
  const widths = HEADER.map((title, column) =>
    Math.max(columnsOf(title), ...cells.map(({ row }) => columnsOf(row[column] ?? ''))),
  )
  // What does not fit is taken from the networks, which `status NAME` shows in full; names stay whole, to be pasted.
  const excess = widths.reduce((sum, width) => sum + width + GAP, -GAP) - options.columns
  const left = (widths[NETWORKS] ?? 0) - Math.max(0, excess)
  const beside = left >= LEAST_NETWORKS
  widths[NETWORKS] = beside ? left : 0
  // A name too long even so has a line of its own.
  const taken = widths.reduce((sum, width) => sum + (width === 0 ? 0 : width + GAP), -GAP)
  const over = Math.max(0, taken - options.columns)
  widths[0] = Math.max(LEAST_NAME, (widths[0] ?? 0) - over)
  const line = (row: readonly string[], paint: (cell: string, column: number) => string) =>
    row
      .flatMap((cell, column) => {
        const width = widths[column] ?? 0
        return width === 0 ? [] : [paint(padEnd(clip(cell, width), width), column)]
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  const rowLines = (tunnel: TunnelStatus, row: readonly string[]) => {
    const isLong = columnsOf(tunnel.name) > (widths[0] ?? 0)
    const rest = line(isLong ? ['', ...row.slice(1)] : row, (cell, column) =>
      column === STATE ? options.style(stateStyle(tunnel), cell) : cell,
    )
    return isLong ? [tunnel.name, rest] : [rest]
  }
  return [
    line(HEADER, (cell) => cell),
    ...cells.flatMap(({ tunnel, row }) => [
      ...rowLines(tunnel, row),
      ...algorithmLines(tunnel, options.columns),
      ...networkLines(tunnel, beside ? 1 : 0, document.at, options.columns),
    ]),
  ]
}

function cellsOf(tunnel: TunnelStatus, at: string): readonly string[] {
  const { name, state, since, networks, traffic } = tunnel
  const [first] = rowFirst(networks)
  const carried = traffic.in.packets + traffic.out.packets > 0 || state === 'up'
  return [
    name,
    stateText(tunnel),
    ageText(since, at),
    peerText(tunnel),
    first === undefined ? '' : networkText(first),
    carried ? `${shortOctets(traffic.in.octets)} / ${shortOctets(traffic.out.octets)}` : '–',
    nextText(tunnel, at),
  ]
}

/** Where it is, or what is known instead. */
export function peerText({ peer, peerName }: Pick<TunnelStatus, 'peer' | 'peerName'>): string {
  return peer === 'unresolved' ? (peerName?.name ?? peer) : peer
}

export function newestFirst(ikeSas: readonly IkeSaStatus[]): readonly IkeSaStatus[] {
  return [...ikeSas].sort((a, b) => Date.parse(b.establishedAt) - Date.parse(a.establishedAt))
}

/** When the next Child SA is rekeyed, or the next attempt is made. */
export function nextText({ state, childSas, retryAt }: TunnelStatus, at: string): string {
  if (state !== 'up') return retryAt === undefined ? '' : `retry ${untilText(retryAt, at)}`
  const soonest = childSas
    .filter((child) => child.state === 'active')
    .map(({ rekeyAt }) => rekeyAt)
    .sort()[0]
  return soonest === undefined ? '' : untilText(soonest, at)
}

/** What protects it and what it carries now, below a tunnel that is up. */
function algorithmLines(
  { ikeSas, childSas, state, traffic }: TunnelStatus,
  columns: number,
): readonly string[] {
  if (state !== 'up') return []
  const [ikeSa] = newestFirst(ikeSas)
  const active = childSas.filter((child) => child.state === 'active')
  const suites = new Set(
    active.map(({ suite, pfs }) => `${suite} ${pfs === 'none' ? 'no pfs' : `pfs ${pfs}`}`),
  )
  const { in: inward, out } = traffic
  const isQuiet = inward.bitsPerSecond + out.bitsPerSecond === 0
  const rates = `now ${shortBitsPerSecond(inward.bitsPerSecond)} / ${shortBitsPerSecond(out.bitsPerSecond)} bit/s`
  return below(
    [...(ikeSa === undefined ? [] : [ikeSa.suite]), ...suites, isQuiet ? 'no traffic now' : rates],
    columns,
  )
}

/** The pairs that the row does not show: each where there are few, counted where there are many. */
function networkLines(
  { networks, state: tunnel }: TunnelStatus,
  inRow: number,
  at: string,
  columns: number,
): readonly string[] {
  const rest = rowFirst(networks)
    .slice(inRow)
    .sort((a, b) => PAIR_STATES.indexOf(a.state) - PAIR_STATES.indexOf(b.state))
  // Idle is what stands ready; where the tunnel is not up, nothing does.
  const word = (text: string) => (tunnel === 'up' ? `, ${text}` : '')
  const shown = rest.slice(0, rest.length > MOST_PAIRS ? MOST_PAIRS - 1 : MOST_PAIRS)
  const lines = shown.map((pair) => `${networkText(pair)}${word(pairWord(pair, at))}`)
  const hidden = rest.slice(shown.length)
  if (hidden.length > 0) {
    const counted = PAIR_STATES.flatMap((state) => {
      const count = hidden.filter((pair) => pair.state === state).length
      if (count === hidden.length) return [state]
      return count === 0 || state === 'up' ? [] : [`${count} ${state}`]
    })
    lines.push(`+ ${hidden.length} more network pairs${word(counted.join(', '))}`)
  }
  return lines.flatMap((text) => below([text], columns))
}

/** What wants looking at comes first. */
const PAIR_STATES: readonly NetworkStatus['state'][] = ['failed', 'connecting', 'up', 'idle']

const MOST_PAIRS = 4

/** Parts that belong to the row above, as many in a line as fit. */
function below(parts: readonly string[], columns: number): readonly string[] {
  const lines: string[] = []
  for (const part of parts) {
    const joined = `${lines.at(-1)}, ${part}`
    if (lines.length === 0 || columnsOf(joined) > columns - 4) lines.push(part)
    else lines.splice(-1, 1, joined)
  }
  return lines.map((line, index) => `  ${index === 0 ? '└' : ' '} ${clip(line, columns - 4)}`)
}

/** The one that stands in the tunnel's row is up, if one is. */
function rowFirst(networks: readonly NetworkStatus[]): readonly NetworkStatus[] {
  return [...networks].sort((a, b) => Number(a.state !== 'up') - Number(b.state !== 'up'))
}

/** `10.1/16 ↔ 10.2/16`, octets of zero left out. */
function networkText({ local, remote }: NetworkStatus): string {
  return `${shortPrefix(local)} ↔ ${shortPrefix(remote)}`
}

function shortPrefix(text: string): string {
  if (text === '0.0.0.0/0' || text === '::/0') return 'any'
  return text.replace(/^(\d+(?:\.\d+){3})\/(\d+)/, (_, address: string, length: string) => {
    const kept = Math.max(1, Math.ceil(Number(length) / 8))
    return `${address.split('.').slice(0, kept).join('.')}/${length}`
  })
}

function reasonHead(name: string, { code }: Pick<FailureStatus, 'code'>): string {
  return `${padEnd(name, 6)}  ${code}  `
}

function reasonLines(
  name: string,
  failure: NonNullable<ProofStatus['failure']>,
  columns: number,
): readonly string[] {
  const head = reasonHead(name, failure)
  const indent = ' '.repeat(columnsOf(head))
  const { line } = failure
  const where = line === undefined ? [] : [`${line.file}:${line.line}:${line.column}`]
  return [
    ...hanging(head, failure.summary, columns),
    ...wrap(failure.remedy, columns - indent.length).map((text) => `${indent}${text}`),
    ...where.map((text) => `${indent}${text}`),
  ]
}

/** What does not fit the line stands below the text, not below the head. */
function hanging(head: string, text: string, columns: number): readonly string[] {
  const indent = ' '.repeat(columnsOf(head))
  return wrap(text, columns - indent.length).map(
    (line, index) => `${index === 0 ? head : indent}${line}`,
  )
}

/** Each once, however many tunnels use it. */
function endingCertificates({ at, tunnels }: StatusDocument): readonly string[] {
  const now = Date.parse(at)
  const users = new Map<string, string[]>()
  const look = (whose: string, certificate: CertificateStatus | undefined, tunnel: string) => {
    if (certificate === undefined) return
    const notAfter = Date.parse(certificate.notAfter)
    if (!isEnding(notAfter, now)) return
    const text = `${whose} certificate ${certificate.subject} ${expiryText(notAfter, now)}`
    users.set(text, [...(users.get(text) ?? []), tunnel])
  }
  for (const { name, certificate } of tunnels) {
    look('our', certificate?.own, name)
    look('the peer’s', certificate?.peer, name)
  }
  return [...users].map(([text, names]) => `${text}: ${namesText(names)}`)
}

function namesText(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES
  const shown = names.slice(0, MOST_NAMES).join(', ')
  return rest > 0 ? `${shown} and ${rest} more` : shown
}

const MOST_NAMES = 5

/** `09:12 today`, `09:12 on 2026-11-20`, local time. */
function dayText(when: string, at: string): string {
  const date = new Date(when)
  const time = `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
  if (date.toDateString() === new Date(at).toDateString()) return `${time} today`
  const two = (value: number) => String(value).padStart(2, '0')
  return `${time} on ${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** The failure as `up` prints it, for the detail of one tunnel. */
export function failureLines(failure: FailureStatus, columns: number): readonly string[] {
  return failureText(failure, columns)
}
