import type { Effect, Input, Instant } from '#ike/effects'
import type { TunnelSnapshot } from '#ike/events'
import type { Clock } from './clock.ts'

/** What the daemon needs of `ike/engine.ts`. */
export interface EnginePort {
  handle(input: Input, now: Instant): readonly Effect[]
  snapshot(now: Instant): readonly TunnelSnapshot[]
}

/** Our own bug, with what led to it. It costs one input, never the process. */
export type Defect = { readonly where: string; readonly error: unknown; readonly detail: string }

export type LoopParts = {
  readonly engine: EnginePort
  readonly clock: Clock
  /** Carries out every effect but `wake-at`. */
  readonly execute: (effect: Effect) => void
  readonly onDefect: (defect: Defect) => void
  /** What the engine should know before it deals with a deadline. */
  readonly beforeTimer?: () => Input | undefined
}

// A timer that could not be handled must not leave the engine asleep for ever.
const RETRY_AFTER_DEFECT = 1_000
// setTimeout takes 31 bits; a longer wait wakes early, which does no harm.
const LONGEST_TIMEOUT = 0x7fff_ffff

/**
 * Feeds the engine one input at a time and carries out what it wants, in order. Inputs that arrive while effects are being
 * carried out wait their turn, so the engine is never entered twice.
 */
export class EngineLoop {
  readonly #parts: LoopParts
  readonly #waiting: Input[] = []
  #busy = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: LoopParts) {
    this.#parts = parts
  }

  submit(input: Input): void {
    if (this.#stopped) return
    this.#waiting.push(input)
    if (this.#busy) return
    this.#busy = true
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#handle(next)
      }
    } finally {
      this.#busy = false
    }
  }

  /** Takes no further input and leaves no timer behind. */
  stop(): void {
    this.#stopped = true
    this.#waiting.length = 0
    clearTimeout(this.#timer)
  }

  #handle(input: Input): void {
    const { engine, clock, onDefect } = this.#parts
    let effects: readonly Effect[]
    try {
      effects = engine.handle(input, clock.now())
    } catch (error) {
      onDefect({ where: `engine, input ${input.kind}`, error, detail: inputDetail(input) })
      this.#wakeAt(clock.now() + RETRY_AFTER_DEFECT)
      return
    }
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === 'wake-at') {
      this.#wakeAt(effect.at)
      return
    }
    try {
      this.#parts.execute(effect)
    } catch (error) {
      this.#parts.onDefect({ where: `effect ${effect.kind}`, error, detail: '' })
    }
  }

  #wakeAt(at: Instant): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    const wait = Math.min(Math.max(Math.ceil(at - this.#parts.clock.now()), 0), LONGEST_TIMEOUT)
    this.#timer = setTimeout(() => {
      const news = this.#parts.beforeTimer?.()
      if (news !== undefined) this.submit(news)
      this.submit({ kind: 'timer' })
    }, wait)
  }
}

/** Enough to play the input again; public-key answers stay out, they hold key material. */
function inputDetail(input: Input): string {
  if (input.kind !== 'datagram') return ''
  const octets = Buffer.from(input.octets.subarray(0, 2048)).toString('hex')
  return `${input.remote.address}:${input.remote.port} > ${input.local.address}:${input.local.port} ${octets}`
}
