import { formatEndpoint } from '#bytes/ip'
import type {
  ChildSaFacts,
  CloseReason,
  DropReason,
  Event,
  IkeSaFacts,
  MessageEvent,
  ProofPart,
} from '#ike/events'
import {
  formatEspSuite,
  formatIkeSuite,
  formatPfs,
  type Weakness,
  weaknesses,
} from '#policy/proposal'
import { payloadNames } from './message-story.ts'
import { durationText, pairText } from './names.ts'
import { unansweredText } from './unanswered-text.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export type EventText = {
  readonly level: Level
  readonly text: string
  /** Events with the same key say the same thing: they are counted, not repeated. */
  readonly repeatKey?: string
}

/** One fact in one sentence, without time and tunnel. */
export function eventText(event: Event): EventText {
  switch (event.kind) {
    case 'message':
      return { level: 'debug', text: messageText(event) }
    case 'ike-sa-established':
      return withWeakness(ikeSaText(event.ikeSa), weaknesses(event.ikeSa.suite))
    case 'child-sa-established':
      return withWeakness(
        childSaText(event.childSa, event.rekeyOf !== undefined),
        weaknesses(event.childSa.suite, event.childSa.pfs),
      )
    case 'ike-sa-closed':
      return closedText('phase 1', event.why)
    case 'child-sa-closed':
      return closedText(pairPhase(event.child.pair), event.why)
    case 'negotiation-failed':
      return failedText(event)
    case 'message-unanswered': {
      const { code, summary } = event.failure
      const text = `${unansweredText(event)}; if none comes: ${code} ${summary}`
      return { level: 'warn', text, repeatKey: `failed unanswered ${text}` }
    }
    case 'refusal-hinted': {
      const { code, summary } = event.failure
      return {
        level: 'warn',
        text: `hint: ${code} ${summary}`,
        repeatKey: `failed hint ${code} ${summary}`,
      }
    }
    case 'nat-detected':
      return natEventText(event.local, event.remote)
    case 'peer-alive':
      return { level: 'debug', text: `peer answered after ${Math.round(event.roundTrip)} ms` }
    case 'dropped': {
      const { reason, remote, detail } = event
      const what = `message from ${formatEndpoint(remote)} dropped, ${DROP_WORDS[reason]}`
      return { level: 'warn', text: `${what}: ${detail}`, repeatKey: `dropped ${reason}` }
    }
    case 'tunnel-proven': {
      const text = `proven: both phases rekeyed, the peer answered and packets of full size passed both ways, ${Math.round(event.after / 1_000)} s after it came up`
      return { level: 'info', text }
    }
    case 'proof-incomplete':
      return { level: 'info', text: proofIncompleteText(event.seen) }
    case 'path-limited':
      return { level: 'info', text: pathLimitedText(event) }
    case 'path-widened': {
      const text = `packets of ${event.octets} octets pass again: MTU and MSS are raised`
      return { level: 'info', text }
    }
    case 'traffic-degraded': {
      const { code, summary } = event.failure
      return { level: 'warn', text: `${code} ${summary}`, repeatKey: `traffic ${code}` }
    }
    case 'recovered': {
      const lasted = durationText(event.lasted / 1_000)
      return {
        level: 'info',
        text: `${event.code} is over, it lasted ${lasted}`,
        repeatKey: `recovered ${event.code}`,
      }
    }
    case 'incident': {
      const { code, summary } = event.failure
      const level = INCIDENT_LEVELS[code] ?? 'warn'
      return { level, text: `${code} ${summary}`, repeatKey: `incident ${code} ${summary}` }
    }
    case 'clock-jumped': {
      const seconds = Math.round(event.by / 1_000)
      const way = seconds < 0 ? 'back' : 'forward'
      return {
        level: 'warn',
        text: `${CLOCK_SET} the clock of this host was set ${way} by ${durationText(Math.abs(seconds))}: lifetimes and dead peer detection go on by another clock, certificates and the times in this log by the new one`,
      }
    }
    case 'peer-habit': {
      const { code, text } = event
      return { level: 'info', text: `${code} ${text}`, repeatKey: `habit ${text}` }
    }
    case 'warning':
      return { level: 'warn', text: event.text, repeatKey: `warning ${event.text}` }
    case 'defect':
      return {
        level: 'error',
        text: `defect in Causeway: ${event.detail}`,
        repeatKey: `defect ${event.detail}`,
      }
    case 'configured':
      return { level: 'info', text: configuredText(event) }
  }
}

/** `NAT before us`, `no NAT`. */
function natText({ local, remote }: { local: boolean; remote: boolean }): string {
  if (local && remote) return 'NAT on both sides'
  if (local) return 'NAT before us'
  return remote ? 'NAT before the peer' : 'no NAT'
}

const CLOCK_SET = 'CW-608'
/** What is worth less, or more, than a warning. */
const INCIDENT_LEVELS: Readonly<Record<string, Level>> = {
  'CW-602': 'error',
  'CW-605': 'info',
  'CW-606': 'error',
}

/** Sizes of packets inside come first: they are what a user's `ping -s` and TCP meet. */
function pathLimitedText({ octets, inner }: Extract<Event, { kind: 'path-limited' }>): string {
  // 20 octets of IPv4 and 20 of TCP.
  return `packets above ${inner} octets vanish, on the way those above ${octets}, and no router says so: MTU ${inner} and TCP MSS ${inner - 40} from now on`
}

