import { stripVTControlCharacters } from 'node:util'
import type {
  CertificateStatus,
  ChildSaStatus,
  IkeSaStatus,
  IkeV2Status,
  IncidentStatus,
  NetworkStatus,
  ProofStatus,
  StatusDocument,
  TunnelStatus,
} from '#control/status'
import { durationText } from '#diagnosis/names'
import { wrap } from '#diagnosis/wrap'
import { dayText, expiryText, isEnding, leftText } from '#pki/expiry'
import { grouped, longOctets, shortBitsPerSecond } from './amounts.ts'
import { countText, pairWord } from './missing-pairs.ts'
import { peerNameText } from './peer-name-text.ts'
import { isWhole, standingFailures } from './standing-failure.ts'
import {
  ageText,
  failureLines,
  newestFirst,
  peerText,
  stateStyle,
  stateText,
  untilText,
  type ViewOptions,
} from './status-view.ts'
import { padEnd } from './table.ts'
import { alikeLines, newlyUnanswered, unansweredLines } from './unanswered-view.ts'
import { watchedText } from './watched-host.ts'

/** Everything about one tunnel: `causeway status NAME`. */
export function tunnelDetail(
  tunnel: TunnelStatus,
  document: StatusDocument,
  options: ViewOptions,
): string {
  const { at } = document
  const rows: (readonly [string, string])[] = []
  const [ikeSa, ...olderIkeSas] = newestFirst(tunnel.ikeSas)
  if (ikeSa !== undefined) rows.push(['phase 1', phase1Text(ikeSa, at)])
  if (olderIkeSas.length > 0) rows.push(['', olderText(olderIkeSas.length)])
  // Where the address says it all, it stands above already.
  if (ikeSa !== undefined && ikeSa.remoteId !== tunnel.peer)
    rows.push(['identity', identityText(tunnel.peer, ikeSa)])
  const login = loginText(ikeSa)
  if (login !== '') rows.push(['login', login])
  const active = tunnel.childSas.filter(({ state }) => state === 'active')
  for (const child of active) {
    rows.push(['phase 2', phase2Text(child)])
    const lessThan = pairNarrowed(child, tunnel)
    if (lessThan !== undefined) rows.push(['', `only a part of ${lessThan}: no more was agreed`])
    rows.push(...trafficRows(child, at))
  }
  const draining = tunnel.childSas.length - active.length
  if (draining > 0) rows.push(['', olderText(draining)])
  if (active.length > 0) {
    const { in: inward, out } = tunnel.traffic
    const rate = (bits: number) => `${shortBitsPerSecond(bits)} bit/s`
    rows.push(['now', `${rate(inward.bitsPerSecond)} in, ${rate(out.bitsPerSecond)} out`])
  }
  if (tunnel.state === 'up' && !isWhole(tunnel)) rows.push(['networks', countText(tunnel.networks)])
  for (const network of tunnel.networks.filter(({ state }) => state !== 'up')) {
    // Idle is what stands ready; where the tunnel is not up, nothing does.
    const word = tunnel.state === 'up' ? `, ${pairText(network, at)}` : ''
    rows.push(['networks', `${network.local} ↔ ${network.remote}${word}`])
  }
  if (tunnel.peerName !== undefined)
    rows.push(['peer', peerNameText(tunnel.peerName, tunnel.peer, at)])
  rows.push(['path', pathText(tunnel)])
  const alive = tunnel.peerAliveAt
  const health = [
    ...(alive === undefined ? [] : [`peer heard ${ageText(alive, at)} ago`]),
    // Nothing is asked while the tunnel is not up; what was answered before says nothing of now.
    ...(tunnel.watch === undefined || tunnel.state !== 'up' ? [] : [watchedText(tunnel.watch, at)]),
  ]
  if (health.length > 0) rows.push(['health', health.join('; ')])
  const { degraded } = tunnel
  if (degraded !== undefined) {
    const told = `${degraded.code} for ${ageText(degraded.since, at)}, see below`
    rows.push([health.length === 0 ? 'health' : '', told])
  }
  const { certificate, ikeV1Until, ikeV2, proof } = tunnel
  if (certificate !== undefined) rows.push(['certs', certificatesText(certificate, at)])
  if (proof !== undefined) rows.push(['proof', proofText(proof, at)])
  if (ikeV1Until !== undefined) rows.push(['IKEv1', untilDayText(ikeV1Until, at)])
  if (ikeV2 !== undefined) rows.push(['IKEv2', ikeV2Text(ikeV2, at)])
  rows.push(['dropped', droppedText(tunnel)])
  rows.push(['history', historyText(tunnel, at)])
  for (const incident of (tunnel.history ?? []).slice(-SHOWN_INCIDENTS)) {
    rows.push(['', incidentText(incident)])
  }
  if (tunnel.note !== undefined) rows.push(['note', tunnel.note])
  const body = rows.flatMap(([label, text]) => labelled(label, text, options.columns))
  const why = standingFailures(tunnel).flatMap(({ failure }) => [
    '',
    ...failureLines(failure, options.columns),
  ])
  const waiting = newlyUnanswered(tunnel, at).flatMap(({ message, alike }) => [
    '',
    ...unansweredLines(message, options.columns),
    ...(alike.length === 0 ? [] : ['']),
    ...alike.flatMap((text) => alikeLines(message.failure.code, text, options.columns)),
  ])
  return `${[headText(tunnel, at, options), ...body, ...why, ...waiting].join('\n')}\n`
}

