import { toJson } from '#control/json-octets'
import type { ToldEvent, TunnelState } from '#control/schema'
import { type FailureBlock, failureText } from '#diagnosis/failure-text'
import { Ladder, type TimedEvent } from '#diagnosis/ladder'
import { durationText } from '#diagnosis/names'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import { ageText } from './status-view.ts'
import type { Terminal } from './terminal.ts'

export type UpOptions = {
  readonly json?: boolean
  /** The tunnels are closed first. */
  readonly afterDown?: boolean
  /** Seconds. */
  readonly timeout: number
}

type Result =
  | { readonly kind: 'up'; readonly milliseconds: number }
  | {
      readonly kind: 'failed'
      readonly milliseconds: number
      readonly failure: FailureBlock
      /** Milliseconds since 1970; absent while the gateway is still at it. */
      readonly retryAt?: number
    }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'lost' }

/** `causeway up`: the ladder is the progress bar; ends when each tunnel is up, diagnosed, or late. */
export function up(
  terminal: Terminal,
  addressing: Addressing,
  patterns: readonly string[],
  options: UpOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const climbs = new Map<string, Climb>()
    const early: ToldEvent[] = []
    let started = false
    await client.subscribe((told) => {
      if (started) take(climbs, told)
      else early.push(told)
    }, patterns)
    if (options.afterDown === true) await client.request({ command: 'down', tunnels: patterns })
    const past = await client.request({ command: 'log', tunnels: patterns })
    const begin = { at: Date.now(), after: past.events.at(-1)?.sequence ?? 0 }
    const { tunnels } = await client.request({ command: 'up', tunnels: patterns })
    const showing = { json: options.json === true, live: tunnels.length === 1 }
    for (const state of tunnels) {
      climbs.set(state.tunnel, new Climb(state, begin, terminal, showing))
    }
    for (const told of [...past.events, ...early]) take(climbs, told)
    started = true
    const deadline = setTimeout(() => endAll(climbs, { kind: 'timeout' }), options.timeout * 1_000)
    client.onLost(() => endAll(climbs, { kind: 'lost' }))
    const codes: ExitCode[] = []
    await Promise.all(
      [...climbs.values()].map(async (climb) => {
        const result = await climb.result
        codes.push(report(climb, result, terminal, options))
      }),
    )
    clearTimeout(deadline)
    return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok
  })
}

function take(climbs: ReadonlyMap<string, Climb>, told: ToldEvent): void {
  const tunnel = 'tunnel' in told.event ? told.event.tunnel : undefined
  if (tunnel !== undefined) climbs.get(tunnel)?.take(told)
}

function endAll(climbs: ReadonlyMap<string, Climb>, result: Result): void {
  for (const climb of climbs.values()) climb.end(result)
}

// The line of a message waits this long for what the next event may say of it.
const LINE_PATIENCE = 40

// A refusal in clear may be forged, or the answer to something older: the tunnel has this long to come up all the same.
const HINT_PATIENCE = 1_500

/** When `up` was asked for, and the last event before it. */
type Begin = { readonly at: number; readonly after: number }

/** One tunnel on its way up. */
class Climb {
  readonly before: TunnelState
  readonly result: Promise<Result>
  /** What was not printed because several climb at once. */
  readonly held: string[] = []
  readonly #terminal: Terminal
  readonly #json: boolean
  readonly #live: boolean
  readonly #ladder: Ladder
  readonly #begin: Begin
  #resolve: (result: Result) => void = () => {}
  #lastSequence = 0
  #timer: NodeJS.Timeout | undefined
  #hint: NodeJS.Timeout | undefined
  #refusal: Result = { kind: 'timeout' }
  #ended = false

  constructor(
    before: TunnelState,
    begin: Begin,
    terminal: Terminal,
    { json, live }: { readonly json: boolean; readonly live: boolean },
  ) {
    this.before = before
    this.#terminal = terminal
    this.#json = json
    this.#live = live
    // A negotiation under way is shown from its beginning; an older one is history.
    this.#begin = before.state === 'connecting' ? { at: Date.parse(before.since), after: 0 } : begin
    this.#ladder = new Ladder({ columns: terminal.columns })
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
    if (before.state === 'up') this.end({ kind: 'up', milliseconds: 0 })
  }

