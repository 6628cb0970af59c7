import { formatEndpoint } from '#bytes/ip'
import type { Event, MessageEvent } from '#ike/events'
import { headingOf, offerOf, payloadNames, storyOf, vendorOf } from './message-story.ts'
import type { OfferText } from './transform-text.ts'
import { columnsOf, wrap } from './wrap.ts'

/** One message of the negotiation, for machines. */
export type LadderMessage = {
  readonly exchange: string
  readonly number: number
  readonly direction: 'sent' | 'received'
  /** `address:port`. */
  readonly from: string
  readonly to: string
  readonly octets: number
  readonly encrypted: boolean
  /** Retransmissions are messages of their own, counted from 1 here. */
  readonly repeat: number
  readonly payloads: readonly string[]
  readonly carried: string
  readonly achieved: string
}

/** `at` is in milliseconds of any one clock. */
export type TimedEvent = { readonly at: number; readonly event: Event }

export type LadderOptions = {
  readonly columns?: number
  /** Adds to each message what it achieved, and whether it was encrypted. */
  readonly explain?: boolean
}

/** The whole ladder of a negotiation that is over, its heading first. */
export function ladderLines(
  events: readonly TimedEvent[],
  options: LadderOptions = {},
): readonly string[] {
  const ladder = new Ladder(options)
  return [...folded(events).flatMap((event) => ladder.add(event)), ...ladder.flush()]
}

/** Without the retransmissions that brought the same refusal as those before and were followed by another. */
function folded(events: readonly TimedEvent[]): readonly TimedEvent[] {
  const dropped = new Set<Event>()
  const heard = new Set<string>()
  let run: readonly MessageEvent[] = []
  for (const { event } of events) {
    if (event.kind !== 'message' || !belongs(event)) continue
    if (event.exchange === 'informational') {
      run = [...run, event]
      continue
    }
    const [sent, ...answers] = run
    const isRepeated = sent !== undefined && sent.repeat > 0 && isRepeatOf(event, sent)
    const isOld = answers.length > 0 && answers.every((answer) => heard.has(refusalText(answer)))
    if (isRepeated && isOld) for (const one of run) dropped.add(one)
    for (const answer of answers) heard.add(refusalText(answer))
    run = [event]
  }
  return events.filter(({ event }) => !dropped.has(event))
}

function isRepeatOf(later: MessageEvent, earlier: MessageEvent): boolean {
  return (
    later.repeat > 0 &&
    later.direction === earlier.direction &&
    later.number === earlier.number &&
    exchangeKey(later) === exchangeKey(earlier)
  )
}

function refusalText(event: MessageEvent): string {
  return `${event.direction} ${event.encrypted} ${payloadNames(event).join(' ')}`
}

/** Every IKE message as it went by. */
export function ladderDocument(events: readonly TimedEvent[]): readonly LadderMessage[] {
  const offers = new Offers()
  return events.flatMap(({ event }) =>
    event.kind === 'message' ? [documentOf(event, offers)] : [],
  )
}

/**
 * The negotiation as people read it, one line a message, while it goes on. A line is finished by the event after it, which
 * may still say something of it (that NAT was found, that a hash was correct): `add` gives the lines finished so far, and
 * `flush` the one that waits.
 */
export class Ladder {
  readonly #columns: number
  readonly #explain: boolean
  readonly #offers = new Offers()
  #begun = false
  #lastAt: number | undefined
  #pending:
    | { event: MessageEvent; delta: number | undefined; nat: string | undefined; verified: boolean }
    | undefined

  constructor({ columns = 80, explain = false }: LadderOptions = {}) {
    this.#columns = columns
    this.#explain = explain
  }

  add({ at, event }: TimedEvent): readonly string[] {
    const pending = this.#pending
    switch (event.kind) {
      case 'nat-detected':
        if (pending !== undefined) pending.nat = shortNatText(event)
        return []
      case 'ike-sa-established':
        if (pending !== undefined && isPhase1(pending.event)) pending.verified = true
        return []
      case 'message':
        return belongs(event) ? this.#message(at, event) : []
      default:
        return []
    }
  }