/** Whom the peer logged in as, and the address it gave us. */
function loginText(ikeSa: IkeSaStatus | undefined): string {
  const user = ikeSa?.user === undefined ? [] : [`user ${ikeSa.user}`]
  const { addresses = [] } = ikeSa?.assigned ?? {}
  const given = addresses.length === 0 ? [] : [`address ${addresses.join(', ')}`]
  return [...user, ...given].join(', ')
}

/** Of a peer from anywhere, with where it is now. */
function identityText(peer: string, { remoteId, remote }: IkeSaStatus): string {
  const address = addressOf(remote)
  return peer !== 'any' || remoteId === address ? remoteId : `${remoteId}, at ${address}`
}

/** Of an address and a port. */
function addressOf(endpoint: string): string {
  return /^\[?(.*?)\]?:\d+$/.exec(endpoint)?.[1] ?? endpoint
}

function olderText(count: number): string {
  return `and ${count} older, answering until the peer has moved on`
}

function headText(tunnel: TunnelStatus, at: string, { style }: ViewOptions): string {
  const { name, since } = tunnel
  const [ikeSa] = newestFirst(tunnel.ikeSas)
  const told = `${stateText(tunnel)} ${ageText(since, at)}`
  const parts = [padEnd(name, 6), style(stateStyle(tunnel), told), peerText(tunnel)]
  if (ikeSa?.peerVendor !== undefined) parts.push(`${ikeSa.peerVendor} (vendor ID)`)
  if (ikeSa !== undefined) parts.push(`you: ${ikeSa.role}`)
  return parts.join('  ').trimEnd()
}

/** What an idle pair failed of when it was last wanted is told beside it: it will most likely fail again. */
function pairText(network: NetworkStatus, at: string): string {
  const { state, failure } = network
  const before =
    state === 'idle' && failure !== undefined ? `, last tried in vain: ${failure.code}` : ''
  return `${pairWord(network, at)}${before}`
}

function phase1Text(
  { version, exchange, suite, establishedAt, rekeyAt }: IkeSaStatus,
  at: string,
): string {
  const mode = exchange.replace(/ mode$/, '')
  return `${version} ${mode}   ${suite}   key ${ageText(establishedAt, at)} old, rekey in ${untilText(rekeyAt, at)}`
}

function phase2Text({ local, remote, suite, pfs, mode }: ChildSaStatus): string {
  const exchange = pfs === 'none' ? 'no PFS' : `PFS ${pfs}`
  const transport = mode === 'transport' ? ', transport mode' : ''
  return `${padEnd(`${local} ↔ ${remote}`, 30)}  ${suite}, ${exchange}${transport}`
}

