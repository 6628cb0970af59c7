import type { CapturedMessage, Conversation } from '#capture/conversation'
import type { EspFlow } from '#capture/esp-flows'
import type { Traffic } from '#capture/traffic'
import { isErrorNotify, NotifyType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import type { NotificationPayload } from '#wire/v1/payloads'
import { capturedEvents } from './captured-negotiation.ts'
import { offerOf } from './message-story.ts'

type Icmp = Extract<Traffic, { kind: 'icmp' }>

/** What a capture proves of a negotiation. `undecided` with the reason, where it ended too early to tell. */
export type CaptureVerdict =
  | { readonly kind: 'up'; readonly text: string }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'undecided'; readonly text: string }

/**
 * Judges an IKEv1 conversation as a third party: what stands in clear, what the keys opened, and who fell silent.
 * @param end when the capture ended, in milliseconds since 1970.
 */
export function captureVerdict(
  conversation: Conversation,
  end: number,
  icmp: readonly Icmp[],
): CaptureVerdict {
  const found = new Evidence(conversation, end, icmp)
  return found.refusal() ?? found.phase1() ?? found.quick()
}

/** Both gateways talk, and ESP goes one way only. @returns undefined where that is not so. */
export function oneWayTraffic(
  flows: readonly EspFlow[],
  a: string,
  b: string,
): Failure | undefined {
  const between = flows.filter(({ source, destination }) =>
    [source, destination].every((address) => address === a || address === b),
  )
  const packets = (from: string) =>
    between.reduce((sum, flow) => sum + (flow.source === from ? flow.packets : 0), 0)
  const [fromA, fromB] = [packets(a), packets(b)]
  if (fromA > 0 === fromB > 0 || fromA + fromB < ENOUGH_PACKETS) return undefined
  const [talker, silent, count] = fromA > 0 ? [a, b, fromA] : [b, a, fromB]
  return {
    code: 'CW-501',
    summary: `${count} ESP packets from ${talker} to ${silent}, and none back`,
    evidence: 'the SPIs of all ESP packets in the capture',
    certainty: 'possible',
    remedy: `capture at ${silent} too: where the packets do not arrive, ESP (IP protocol 50) is filtered between the two, and encapsulation: force carries it in UDP 4500; where they do, look at the routes and the firewall behind ${silent}`,
  }
}

const ENOUGH_PACKETS = 3
/** As long as gateways usually wait before they send again. */
const PATIENCE = 4_000

class Evidence {
  readonly #conversation: Conversation
  readonly #messages: readonly Told[]
  readonly #end: number
  readonly #icmp: readonly Icmp[]

