import type { Instant } from '#ike/effects'
import type { Failure } from '#ike/events'
import { latePackets, outsidePackets, vanishingPackets, wrongIcv } from './traffic-drops.ts'
import type { TrafficCounts, TrafficFacts } from './traffic-facts.ts'
import {
  dropsUnmatched,
  forgetfulNat,
  nothingReturns,
  otherWay,
  translated,
} from './traffic-host.ts'
import { ProgressMeter, type TrafficProgress } from './traffic-progress.ts'
import { nothingAnswers, watchedHostSilent } from './traffic-silence.ts'

/** Why a tunnel that is up does not carry what it should. */
export type Degradation = { readonly failure: Failure; readonly since: Instant }

/** Looks at one tunnel every few seconds and says at most one thing of it. */
export class TrafficWatch {
  readonly #meter = new ProgressMeter()
  #current: Degradation | undefined

  get current(): Degradation | undefined {
    return this.#current
  }

  /** The tunnel is not up: there is nothing to say. */
  rest(now: Instant, counts: TrafficCounts): void {
    this.#meter.rest(now, counts)
    this.#current = undefined
  }

  observe(facts: TrafficFacts): Degradation | undefined {
    const { now, upSince, counts } = facts
    const failure = diagnose(facts, this.#meter.advance(now, upSince, counts))
    const before = this.#current
    const since = before?.failure.code === failure?.code ? before?.since : undefined
    this.#current = failure === undefined ? undefined : { failure, since: since ?? now }
    return this.#current
  }
}

function diagnose(facts: TrafficFacts, progress: TrafficProgress): Failure | undefined {
  for (const rule of RULES) {
    const failure = rule(facts, progress)
    if (failure !== undefined) return failure
  }
  return undefined
}

/** What stops all packets before what stops some, and what is certain before what is likely. */
const RULES: readonly ((facts: TrafficFacts, progress: TrafficProgress) => Failure | undefined)[] =
  [
    wrongIcv,
    otherWay,
    translated,
    nothingReturns,
    nothingAnswers,
    watchedHostSilent,
    vanishingPackets,
    outsidePackets,
    dropsUnmatched,
    latePackets,
    forgetfulNat,
  ]
