import { toJson } from '#control/json-octets'
import type { ToldEvent } from '#control/schema'
import { eventText, type Level } from '#diagnosis/event-text'
import { type LogLine, logLineText, SaidOnce } from '#diagnosis/log-view'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import type { Terminal } from './terminal.ts'

export type LogOptions = {
  readonly follow?: boolean
  readonly messages?: boolean
  readonly json?: boolean
  /** Milliseconds since 1970: what happened before is left out. */
  readonly since?: number
  readonly level?: Level
}

/** `causeway log`: the last events, and with `-f` those that follow, until Ctrl-C or until the gateway ends. */
export function log(
  terminal: Terminal,
  addressing: Addressing,
  tunnels: readonly string[],
  options: LogOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const only = tunnels.length === 0 ? undefined : tunnels
    const printer = new Printer(options, terminal.columns, (text, level) =>
      terminal.out(level === undefined ? text : painted(text, level, terminal)),
    )
    const waiting: ToldEvent[] = []
    let past = false
    // Subscribed before the past is asked for, so that nothing falls between the two.
    if (options.follow === true) {
      await client.subscribe((told) => {
        if (past) printer.print(told)
        else waiting.push(told)
      }, only)
    }
    const { events } = await client.request({ command: 'log', tunnels: only })
    for (const told of [...events, ...waiting]) printer.print(told)
    past = true
    printer.printRest()
    if (options.follow !== true) return EXIT.ok
    await new Promise<void>((resolve) => client.onLost(resolve))
    terminal.err('causeway: the gateway has stopped\n')
    return EXIT.unreachable
  })
}

/** The lines of past events as `log` prints them. */
export function logLines(events: readonly ToldEvent[], columns: number): readonly string[] {
  const lines: string[] = []
  const printer = new Printer({}, columns, (text) => lines.push(...text.trimEnd().split('\n')))
  for (const told of events) printer.print(told)
  printer.printRest()
  return lines
}

/** `1h`, `90s`, `2d`, or a time such as `2026-11-23T03:00`. @returns milliseconds since 1970, or undefined for neither */
export function sinceWhen(text: string, now: number): number | undefined {
  const span = /^(?<count>\d{1,6})(?<unit>[smhd])$/.exec(text)?.groups
  if (span !== undefined) return now - Number(span.count) * (UNITS[span.unit ?? ''] ?? 0)
  const at = Date.parse(text)
  return /^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at) ? at : undefined
}

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 }
export const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

class Printer {
  readonly #options: LogOptions
  readonly #columns: number
  readonly #write: (text: string, level?: Level) => void
  readonly #saidOnce = new SaidOnce((time) => clockText(new Date(time)).slice(0, 5))
  #last = 0

  constructor(options: LogOptions, columns: number, write: (text: string, level?: Level) => void) {
    this.#options = options
    this.#columns = columns
    this.#write = write
  }

  print(told: ToldEvent): void {
    const { event } = told
    const { messages = false, json = false, since = 0 } = this.#options
    if (event.kind === 'state' || told.sequence <= this.#last) return
    this.#last = told.sequence
    const at = new Date(told.at)
    if (event.kind === 'message' ? !messages : !this.#isWanted(eventText(event).level)) return
    if (at.getTime() < since) return
    if (json) {
      this.#write(`${toJson({ schema: 1, ...told })}\n`)
      return
    }
    const line = this.#saidOnce.line(at.getTime(), event, told.line)
    if (line !== undefined) this.#line(clockText(at), line)
  }

  /** What happened again and was only counted: once, where the past ends. */
  printRest(): void {
    if (this.#options.json === true) return
    for (const line of this.#saidOnce.rest()) this.#line(' '.repeat(CLOCK_COLUMNS), line)
  }

  #line(clock: string, line: LogLine): void {
    this.#write(`${logLineText(clock, line, this.#columns)}\n`, line.level)
  }

  /** For people what is worth a line; programs get everything, unless they ask for less. */
  #isWanted(level: Level): boolean {
    const { json = false, level: least = json ? 'debug' : 'info' } = this.#options
    return LEVELS.indexOf(level) >= LEVELS.indexOf(least)
  }
}

function painted(text: string, level: Level, { style }: Terminal): string {
  if (level === 'error') return style('red', text)
  if (level === 'warn') return style('yellow', text)
  return level === 'debug' ? style('dim', text) : text
}

const CLOCK_COLUMNS = 12

/** `13:02:11.204`, local time. */
export function clockText(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const milliseconds = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`
}