  flush(): readonly string[] {
    const pending = this.#pending
    if (pending === undefined) return []
    this.#pending = undefined
    const { event, delta, verified, nat } = pending
    const story = storyOf(event, this.#offers.of(event))
    const proven = verified && event.direction === 'received' && proofOf(event)
    const carried = `${story.carried}${proven ? `, ${proven}` : ''}`
    if (event.repeat > 0) return messageLines(event, repeatText(event), delta, '', this.#columns)
    const lines = messageLines(event, carried, delta, remarkOf(event, nat), this.#columns)
    return this.#explain ? [...lines, ...explained(event, story.achieved, this.#columns)] : lines
  }

  #message(at: number, event: MessageEvent): readonly string[] {
    const pending = this.#pending
    // Nobody answers message 5 whose hash is wrong.
    if (pending?.event.number === 5 && event.exchange === 'main' && event.number === 6) {
      pending.verified = true
    }
    const lines = [...this.flush()]
    this.#offers.note(event)
    if (!this.#begun) lines.push(...titleOf(event, this.#offers.of(event), this.#columns))
    this.#begun = true
    const heading = event.repeat === 0 ? headingOf(event) : undefined
    if (heading !== undefined) lines.push(`  ${heading}`)
    const delta = this.#lastAt === undefined ? undefined : at - this.#lastAt
    this.#lastAt = at
    this.#pending = { event, delta, nat: undefined, verified: false }
    return lines
  }
}

/** The proposals of first messages, for the answers to them. */
class Offers {
  readonly #byExchange = new Map<string, OfferText>()

  note(event: MessageEvent): void {
    const offer = event.number === 1 ? offerOf(event) : undefined
    if (offer !== undefined) this.#byExchange.set(exchangeKey(event), offer)
  }

  of(event: MessageEvent): OfferText | undefined {
    return this.#byExchange.get(exchangeKey(event))
  }
}

function exchangeKey({ exchange, initiatorSpi, messageId }: MessageEvent): string {
  return `${exchange} ${initiatorSpi} ${messageId}`
}

/** Who the peer is, from its first message; whether there is a NAT, from the one that tells addresses (RFC 3947 §3.2). */
function remarkOf(event: MessageEvent, nat: string | undefined): string {
  if (event.direction === 'sent') return ''
  if (!isPhase1(event)) return ''
  if (event.number <= 2) return vendorOf(event) ?? ''
  const tells = event.payloads.some(({ type }) => type === 'NAT-D')
  return nat ?? (tells ? 'no NAT' : '')
}

/** There are thirteen columns beside a message. */
function shortNatText({ local, remote }: { local: boolean; remote: boolean }): string {
  if (local && remote) return 'NAT at both'
  if (local) return 'NAT at us'
  return remote ? 'NAT at peer' : 'no NAT'
}

/** Liveness and goodbyes are no part of a negotiation; a refusal is. */
function belongs(event: MessageEvent): boolean {
  return event.exchange !== 'informational' || payloadNames(event).some(isRefusal)
}

function isRefusal(name: string): boolean {
  return name.startsWith('N(') && !/INITIAL-CONTACT|R-U-THERE|CONNECTED|LIFETIME|REPLAY/.test(name)
}

/** `paris  203.0.113.10 → 198.51.100.7  IKEv1 Main mode, pre-shared key`. */
function titleOf(
  event: MessageEvent,
  offer: OfferText | undefined,
  columns: number,
): readonly string[] {
  const arrow = event.role === 'initiator' ? '→' : '←'
  const authentication = offer?.authentication === undefined ? '' : `, ${offer.authentication}`
  const name = MODE_NAMES[event.exchange]
  const mode = name === undefined ? `${event.exchange} exchange` : `${name}${authentication}`
  const ends = `${event.tunnel}  ${event.local.address} ${arrow} ${event.remote.address}`
  const whole = `${ends}  IKEv1 ${mode}`
  if (columnsOf(whole) <= columns) return [whole]
  return [ends, ...wrap(`IKEv1 ${mode}`, columns - 4).map((text) => `    ${text}`)]
}

function isPhase1({ exchange }: MessageEvent): boolean {
  return exchange === 'main' || exchange === 'aggressive'
}

/** What was found right in a message that proves its sender. */
function proofOf({ payloads }: MessageEvent): string | undefined {
  if (payloads.some(({ type }) => type === 'SIG')) return 'certificate and signature correct'
  return payloads.some(({ type }) => type === 'HASH') ? 'hash correct' : undefined
}

const MODE_NAMES: Readonly<Partial<Record<MessageEvent['exchange'], string>>> = {
  main: 'Main mode',
  aggressive: 'Aggressive mode',
}

const TEXT_COLUMN = 9
const FIGURE_COLUMN = 58
const REMARK_COLUMN = 67

function messageLines(
  event: MessageEvent,
  carried: string,
  delta: number | undefined,
  remark: string,
  columns: number,
): readonly string[] {
  const sent = event.direction === 'sent'
  const number = event.exchange === 'informational' ? ' ' : `${event.number}`
  const showsOctets = delta === undefined || (sent && event.repeat === 0)
  const figure = showsOctets ? `${event.octets} B`.padStart(5) : deltaText(delta)
  const [first = '', ...rest] = wrap(carried, FIGURE_COLUMN - TEXT_COLUMN - 1)
  const beside = REMARK_COLUMN + columnsOf(remark) <= columns
  const head = `    ${number} ${sent ? '→' : '←'}  ${pad(first, FIGURE_COLUMN - TEXT_COLUMN)}${figure}`
  const lines = [
    beside && remark !== '' ? `${pad(head, REMARK_COLUMN)}${remark}` : head,
    ...rest.map((text) => ' '.repeat(TEXT_COLUMN) + text),
  ]
  if (!beside) lines.push(' '.repeat(TEXT_COLUMN) + remark)
  return lines.map((line) => line.trimEnd())
}

function explained(event: MessageEvent, achieved: string, columns: number): readonly string[] {
  if (achieved === '') return []
  const text = `${event.encrypted ? 'encrypted' : 'in clear'}; ${achieved}`
  return wrap(text, columns - TEXT_COLUMN - 2).map(
    (line) => `${' '.repeat(TEXT_COLUMN + 2)}${line}`,
  )
}

function repeatText({ direction, repeat }: MessageEvent): string {
  if (direction === 'received') return 'the peer sends it again'
  return `sent again (${repeat === 1 ? 'once' : `${repeat} times`})`
}

function deltaText(delta: number): string {
  return delta < 1_000 ? `+${Math.round(delta)} ms` : `+${(delta / 1_000).toFixed(1)} s`
}

function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(1, columns - columnsOf(text)))
}

function documentOf(event: MessageEvent, offers: Offers): LadderMessage {
  offers.note(event)
  const { direction, exchange, number, octets, encrypted, repeat } = event
  const [local, remote] = [formatEndpoint(event.local), formatEndpoint(event.remote)]
  return {
    exchange,
    number,
    direction,
    from: direction === 'sent' ? local : remote,
    to: direction === 'sent' ? remote : local,
    octets,
    encrypted,
    repeat,
    payloads: payloadNames(event),
    ...storyOf(event, offers.of(event)),
  }
}
