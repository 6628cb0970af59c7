import type { ChildId } from '#esp/sa'
import type { Answer, Duration, Instant } from '#ike/effects'
import type { Failure } from '#ike/events'
import type { IkeContext } from '#ike/version'
import { ChildLook } from './child-look.ts'
import { lookedAtChild } from './child-look-failures.ts'
import { type ChildTreatment, childQuestions } from './child-questions.ts'
import type { QuickExchange, QuickHost } from './quick-exchange.ts'
import type { ChildRequest } from './transitions/quick-mode.ts'

/** A Quick mode that came to nothing, and is told when a second look has shown why. */
type Failed = {
  readonly child: ChildId | undefined
  readonly request: ChildRequest
  readonly treatment: ChildTreatment
  readonly plain: Failure
}

/**
 * The second looks under one ISAKMP SA: one at a time, and none again soon, since what the peer takes does not change from pair to pair.
 */
export class ChildLooks {
  readonly #host: QuickHost
  #look: ChildLook | undefined
  #treatment: ChildTreatment | undefined
  #waiting: readonly Failed[] = []

  constructor(host: QuickHost) {
    this.#host = host
  }

  get look(): ChildLook | undefined {
    return this.#look
  }

  /** Children whose failure is still to be told. */
  waiting(): readonly ChildId[] {
    return this.#waiting.flatMap(({ child }) => (child === undefined ? [] : [child]))
  }

  /** Message 1 stays unanswered: something beside it may tell why before it is given up. */
  unanswered({ state, startedAt }: QuickExchange, repeats: number, context: IkeContext): void {
    if (repeats !== LOOK_AT_REPEAT || state.kind !== 'offered') return
    // A peer that says nothing at all may be gone, which is for dead peer detection to find out.
    if (this.#host.sa.peerAliveAt < startedAt) return
    this.#begin('left unanswered', state.request, context)
  }

  /** Tells of a failure, now or when a second look is over. */
  settle(
    { child, state }: QuickExchange,
    treatment: ChildTreatment,
    plain: Failure,
    context: IkeContext,
  ): void {
    if (state.kind !== 'offered') {
      const { sa } = this.#host
      context.outcomes.push({ kind: 'child-failed', sa, child, failure: plain })
      return
    }
    const { request } = state
    if (treatment !== 'left unanswered') this.#begin(treatment, request, context)
    this.#waiting = [...this.#waiting, { child, request, treatment, plain }]
    this.advance(context)
  }

  handleAnswer(id: number, answer: Answer, context: IkeContext): void {
    this.#look?.handleAnswer(id, answer, context)
    this.advance(context)
  }

  handleDeadline(context: IkeContext): void {
    this.#look?.handleDeadline(context)
    this.advance(context)
  }

  deadline(): Instant {
    return this.#look?.deadline() ?? Number.POSITIVE_INFINITY
  }

  /** Tells of what waits for nothing any more; called after everything the look may have learnt from. */
  advance(context: IkeContext): void {
    const look = this.#look
    const isAsking = look !== undefined && look.finding === undefined
    const ready = this.#waiting.filter(
      ({ treatment }) => !isAsking || treatment !== this.#treatment,
    )
    if (ready.length === 0) return
    this.#waiting = this.#waiting.filter((failed) => !ready.includes(failed))
    for (const failed of ready) this.#tell(failed, context)
  }

  /** The ISAKMP SA ends before the look does. */
  abandon(context: IkeContext): void {
    this.#look = undefined
    this.advance(context)
  }

  #begin(treatment: ChildTreatment, { child, wish, selectors }: ChildRequest, context: IkeContext) {
    const look = this.#look
    const isRecent = look !== undefined && look.startedAt > context.now - LOOK_AGAIN_AFTER
    const serves = look?.finding === undefined || this.#treatment === treatment
    if (!this.#host.tunnel.secondLook || (isRecent && serves)) return
    this.#treatment = treatment
    this.#look = new ChildLook(
      this.#host,
      child,
      childQuestions(treatment, wish, selectors),
      context,
    )
  }

  #tell({ child, request, treatment, plain }: Failed, context: IkeContext): void {
    const { sa, tunnel } = this.#host
    // The peer has opened it meanwhile.
    if (request.rekeyOf === undefined && context.selectorsOf(request.child) !== undefined) return
    const finding = this.#treatment === treatment ? this.#look?.finding : undefined
    const vendor = sa.facts()?.peerVendor
    const failure =
      finding === undefined
        ? plain
        : lookedAtChild(tunnel, request, finding, treatment, plain, vendor)
    context.outcomes.push({ kind: 'child-failed', sa, child, failure })
  }
}

/** Half of the time a message is repeated for has passed. */
const LOOK_AT_REPEAT = 4
const LOOK_AGAIN_AFTER: Duration = 600_000
