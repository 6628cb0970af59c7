import type { Instant } from '#ike/effects'
import type { TrafficCounts } from './traffic-facts.ts'

/** What has become of a tunnel's packets lately. */
export type TrafficProgress = {
  /** Packets that went in since the last one that came out. */
  readonly unanswered: Stretch
  /** Packets that came out since the last one that went in. */
  readonly unreturned: Stretch
  /** Packets that had to be refused since the last good one came out. */
  readonly refused: { readonly badIcv: number; readonly malformed: number }
  /** Whether one came out since the tunnel is up. */
  readonly everIn: boolean
  /** Of the last minute. */
  readonly lately: TrafficCounts
}

/** A run of packets one way and none the other; `lasting` in milliseconds, from the first of them. */
export type Stretch = {
  readonly packets: number
  readonly since: Instant
  readonly lasting: number
}

type Mark = { readonly at: Instant; readonly counts: TrafficCounts }

/** Remembers as much of the counters as it takes to tell what changed, and when. */
export class ProgressMeter {
  #upSince: Instant | undefined
  #start: Mark | undefined
  #lastIn: Mark = NOTHING
  #lastOut: Mark = NOTHING
  #unansweredFrom: Instant | undefined
  #unreturnedFrom: Instant | undefined
  #marks: readonly Mark[] = []

  /** The tunnel is not up; its totals stay as they are until it is. */
  rest(now: Instant, counts: TrafficCounts): void {
    this.#upSince = undefined
    this.#start = { at: now, counts }
  }

  advance(now: Instant, upSince: Instant, counts: TrafficCounts): TrafficProgress {
    if (this.#upSince !== upSince) this.#begin(upSince)
    const mark: Mark = { at: now, counts }
    if (counts.in > this.#lastIn.counts.in) {
      this.#lastIn = mark
      this.#unansweredFrom = undefined
    }
    if (counts.out > this.#lastOut.counts.out) {
      this.#lastOut = mark
      this.#unreturnedFrom = undefined
    }
    const unanswered = counts.out - this.#lastIn.counts.out
    const answers = ANSWERED * (counts.probes - this.#lastOut.counts.probes)
    const unreturned = Math.max(0, counts.in - this.#lastOut.counts.in - answers)
    if (unanswered > 0) this.#unansweredFrom ??= now
    if (unreturned > 0) this.#unreturnedFrom ??= now
    this.#marks = [...this.#marks.filter(({ at }) => at >= now - LATELY), mark]
    const [oldest = mark] = this.#marks
    return {
      unanswered: stretch(unanswered, this.#lastIn.at, this.#unansweredFrom, now),
      unreturned: stretch(unreturned, this.#lastOut.at, this.#unreturnedFrom, now),
      refused: {
        badIcv: counts.badIcv - this.#lastIn.counts.badIcv,
        malformed: counts.malformed - this.#lastIn.counts.malformed,
      },
      everIn: counts.in > (this.#start?.counts.in ?? 0),
      lately: growth(oldest.counts, counts),
    }
  }

  #begin(upSince: Instant): void {
    const counts = this.#start?.counts ?? NOTHING.counts
    const start: Mark = { at: upSince, counts }
    this.#upSince = upSince
    this.#start = start
    this.#lastIn = start
    this.#lastOut = start
    this.#unansweredFrom = undefined
    this.#unreturnedFrom = undefined
    this.#marks = [start]
  }
}

function stretch(
  packets: number,
  since: Instant,
  from: Instant | undefined,
  now: Instant,
): Stretch {
  return { packets, since, lasting: packets === 0 || from === undefined ? 0 : now - from }
}

function growth(from: TrafficCounts, to: TrafficCounts): TrafficCounts {
  return {
    in: to.in - from.in,
    out: to.out - from.out,
    replayed: to.replayed - from.replayed,
    badIcv: to.badIcv - from.badIcv,
    malformed: to.malformed - from.malformed,
    outsideSelectors: to.outsideSelectors - from.outsideSelectors,
    noPolicy: to.noPolicy - from.noPolicy,
    probes: to.probes - from.probes,
  }
}

const NOTHING: Mark = {
  at: Number.NEGATIVE_INFINITY,
  counts: {
    in: 0,
    out: 0,
    replayed: 0,
    badIcv: 0,
    malformed: 0,
    outsideSelectors: 0,
    noPolicy: 0,
    probes: 0,
  },
}

/** Packets that may answer one of ours to the path: a peer with a smaller MTU sends its echo in two pieces. */
const ANSWERED = 2
/** Milliseconds. */
const LATELY = 60_000