function proofIncompleteText(seen: readonly ProofPart[]): string {
  const rekeyed = 'both phases rekeyed and the peer answered'
  if (seen.includes('full-size-packet-sent'))
    return `proven but for packets of full size from the peer, which nothing inside sends back: ${rekeyed}, ours arrive`
  return `proven but for packets of full size, for which neither the peer nor anything inside answers: ${rekeyed}`
}

const CLOSE_WORDS: Readonly<Record<CloseReason, string>> = {
  operator: 'as the operator asked',
  'peer-deleted': 'the peer deleted it',
  expired: 'its lifetime, its volume or its sequence numbers were used up',
  rekeyed: 'a new one has taken over',
  'dead-peer': 'the peer is silent',
  reconfigured: 'the configuration changed',
  shutdown: 'the gateway stops',
  'peer-restarted': 'the peer started anew',
  failed: 'the negotiation failed',
}

const DROP_WORDS: Readonly<Record<DropReason, string>> = {
  malformed: 'malformed',
  'unknown-peer': 'no tunnel takes it',
  'unknown-sa': 'it belongs to no SA',
  admission: 'too many negotiations are half open',
  undecryptable: 'it does not decrypt',
  'bad-hash': 'its hash is wrong',
  replayed: 'replayed',
  'out-of-state': 'it does not fit here',
  unauthenticated: 'unauthenticated',
}

function messageText(event: MessageEvent): string {
  const arrow = event.direction === 'sent' ? '→' : '←'
  const payloads = payloadNames(event).join(', ')
  const again = event.repeat > 0 ? `, repeat ${event.repeat}` : ''
  return `${event.exchange} ${event.number} ${arrow} ${event.octets} B: ${payloads}${again}`
}

function ikeSaText(ikeSa: IkeSaFacts): string {
  const vendor = ikeSa.peerVendor === undefined ? '' : `, ${ikeSa.peerVendor}`
  const suite = formatIkeSuite(ikeSa.suite)
  const user = ikeSa.user === undefined ? '' : `, user ${ikeSa.user}`
  const assigned = ikeSa.assigned?.addresses.join(', ')
  const given = assigned === undefined ? '' : `, our address ${assigned}`
  return `phase 1 up with ${ikeSa.remote.address}${vendor}: ${ikeSa.exchange}, ${suite}, ${natText(ikeSa.nat)}${user}${given}`
}

function childSaText(childSa: ChildSaFacts, isRekey: boolean): string {
  const pfs = childSa.pfs === 'none' ? 'no PFS' : `PFS ${formatPfs(childSa.pfs)}`
  const carriage = childSa.encapsulation === 'udp' ? 'ESP in UDP' : 'ESP'
  const what = isRekey ? 'phase 2 rekeyed' : 'phase 2 up'
  return `${what}: ${pairText(childSa.selectors)}, ${formatEspSuite(childSa.suite)}, ${pfs}, ${carriage}`
}

/** CW-206: agreed on, and not to be used any more. */
function withWeakness(text: string, weak: readonly Weakness[]): EventText {
  if (weak.length === 0) return { level: 'info', text }
  const words = weak.map(
    ({ algorithm, rfc, requirement }) => `${algorithm} is weak (${rfc}: ${requirement})`,
  )
  return { level: 'warn', text: `${text}; CW-206 ${words.join(', ')}` }
}

function closedText(what: string, why: CloseReason): EventText {
  const quiet = why === 'rekeyed' || why === 'failed'
  const bad = why === 'dead-peer' || why === 'expired'
  const level = quiet ? 'debug' : bad ? 'warn' : 'info'
  return { level, text: `${what} closed, ${CLOSE_WORDS[why]}` }
}

function failedText({
  phase,
  pair,
  failure: { code, summary },
}: Extract<Event, { kind: 'negotiation-failed' }>): EventText {
  const what = pair === undefined ? `phase ${phase}` : pairPhase(pair)
  return {
    level: 'error',
    text: `${what} ✗ ${code} ${summary}`,
    repeatKey: `failed ${what} ✗ ${code} ${summary}`,
  }
}

/** How a line about one network pair begins, and one about any. */
export function pairPhase(pair: number): string {
  return `${PAIRS_PHASE} ${pair + 1}`
}

export const PAIRS_PHASE = 'phase 2 of network pair'

function natEventText(local: boolean, remote: boolean): EventText {
  const found = local || remote
  const text = natText({ local, remote })
  return {
    level: found ? 'info' : 'debug',
    text: found ? `${text}: IKE and ESP go through UDP 4500` : text,
  }
}

function configuredText(event: Extract<Event, { kind: 'configured' }>): string {
  const parts = (['added', 'changed', 'removed'] as const).flatMap((what) =>
    event[what].length === 0 ? [] : [`${what} ${event[what].join(', ')}`],
  )
  const kept = event.unchanged.length
  if (kept > 0) parts.push(`${kept} ${kept === 1 ? 'tunnel' : 'tunnels'} unchanged`)
  return `configuration: ${parts.length === 0 ? 'no tunnels' : parts.join('; ')}`
}
