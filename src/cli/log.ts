import { toJson } from '#control/json-octets'
import type { ToldEvent } from '#control/schema'
import { eventText } from '#diagnosis/event-text'
import { type LogLine, logLineText, SaidOnce } from '#diagnosis/log-view'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import type { Terminal } from './terminal.ts'

export type LogOptions = {
  readonly follow?: boolean
  readonly messages?: boolean
  readonly json?: boolean
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
    const printer = new Printer(terminal, options)
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

class Printer {
  readonly #terminal: Terminal
  readonly #options: LogOptions
  readonly #saidOnce = new SaidOnce((time) => clockText(new Date(time)).slice(0, 5))
  #last = 0

  constructor(terminal: Terminal, options: LogOptions) {
    this.#terminal = terminal
    this.#options = options
  }

  print(told: ToldEvent): void {
    const { event } = told
    if (event.kind === 'state' || told.sequence <= this.#last) return
    this.#last = told.sequence
    if (event.kind === 'message' && this.#options.messages !== true) return
    if (this.#options.json === true) {
      this.#terminal.out(`${toJson({ schema: 1, ...told })}\n`)
      return
    }
    const at = new Date(told.at)
    const line = this.#saidOnce.line(at.getTime(), event, told.line)
    const wanted = event.kind === 'message' || eventText(event).level !== 'debug'
    if (line === undefined || !wanted) return
    this.#out(clockText(at), line)
  }

  /** What happened again and was only counted: once, where the past ends. */
  printRest(): void {
    if (this.#options.json === true) return
    for (const line of this.#saidOnce.rest()) this.#out(' '.repeat(CLOCK_COLUMNS), line)
  }

  #out(clock: string, line: LogLine): void {
    this.#terminal.out(`${logLineText(clock, line, this.#terminal.columns)}\n`)
  }
}

const CLOCK_COLUMNS = 12

/** `13:02:11.204`, local time. */
export function clockText(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const milliseconds = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`
}
