import type { Position } from '#config/config'
import type { Event, Failure } from '#ike/events'
import { type EventText, eventText, type Level, PAIRS_PHASE, pairPhase } from './event-text.ts'
import { type FailureBlock, failureDetail } from './failure-text.ts'
import { columnsOf, wrap } from './wrap.ts'

/** A line for the log: what happened, or how often it has happened again. */
export type LogLine = {
  readonly level: Level
  readonly tunnel: string | undefined
  readonly text: string
}

type Said = EventText & {
  readonly time: number
  readonly tunnel: string | undefined
  readonly detail: string
  readonly retry: string
}

type Repeated = {
  first: number
  lastSaid: number
  count: number
  /** As far as it was told. */
  countSaid: number
  last: Omit<Said, 'time' | 'detail' | 'repeatKey'>
}

const SAID_AGAIN_AFTER = 3_600_000
const MOST_KEYS = 10_000

/** Says a thing once, then at most once an hour how often it happened. Times are milliseconds of any one clock. */
export class SaidOnce {
  readonly #repeated = new Map<string, Repeated>()
  readonly #clockText: (time: number) => string

  /** @param clockText how a reader is told a time of day. */
  constructor(clockText: (time: number) => string) {
    this.#clockText = clockText
  }

  /**
   * @param place the line of the configuration that decides about a failure
   * @returns undefined when the event was only counted.
   */
  line(time: number, event: Event, place?: Position): LogLine | undefined {
    const said = eventText(event)
    const tunnel = 'tunnel' in event ? event.tunnel : undefined
    if (event.kind === 'child-sa-established')
      this.#forgetFailures(event.tunnel, event.childSa.child.pair)
    if (said.repeatKey === undefined) return { level: said.level, tunnel, text: said.text }
    const detail = detailText(event, place)
    return this.#counted({ ...said, time, tunnel, detail, retry: retryText(event, time) })
  }

  /** What was counted and not said again, for a log that ends here. */
  rest(): readonly LogLine[] {
    return [...this.#repeated.values()]
      .filter(({ count, countSaid }) => count > countSaid)
      .map((repeated) => this.#again(repeated))
  }

  #counted({ time, detail, repeatKey = '', ...last }: Said): LogLine | undefined {
    const key = `${last.tunnel ?? ''} ${repeatKey}`
    const before = this.#repeated.get(key)
    if (before === undefined) {
      if (this.#repeated.size >= MOST_KEYS) this.#repeated.clear()
      this.#repeated.set(key, { first: time, lastSaid: time, count: 1, countSaid: 1, last })
      const { level, tunnel, text, retry } = last
      return { level, tunnel, text: `${text}${retry}${detail}` }
    }
    before.count++
    before.last = last
    if (time - before.lastSaid < SAID_AGAIN_AFTER) return undefined
    before.lastSaid = time
    return this.#again(before)
  }

  #again(repeated: Repeated): LogLine {
    repeated.countSaid = repeated.count
    const { first, count, last } = repeated
    const { level, tunnel, text, retry } = last
    const since = this.#clockText(first)
    const often = `${ordinal(count)} time since ${since}${retry} (said once an hour)`
    return { level, tunnel, text: `${text} ↳ ${often}` }
  }

  /** What other pairs failed of has not passed. */
  #forgetFailures(tunnel: string, pair: number): void {
    const failed = `${tunnel} failed `
    for (const key of this.#repeated.keys()) {
      const isOthers = key.startsWith(`${failed}${PAIRS_PHASE}`)
      const isPairs = key.startsWith(`${failed}${pairPhase(pair)} `)
      if (key.startsWith(failed) && (isPairs || !isOthers)) this.#repeated.delete(key)
    }
  }
}

/** `13:02:11.204 tokyo  phase 1 ✗ …`, wrapped under itself. */
export function logLineText(clockText: string, { tunnel, text }: LogLine, width = 80): string {
  const head = `${clockText} ${(tunnel ?? '–').padEnd(6)} `
  const indent = ' '.repeat(columnsOf(head))
  const lines = wrap(text, Math.max(30, width - indent.length))
  return lines.map((line, index) => `${index === 0 ? head : indent}${line}`).join('\n')
}

/** What may still be taken back is told without its evidence: that comes with the verdict. */
function detailText(event: Event, place: Position | undefined): string {
  if (!('failure' in event) || event.kind === 'message-unanswered') return ''
  return `: ${failureDetail(located(event.failure, place))}`
}

function located(failure: Failure, line: Position | undefined): FailureBlock {
  return line === undefined ? failure : { ...failure, line }
}

function retryText(event: Event, time: number): string {
  if (event.kind !== 'negotiation-failed' || event.retryAt === undefined) return ''
  const seconds = Math.max(0, Math.round((event.retryAt - time) / 1_000))
  return `, retry in ${seconds} s`
}

function ordinal(count: number): string {
  const tens = count % 100
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')
  return `${count}${suffix}`
}