/** Where the peer agreed to less than the file says, the rest is not carried. What stands for `any` with Mode Config is one address. */
function pairNarrowed(
  { pair, local, remote, mode }: ChildSaStatus,
  { networks }: TunnelStatus,
): string | undefined {
  const written = networks[pair]
  if (written === undefined || mode === 'transport') return undefined
  const isLess = (ours: string, agreed: string) => ours !== 'any' && ours !== agreed
  if (!isLess(written.local, local) && !isLess(written.remote, remote)) return undefined
  return `${written.local} ↔ ${written.remote}`
}

function trafficRows(child: ChildSaStatus, at: string): readonly (readonly [string, string])[] {
  return (['in', 'out'] as const).map((side) => {
    const { spi, octets, packets, lastUsedAt } = child[side]
    const amount = `${longOctets(octets).padStart(9)}  ${grouped(packets).padStart(7)} pkt`
    const last = lastUsedAt === undefined ? 'never used' : `last ${shortAge(lastUsedAt, at)} ago`
    const rekey = side === 'out' ? `, rekey in ${untilText(child.rekeyAt, at)}` : ''
    return ['', `${side.padEnd(3)} ${spi} ${amount}  ${last}${rekey}`] as const
  })
}

/** Below a minute in tenths: whether traffic flows right now. */
function shortAge(from: string, at: string): string {
  const seconds = Math.max(0, (Date.parse(at) - Date.parse(from)) / 1_000)
  return seconds < 60 ? `${seconds.toFixed(1)} s` : durationText(seconds)
}

function pathText(status: TunnelStatus): string {
  const { childSas, ikeSas, mtu, interface: device, local, peer } = status
  const [child] = childSas
  const [ikeSa] = newestFirst(ikeSas)
  const parts: string[] = []
  if (child !== undefined) {
    parts.push(child.encapsulation === 'udp' ? 'ESP in UDP 4500' : 'ESP (protocol 50)')
  }
  if (ikeSa !== undefined) parts.push(natWords(ikeSa.nat))
  else parts.push(`${local} → ${peerText(status)}`)
  const address = ikeSa === undefined ? peer : addressOf(ikeSa.remote)
  if (peer !== 'any' && address !== peer) parts.push(`peer now at ${address}`)
  // 20 octets of IPv4 and 20 of TCP; what the data plane writes into SYN packets.
  if (mtu !== undefined) parts.push(`MTU ${mtu}`, `TCP MSS ${mtu - 40}`)
  parts.push(`interface ${device}`)
  return parts.join(', ')
}

function certificatesText(
  { own, peer }: NonNullable<TunnelStatus['certificate']>,
  at: string,
): string {
  const ours = own === undefined ? [] : [`ours ${validityText(own, at)}`]
  const theirs = peer === undefined ? [] : [`theirs ${validityText(peer, at)}`]
  return [...ours, ...theirs].join(', ')
}

function validityText(certificate: CertificateStatus, at: string): string {
  const [notAfter, now] = [Date.parse(certificate.notAfter), Date.parse(at)]
  if (notAfter < now) return expiryText(notAfter, now)
  const until = `until ${dayText(notAfter)}`
  return isEnding(notAfter, now) ? `${until} (${leftText(notAfter, now)})` : until
}

function proofText({ provenAt, seen, unshown, failure }: ProofStatus, at: string): string {
  if (provenAt !== undefined) {
    return `proven ${ageText(provenAt, at)} ago: the peer answered, both phases were rekeyed, packets of full size passed both ways`
  }
  if (failure !== undefined) return `failed: ${failure.code} ${failure.summary}; ${failure.remedy}`
  if (unshown !== undefined) {
    const rest = 'the peer answered, both phases were rekeyed'
    return unshown.includes('full-size-packet-sent')
      ? `${rest}; that packets of full size pass could not be shown: neither the peer nor anything inside answers such`
      : `${rest}, packets of full size reach the peer; that they come back could not be shown: nothing inside answers such`
  }
  const missing = PROOF_PARTS.filter(([part]) => !seen.includes(part)).map(([, words]) => words)
  return `not proven yet: ${missing.join(', ')}`
}

