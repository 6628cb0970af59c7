import { type DestinationStream, type Logger, pino } from 'pino'
import type { Position } from '#config/config'
import type { Level } from '#diagnosis/event-text'
import { type LogLine, logLineText, SaidOnce } from '#diagnosis/log-view'
import type { Event } from '#ike/events'
import { tunnelOf } from './journal.ts'
import type { Defect } from './loop.ts'

/** Where the daemon speaks: typed events, a few notes of its own, and its defects. */
export interface Log {
  /** @param place of a failure: the line of the configuration that decides */
  event(at: Date, event: Event, place?: Position): void
  note(level: Level, text: string): void
  defect(defect: Defect): void
}

export type LogOptions = {
  readonly format: 'human' | 'json'
  readonly level: Level
  readonly write: (text: string) => void
  /** Columns of the terminal; undefined when it is none: lines are then not wrapped and carry the date. */
  readonly columns: number | undefined
  readonly now: () => Date
}

export function openLog(options: LogOptions): Log {
  return options.format === 'json' ? new JsonLog(options) : new HumanLog(options)
}

/** `13:02:11.204`, local time. */
function timeOfDay(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const milliseconds = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`
}

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

class HumanLog implements Log {
  readonly #options: LogOptions
  readonly #saidOnce = new SaidOnce((time) => timeOfDay(new Date(time)).slice(0, 5))

  constructor(options: LogOptions) {
    this.#options = options
  }

  event(at: Date, event: Event, place?: Position): void {
    const line = this.#saidOnce.line(at.getTime(), event, place)
    if (line !== undefined) this.#print(at, line)
  }

  note(level: Level, text: string): void {
    this.#print(this.#options.now(), { level, tunnel: undefined, text })
  }

  defect(defect: Defect): void {
    this.note('error', `defect in Causeway, ${defectText(defect)}`)
  }

  #print(at: Date, line: LogLine): void {
    const { level, columns, write } = this.#options
    if (LEVELS.indexOf(line.level) < LEVELS.indexOf(level)) return
    const clock = columns === undefined ? at.toISOString() : timeOfDay(at)
    write(`${logLineText(clock, line, columns ?? Number.POSITIVE_INFINITY)}\n`)
  }
}

class JsonLog implements Log {
  readonly #logger: Logger
  readonly #saidOnce = new SaidOnce((time) => new Date(time).toISOString())

  constructor({ level, write, now }: LogOptions) {
    const destination: DestinationStream = { write: (text) => write(text) }
    this.#logger = pino(
      {
        level,
        base: {},
        timestamp: () => `,"time":"${now().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination,
    )
  }

  event(at: Date, event: Event, place?: Position): void {
    const line = this.#saidOnce.line(at.getTime(), event, place)
    if (line !== undefined) this.#logger[line.level](eventFields(event, place), line.text)
  }

  note(level: Level, text: string): void {
    this.#logger[level]({ event: 'note' }, text)
  }

  defect(defect: Defect): void {
    this.#logger.error({ event: 'defect' }, defectText(defect))
  }
}

/** What log shippers filter by. Payloads stay out: `causeway log --json` has them. */
function eventFields(event: Event, line?: Position): Record<string, unknown> {
  const fields: Record<string, unknown> = { event: event.kind, tunnel: tunnelOf(event) }
  switch (event.kind) {
    case 'negotiation-failed': {
      const { key: _, ...failure } = event.failure
      return { ...fields, phase: event.phase, ...failure, line }
    }
    case 'message-unanswered': {
      const { phase, pair, exchange, message, sent, failure } = event
      const { code, summary } = failure
      return { ...fields, phase, pair, exchange, message, sent, code, summary }
    }
    case 'refusal-hinted': {
      const { key: _, ...failure } = event.failure
      return { ...fields, phase: 1, ...failure, line }
    }
    case 'child-sa-established': {
      const { inboundSpi, outboundSpi, child } = event.childSa
      const spis = { inboundSpi: spiText(inboundSpi), outboundSpi: spiText(outboundSpi) }
      return { ...fields, phase: 2, pair: child.pair, ...spis }
    }
    case 'ike-sa-established': {
      const { initiatorSpi, responderSpi, role } = event.ikeSa
      return { ...fields, phase: 1, initiatorSpi, responderSpi, role }
    }
    case 'child-sa-closed': {
      const { inboundSpi, outboundSpi, child, why } = event
      const spis = { inboundSpi: spiText(inboundSpi), outboundSpi: spiText(outboundSpi) }
      return { ...fields, phase: 2, pair: child.pair, ...spis, why }
    }
    case 'ike-sa-closed':
      return { ...fields, phase: 1, initiatorSpi: event.initiatorSpi, why: event.why }
    case 'message': {
      const { direction, exchange, number, octets, encrypted, repeat } = event
      return { ...fields, direction, exchange, number, octets, encrypted, repeat }
    }
    case 'dropped':
      return { ...fields, reason: event.reason, remote: event.remote }
    case 'configured': {
      const { added, changed, removed, unchanged } = event
      return { ...fields, added, changed, removed, unchanged: unchanged.length }
    }
    default:
      return fields
  }
}

/** Eight hexadecimal digits, as `status` shows it. */
function spiText(spi: number): string {
  return spi.toString(16).padStart(8, '0')
}

function defectText({ where, error, detail }: Defect): string {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `${where}: ${what}${detail === '' ? '' : ` [${detail}]`}`
}