  take(told: ToldEvent): void {
    const { event, sequence } = told
    const at = Date.parse(told.at)
    if (event.kind === 'state') {
      if (event.state === 'up') this.end({ kind: 'up', milliseconds: at - this.#begin.at })
      return
    }
    if (sequence <= this.#lastSequence) return
    this.#lastSequence = sequence
    if (this.#isHistory(at, sequence) || this.#ended) return
    this.#show({ at, event }, told)
    if (event.kind === 'refusal-hinted') {
      const milliseconds = at - this.#begin.at
      // A second look may have said more than the refusal itself.
      this.#refusal = { kind: 'failed', milliseconds, failure: located(event.failure, told) }
      this.#hint ??= setTimeout(() => this.end(this.#refusal), HINT_PATIENCE)
    }
    if (event.kind === 'negotiation-failed') {
      this.end({
        kind: 'failed',
        milliseconds: at - this.#begin.at,
        failure: located(event.failure, told),
        ...(event.retryAt === undefined ? {} : { retryAt: event.retryAt }),
      })
    }
  }

  #isHistory(at: number, sequence: number): boolean {
    const { before } = this
    return before.state === 'connecting' ? at < this.#begin.at : sequence <= this.#begin.after
  }

  end(result: Result): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    clearTimeout(this.#hint)
    if (!this.#json) this.#print(this.#ladder.flush())
    this.#resolve(result)
  }

  #show(timed: TimedEvent, told: ToldEvent): void {
    if (this.#json) {
      if (timed.event.kind === 'message') this.#terminal.out(`${toJson({ schema: 1, ...told })}\n`)
      return
    }
    // After a refusal the same again says nothing new.
    const { event } = timed
    const again =
      event.kind === 'message' && (event.repeat > 0 || event.exchange === 'informational')
    if (again && this.#hint !== undefined) return
    this.#print(this.#ladder.add(timed))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#print(this.#ladder.flush()), LINE_PATIENCE)
  }

  #print(lines: readonly string[]): void {
    if (this.#live) for (const line of lines) this.#terminal.out(`${line}\n`)
    else this.held.push(...lines)
  }
}

function report(climb: Climb, result: Result, terminal: Terminal, options: UpOptions): ExitCode {
  const { tunnel } = climb.before
  const failure = result.kind === 'failed' ? result.failure : undefined
  if (options.json === true) {
    terminal.out(`${toJson({ schema: 1, result: { tunnel, ...result } })}\n`)
    return codeOf(result)
  }
  const lines = [...climb.held, ...resultLines(climb.before, result, terminal, options)]
  if (failure !== undefined) lines.push('', ...failureText(failure, terminal.columns))
  // Several tunnels stand apart.
  if (climb.held.length > 0) lines.push('')
  terminal.out(`${lines.join('\n')}\n`)
  return codeOf(result)
}

function resultLines(
  { tunnel, state, since }: TunnelState,
  result: Result,
  { style }: Terminal,
  { timeout }: UpOptions,
): readonly string[] {
  switch (result.kind) {
    case 'up':
      return state === 'up'
        ? [
            `${style('green', '✓')} ${tunnel} is up already (${ageText(since, new Date().toISOString())})`,
          ]
        : [`${style('green', '✓')} ${tunnel} is up (${elapsed(result.milliseconds)})`]
    case 'failed': {
      const { milliseconds, retryAt } = result
      const next =
        retryAt === undefined
          ? 'the gateway goes on trying'
          : `next try in ${durationText((retryAt - Date.now()) / 1_000)}`
      return [`${style('red', '✗')} ${tunnel} is not up (${elapsed(milliseconds)}); ${next}`]
    }
    case 'timeout':
      return [
        `${style('red', '✗')} ${tunnel} is not up after ${timeout} s; the gateway goes on trying`,
        `  causeway status ${tunnel}`,
      ]
    case 'lost':
      return [`${style('red', '✗')} the gateway has stopped`]
  }
}

function codeOf({ kind }: Result): ExitCode {
  switch (kind) {
    case 'up':
      return EXIT.ok
    case 'failed':
      return EXIT.down
    case 'timeout':
      return EXIT.timeout
    case 'lost':
      return EXIT.unreachable
  }
}

/** `48 ms`, `24.0 s`. */
function elapsed(milliseconds: number): string {
  return milliseconds < 1_000
    ? `${Math.max(0, Math.round(milliseconds))} ms`
    : `${(milliseconds / 1_000).toFixed(1)} s`
}

/** The gateway knows the line of the configuration that decides. */
function located(failure: FailureBlock, { line }: ToldEvent): FailureBlock {
  return line === undefined ? failure : { ...failure, line }
}