const PROOF_PARTS: readonly (readonly [ProofStatus['seen'][number], string])[] = [
  ['peer-answered', 'no sign of life asked for and got'],
  ['phase-2-rekeyed', 'phase 2 not rekeyed'],
  ['phase-1-rekeyed', 'phase 1 not rekeyed'],
  ['full-size-packet', 'no packet of full size seen both ways'],
]

function untilDayText(day: string, at: string): string {
  const overdue = Date.parse(at) >= Date.parse(`${day}T00:00:00Z`)
  return overdue ? `should have ended by ${day}: it is Historic (RFC 9395)` : `until ${day}`
}

function ikeV2Text({ answer, askedAt, change }: IkeV2Status, at: string): string {
  const told = `${IKEV2_ANSWERS[answer]}, asked ${ageText(askedAt, at)} ago`
  return change === undefined ? told : `${told}; ${change}`
}

const IKEV2_ANSWERS: Readonly<Record<IkeV2Status['answer'], string>> = {
  yes: 'the peer would answer it (not authenticated)',
  'not-for-us': 'the peer speaks it, but not with us',
  no: 'the peer does not speak it',
  none: 'the peer did not answer it',
}

function natWords({ local, remote }: IkeSaStatus['nat']): string {
  if (local && remote) return 'NAT on both sides'
  if (local) return 'NAT before us'
  return remote ? 'NAT before the peer' : 'no NAT'
}

function droppedText({ dropped }: TunnelStatus): string {
  const { replayed, badIcv, outsideSelectors } = dropped
  const always = [
    `${replayed} replay`,
    `${badIcv} bad ICV`,
    `${outsideSelectors} outside selectors`,
  ]
  const others: readonly (readonly [number, string])[] = [
    [dropped.badPadding, 'bad padding'],
    [dropped.malformed, 'of a wrong length'],
    [dropped.congested, 'congested on the way'],
    [dropped.exhausted, 'on a used-up SA'],
    [dropped.cannotCarry, 'without a form in transport mode'],
    [dropped.noSa, 'without SA'],
    [dropped.noPolicy, 'for no network pair'],
    [dropped.tooBig, 'too big'],
    [dropped.notSent, 'refused by this host'],
    [dropped.queueFull ?? 0, 'queue full'],
  ]
  return [
    ...always,
    ...others.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])),
  ].join(', ')
}

function historyText({ rekeys, failures, state, retryAt }: TunnelStatus, at: string): string {
  const parts = [counted(rekeys, 'rekey'), counted(failures, 'failure')]
  if (state !== 'up' && retryAt !== undefined) parts.push(`next try in ${untilText(retryAt, at)}`)
  return parts.join(', ')
}

/** `2026-11-17 03:02  CW-602 paris has not been heard … (38s)`. */
function incidentText({ at, code, summary, lasted }: IncidentStatus): string {
  const when = new Date(at).toISOString().slice(0, 16).replace('T', ' ')
  const long =
    lasted === undefined
      ? ' (not over)'
      : lasted < 1_000
        ? ''
        : ` (${durationText(lasted / 1_000)})`
  return `${when} UTC  ${code} ${summary}${long}`
}

const SHOWN_INCIDENTS = 3

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

const LABEL_COLUMNS = 9

function labelled(label: string, text: string, columns: number): readonly string[] {
  const room = columns - LABEL_COLUMNS - 2
  // Aligned rows keep their spaces; only what is too long is wrapped.
  const plain = stripVTControlCharacters(text)
  const lines = [...plain].length <= room ? [text] : wrap(text, room)
  return lines.map((line, index) => `  ${padEnd(index === 0 ? label : '', LABEL_COLUMNS)}${line}`)
}
