import { toJson } from '#control/json-octets'
import type { ToldEvent, TunnelState } from '#control/schema'
import type { FailureBlock } from '#diagnosis/failure-text'
import { Ladder, type TimedEvent } from '#diagnosis/ladder'
import type { Event } from '#ike/events'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import { PairProgress } from './pair-progress.ts'
import type { Terminal } from './terminal.ts'
import { alikeLines, alikeText, unansweredLines } from './unanswered-view.ts'
import { codeOf, resultLines, type UpOutcome, type UpResult } from './up-result.ts'

export type UpOptions = {
  readonly json?: boolean
  /** The tunnels are closed first. */
  readonly afterDown?: boolean
  /** Seconds. */
  readonly timeout: number
}

/** `causeway up`: the ladder is the progress bar; ends when each tunnel is up with every network pair, diagnosed, or late. */
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
    const deadline = setTimeout(() => endAll(climbs, 'timeout'), options.timeout * 1_000)
    client.onLost(() => endAll(climbs, 'lost'))
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

function endAll(climbs: ReadonlyMap<string, Climb>, kind: 'timeout' | 'lost'): void {
  for (const climb of climbs.values()) climb.end({ kind })
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
  readonly result: Promise<UpResult>
  /** What was not printed because several climb at once. */
  readonly held: string[] = []
  readonly #terminal: Terminal
  readonly #json: boolean
  readonly #live: boolean
  readonly #ladder: Ladder
  readonly #begin: Begin
  readonly #pairs: PairProgress
  #resolve: (result: UpResult) => void = () => {}
  #lastSequence = 0
  #timer: NodeJS.Timeout | undefined
  #hint: NodeJS.Timeout | undefined
  #refusal: Refusal | undefined
  /** Codes of what silence means, told of some message already. */
  readonly #silences = new Set<string>()
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
    this.#pairs = new PairProgress(before.networks)
    if (this.#pairs.areUp) this.end({ kind: 'up', milliseconds: 0 })
  }

  take(told: ToldEvent): void {
    const { event, sequence } = told
    if (event.kind === 'state' || sequence <= this.#lastSequence) return
    this.#lastSequence = sequence
    const at = Date.parse(told.at)
    if (this.#isHistory(at, sequence) || this.#ended) return
    this.#show({ at, event }, told)
    this.#pairs.take(told)
    const milliseconds = at - this.#begin.at
    if (this.#pairs.areUp) this.end({ kind: 'up', milliseconds })
    const refusal = refusalIn(told, milliseconds)
    // The newest: a second look may have said more than the refusal itself.
    if (refusal !== undefined) this.#refusal = refusal
    if (refusal?.kind === 'final') this.#fail(milliseconds, refusal)
    if (refusal?.kind === 'hint') {
      this.#hint ??= setTimeout(() => this.#fail(milliseconds, this.#refusal), HINT_PATIENCE)
    }
    if (this.#pairs.areSettled) this.#fail(milliseconds, undefined)
  }

  /** @param refusal why what is still under way does not come */
  #fail(milliseconds: number, refusal: Refusal | undefined): void {
    if (refusal !== undefined) this.#pairs.failRest(refusal.failure)
    const missing = this.#pairs.networks.filter(({ state }) => state !== 'up')
    const failure = missing.find((pair) => pair.failure !== undefined)?.failure ?? refusal?.failure
    if (failure === undefined) return
    const retries = missing.flatMap(({ retryAt }) => (retryAt === undefined ? [] : [retryAt]))
    const next = refusal?.retryAt ?? Math.min(...retries.map((time) => Date.parse(time)))
    this.end({
      kind: 'failed',
      milliseconds: refusal?.milliseconds ?? milliseconds,
      failure,
      ...(Number.isFinite(next) ? { retryAt: next } : {}),
    })
  }

  #isHistory(at: number, sequence: number): boolean {
    const { before } = this
    return before.state === 'connecting' ? at < this.#begin.at : sequence <= this.#begin.after
  }

  end(outcome: UpOutcome): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    clearTimeout(this.#hint)
    if (!this.#json) this.#print(this.#ladder.flush())
    this.#resolve({ ...outcome, networks: this.#pairs.networks })
  }

  #show(timed: TimedEvent, told: ToldEvent): void {
    if (this.#json) {
      if (SHOWN_AS_JSON.has(timed.event.kind))
        this.#terminal.out(`${toJson({ schema: 1, ...told })}\n`)
      return
    }
    // After a refusal the same again says nothing new.
    const { event } = timed
    if (event.kind === 'message-unanswered') {
      this.#showUnanswered(event, told.line)
      return
    }
    const again =
      event.kind === 'message' && (event.repeat > 0 || event.exchange === 'informational')
    if (again && this.#hint !== undefined) return
    this.#print(this.#ladder.add(timed))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#print(this.#ladder.flush()), LINE_PATIENCE)
  }

  /** The way it looks now is of no use once it has ended: where several tunnels climb it is not kept until then. */
  #showUnanswered(event: Extract<Event, { kind: 'message-unanswered' }>, line: ToldEvent['line']) {
    if (this.#hint !== undefined) return
    this.#print(this.#ladder.flush())
    const { columns } = this.#terminal
    const failure = line === undefined ? event.failure : { ...event.failure, line }
    const isKnown = this.#silences.has(failure.code)
    this.#silences.add(failure.code)
    const lines = isKnown
      ? alikeLines(failure.code, alikeText(event, this.before.networks), columns)
      : unansweredLines({ ...event, failure }, columns)
    const head = this.#live ? [] : [this.before.tunnel]
    const foot = isKnown ? [] : ['']
    this.#terminal.out(`${[...head, ...lines, ...foot].join('\n')}\n`)
  }

  #print(lines: readonly string[]): void {
    if (this.#live) for (const line of lines) this.#terminal.out(`${line}\n`)
    else this.held.push(...lines)
  }
}

function report(climb: Climb, result: UpResult, terminal: Terminal, options: UpOptions): ExitCode {
  if (options.json === true) {
    const { tunnel } = climb.before
    terminal.out(`${toJson({ schema: 1, result: { tunnel, ...result } })}\n`)
    return codeOf(result)
  }
  const lines = [...climb.held, ...resultLines(climb.before, result, terminal, options.timeout)]
  // Several tunnels stand apart.
  if (climb.held.length > 0) lines.push('')
  terminal.out(`${lines.join('\n')}\n`)
  return codeOf(result)
}

/** Why a tunnel does not come up whole that is no single pair's affair. */
type Refusal = {
  /** A hint may be forged, or be about something else: what is under way has a little longer. */
  readonly kind: 'final' | 'hint'
  readonly failure: FailureBlock
  readonly milliseconds: number
  readonly retryAt?: number
}

function refusalIn({ event, line }: ToldEvent, milliseconds: number): Refusal | undefined {
  if (event.kind !== 'negotiation-failed' && event.kind !== 'refusal-hinted') return undefined
  const failure = line === undefined ? event.failure : { ...event.failure, line }
  if (event.kind === 'refusal-hinted') return { kind: 'hint', failure, milliseconds }
  if (event.phase === 2)
    return event.pair === undefined ? { kind: 'hint', failure, milliseconds } : undefined
  // The phase 1 there is still serves.
  if (failure.code === REKEY_FAILED) return undefined
  const { retryAt } = event
  return { kind: 'final', failure, milliseconds, ...(retryAt === undefined ? {} : { retryAt }) }
}

const SHOWN_AS_JSON: ReadonlySet<ToldEvent['event']['kind']> = new Set([
  'message',
  'message-unanswered',
])
const REKEY_FAILED = 'CW-603'
