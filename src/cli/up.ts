import type { ControlClient } from '#control/client'
import { toJson } from '#control/json-octets'
import type { ToldEvent, TunnelState } from '#control/schema'
import type { FailureStatus } from '#control/status'
import { failureText } from '#diagnosis/failure-text'
import { Ladder, type TimedEvent } from '#diagnosis/ladder'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import { ageText } from './status-view.ts'
import type { Terminal } from './terminal.ts'

export type UpOptions = {
  readonly json?: boolean
  /** Seconds. */
  readonly timeout: number
}

type Result =
  | { readonly kind: 'up'; readonly milliseconds: number }
  | { readonly kind: 'failed'; readonly milliseconds: number; readonly failure?: FailureStatus }
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
    const past = await client.request({ command: 'log', tunnels: patterns })
    const { tunnels } = await client.request({ command: 'up', tunnels: patterns })
    const live = tunnels.length === 1
    for (const state of tunnels) {
      climbs.set(state.tunnel, new Climb(state, terminal, options.json === true, live))
    }
    for (const told of [...past.events, ...early]) take(climbs, told)
    started = true
    const deadline = setTimeout(() => endAll(climbs, { kind: 'timeout' }), options.timeout * 1_000)
    client.onLost(() => endAll(climbs, { kind: 'lost' }))
    const codes: ExitCode[] = []
    await Promise.all(
      [...climbs.values()].map(async (climb) => {
        const result = await climb.result
        codes.push(await report(climb, result, client, terminal, options))
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
  readonly #from: number
  #resolve: (result: Result) => void = () => {}
  #lastSequence = 0
  #timer: NodeJS.Timeout | undefined
  #hint: NodeJS.Timeout | undefined
  #ended = false

  constructor(before: TunnelState, terminal: Terminal, json: boolean, live: boolean) {
    this.before = before
    this.#terminal = terminal
    this.#json = json
    this.#live = live
    this.#ladder = new Ladder({ columns: terminal.columns })
    // A negotiation under way is shown from its beginning; an older one is history.
    this.#from = before.state === 'connecting' ? Date.parse(before.since) : Date.now()
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
    if (before.state === 'up') this.end({ kind: 'up', milliseconds: 0 })
  }

  take(told: ToldEvent): void {
    const { event, sequence } = told
    const at = Date.parse(told.at)
    if (event.kind === 'state') {
      if (event.state === 'up') this.end({ kind: 'up', milliseconds: at - this.#from })
      return
    }
    if (sequence <= this.#lastSequence) return
    this.#lastSequence = sequence
    if (at < this.#from || this.#ended) return
    this.#show({ at, event }, told)
    if (event.kind === 'refusal-hinted' && this.#hint === undefined) {
      const { failure } = event
      const milliseconds = at - this.#from
      this.#hint = setTimeout(
        () => this.end({ kind: 'failed', milliseconds, failure }),
        HINT_PATIENCE,
      )
    }
    if (event.kind === 'negotiation-failed') {
      this.end({ kind: 'failed', milliseconds: at - this.#from, failure: event.failure })
    }
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
    this.#print(this.#ladder.add(timed))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#print(this.#ladder.flush()), LINE_PATIENCE)
  }

  #print(lines: readonly string[]): void {
    if (this.#live) for (const line of lines) this.#terminal.out(`${line}\n`)
    else this.held.push(...lines)
  }
}

async function report(
  climb: Climb,
  result: Result,
  client: ControlClient,
  terminal: Terminal,
  options: UpOptions,
): Promise<ExitCode> {
  const { tunnel } = climb.before
  const failure =
    result.kind === 'failed' ? await located(client, tunnel, result.failure) : undefined
  if (options.json === true) {
    terminal.out(
      `${toJson({ schema: 1, result: { tunnel, ...result, ...(failure && { failure }) } })}\n`,
    )
    return codeOf(result)
  }
  const lines = [...climb.held, ...resultLines(climb.before, result, terminal, options)]
  if (failure !== undefined) lines.push('', ...failureText(failure, terminal.columns))
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
    case 'failed':
      return [`${style('red', '✗')} ${tunnel} is not up (${elapsed(result.milliseconds)})`]
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

/** The daemon knows the line of the configuration that decides. */
async function located(
  client: ControlClient,
  tunnel: string,
  failure: FailureStatus | undefined,
): Promise<FailureStatus | undefined> {
  try {
    const status = await client.request({ command: 'status', tunnels: [tunnel] })
    const told = status.tunnels[0]?.lastFailure
    return told !== undefined && told.code === failure?.code ? told : failure
  } catch {
    return failure
  }
}