  constructor(conversation: Conversation, end: number, icmp: readonly Icmp[]) {
    this.#conversation = conversation
    this.#messages = conversation.messages.flatMap((message) =>
      message.content.version === 1 ? [{ ...message, content: message.content }] : [],
    )
    this.#end = end
    this.#icmp = icmp
  }

  /** An error that one of them sent. */
  refusal(): CaptureVerdict | undefined {
    for (const message of this.#messages) {
      const error = message.content.payloads?.find(
        (payload): payload is NotificationPayload =>
          payload.type === 'N' && isErrorNotify(payload.notifyType),
      )
      if (error !== undefined && !this.#outlived(message))
        return { kind: 'failed', failure: this.#refused(message, error) }
    }
    return undefined
  }

  /** A refusal in clear may be forged; where the negotiation went on, it was, or was of something older. */
  #outlived({ at, encrypted, content }: Told): boolean {
    if (encrypted) return false
    return this.#messages.some(
      (later) =>
        later.at > at && later.content.exchange === 'quick' && content.exchange !== 'quick',
    )
  }

  #refused(message: Told, error: NotificationPayload): Failure {
    const name = NotifyType.nameOf(error.notifyType)
    const before = this.#messages.filter(({ at, repeat }) => at < message.at && repeat === 0)
    const answered = before.findLast(({ fromInitiator, content }) =>
      content.exchange === 'informational' ? false : fromInitiator !== message.fromInitiator,
    )
    const quick = before.some(({ content }) => content.exchange === 'quick')
    const number = answered?.content.number ?? 0
    const [by, to] = this.#ends(message)
    const proof = message.encrypted
      ? `encrypted notify ${name} in frame ${message.frame}`
      : `clear-text notify ${name} in frame ${message.frame}, which anyone could have sent`
    const common = {
      evidence: proof,
      certainty: message.encrypted ? 'certain' : 'very likely',
    } as const
    if (name === 'NO-PROPOSAL-CHOSEN') {
      const offered = this.#offered(quick)
      return {
        ...common,
        code: quick ? 'CW-404' : 'CW-201',
        summary: `${by} accepts none of the proposals for phase ${quick ? 2 : 1} that ${to} makes`,
        evidence: offered === undefined ? proof : `${proof}; ${to} offers ${offered}`,
        remedy: `compare the proposals of both gateways; the log of ${by} names what it accepts${quick ? ', PFS group included' : ''}`,
      }
    }
    if (name === 'INVALID-ID-INFORMATION' && quick)
      return {
        ...common,
        code: 'CW-401',
        summary: `${by} has no networks such as ${to} asks for`,
        remedy: 'both gateways must name the same networks, mirrored',
      }
    if (number >= 5 || name === 'AUTHENTICATION-FAILED' || name === 'INVALID-ID-INFORMATION')
      return {
        ...common,
        code: message.encrypted ? 'CW-303' : 'CW-301',
        summary: message.encrypted
          ? `${by} refuses who ${to} says it is, with ${name}`
          : `${by} cannot make sense of message ${number} of ${to}: the keys or the identities differ`,
        remedy: `compare the key at both gateways, and the identity that ${to} sends with the one ${by} expects`,
      }
    return {
      ...common,
      code: quick ? 'CW-404' : 'CW-201',
      summary: `${by} refuses what ${to} sent with ${name}`,
      certainty: 'possible',
      remedy: `the log of ${by} tells why`,
    }
  }

  /** Phase 1 that did not come to its end. @returns undefined when it did. */
  phase1(): CaptureVerdict | undefined {
    const mine = this.#messages.filter(({ content }) => isPhase1(content.exchange))
    const last = mine.findLast(({ repeat }) => repeat === 0)
    if (last === undefined) return undefined
    const { exchange, number } = last.content
    if (number === (exchange === 'main' ? 6 : 3)) return undefined
    if (this.#messages.some(({ content }) => content.exchange === 'quick')) return undefined
    const [by, to] = this.#ends(last)
    const again = mine.filter(({ content, repeat }) => content.number === number && repeat > 0)
    const waited = this.#end - last.at
    const mode = exchange === 'main' ? 'Main mode' : 'Aggressive mode'
    if (again.length === 0 && waited < PATIENCE) {
      const text = `the capture ends ${seconds(waited)} after message ${number} of ${mode}`
      return { kind: 'undecided', text: `${text}: too early to tell` }
    }
    return { kind: 'failed', failure: this.#silent(by, to, last, again.length, waited, mode) }
  }

  #silent(
    by: string,
    to: string,
    { content: { number }, destination }: Told,
    again: number,
    waited: number,
    mode: string,
  ): Failure {
    const sent = `message ${number} of ${mode}, sent ${again + 1} ${again === 0 ? 'time' : 'times'}`
    const icmp = this.#icmp.find((one) => one.destination === to && one.source === by)
    const evidence =
      icmp === undefined
        ? `no datagram of ${to} in the ${seconds(waited)} to the end of the capture`
        : `ICMP from ${icmp.from}, type ${icmp.type} code ${icmp.code}: UDP ${icmp.port} cannot be reached`
    const common = { summary: `${to} does not answer ${sent}`, evidence }
    if (number < 5 || mode !== 'Main mode')
      return {
        ...common,
        code: 'CW-101',
        certainty: icmp === undefined ? 'certain' : 'very likely',
        remedy: `see whether the message arrives at ${to}, whether IKE runs there, and whether it has a tunnel for ${by}; many gateways answer nothing at all when they know no such tunnel`,
      }
    if (destination.port === 4500)
      return {
        ...common,
        code: 'CW-104',
        certainty: 'possible',
        remedy: `the move to UDP 4500 happens with this message: see whether it passes both ways; if it does, compare the keys and identities of both gateways`,
      }
    return {
      ...common,
      code: 'CW-301',
      certainty: 'very likely',
      remedy: `message 5 is the first under the key: compare the keys of both gateways, and whether ${to} expects the identity of ${by}`,
    }
  }

  /** Phase 2, as far as its messages show from outside. */
  quick(): CaptureVerdict {
    const exchanges = this.#quickModes()
    const done = [...exchanges.values()].filter((messages) => messages.length >= 3)
    if (exchanges.size === 0) {
      return this.#messages.some(({ content }) => isPhase1(content.exchange))
        ? { kind: 'undecided', text: 'phase 1 is done; the capture shows no Quick mode' }
        : { kind: 'undecided', text: 'the capture shows no beginning of this IKE SA' }
    }
    if (done.length === exchanges.size) {
      const count = done.length === 1 ? 'one Quick mode' : `${done.length} Quick modes`
      return { kind: 'up', text: `phase 1 and ${count} came to their end` }
    }
    const [open] = [...exchanges.values()].filter((messages) => messages.length < 3)
    const last = open?.at(-1)
    if (last === undefined) return { kind: 'undecided', text: 'nothing can be told of phase 2' }
    return this.#unfinished(last)
  }

  /** The messages of each Quick mode, by Message ID. */
  #quickModes(): ReadonlyMap<number, readonly Told[]> {
    const exchanges = new Map<number, Told[]>()
    for (const message of this.#messages) {
      if (message.content.exchange !== 'quick' || message.repeat > 0) continue
      const { messageId } = message.header
      const known = exchanges.get(messageId)
      if (known === undefined) exchanges.set(messageId, [message])
      else known.push(message)
    }
    return exchanges
  }

  #unfinished(last: Told): CaptureVerdict {
    const [by, to] = this.#ends(last)
    const refusal = this.#messages.find(
      ({ at, fromInitiator, content }) =>
        at > last.at &&
        at < last.at + PATIENCE &&
        content.exchange === 'informational' &&
        fromInitiator !== last.fromInitiator,
    )
    const { number } = last.content
    if (refusal !== undefined && refusal.content.payloads === undefined)
      return {
        kind: 'failed',
        failure: {
          code: 'CW-401',
          summary: `${to} answers message ${number} of Quick mode with an encrypted notify: most likely it refuses the networks or the proposal`,
          evidence: `frame ${refusal.frame}, an Informational message instead of an answer; what it says is encrypted`,
          certainty: 'possible',
          remedy: `open the capture with the keys (--keys), or read the log of ${to} or ${by}`,
        },
      }
    const waited = this.#end - last.at
    if (waited < PATIENCE)
      return {
        kind: 'undecided',
        text: `the capture ends ${seconds(waited)} after message ${number} of Quick mode: too early to tell`,
      }
    return {
      kind: 'failed',
      failure: {
        code: 'CW-401',
        summary: `${to} does not answer message ${number} of Quick mode`,
        evidence: `no message of this exchange from ${to} in the ${seconds(waited)} to the end of the capture`,
        certainty: 'possible',
        remedy: `some gateways are silent where they refuse: compare networks, proposals and PFS of both; the log of ${to} tells`,
      },
    }
  }

  /** Who sent a message, and to whom. */
  #ends({ source, destination }: Told): readonly [string, string] {
    return [source.address, destination.address]
  }

  #offered(quick: boolean): string | undefined {
    const events = capturedEvents(this.#conversation, '')
    const first = events.findLast(
      ({ event: { number, exchange } }) =>
        number === 1 && (quick ? exchange === 'quick' : isPhase1(exchange)),
    )
    const suites = first === undefined ? undefined : offerOf(first.event)?.suites
    return suites === undefined || suites.length === 0 ? undefined : suites.join(', ')
  }
}

type Told = Omit<CapturedMessage, 'content'> & {
  readonly content: Extract<CapturedMessage['content'], { version: 1 }>
}

function isPhase1(exchange: string): boolean {
  return exchange === 'main' || exchange === 'aggressive'
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`
}
