import type { ChildId } from '#esp/sa'
import type { Answer, Instant } from '#ike/effects'
import type { CloseReason, Failure } from '#ike/events'
import type { IkeContext } from '#ike/version'
import { equalSelectorPair } from '#policy/traffic-selector'
import { type ChildFinding, ChildLook } from './child-look.ts'
import { lookedAtChild } from './child-look-failures.ts'
import { anyOf, type ChildTreatment, childQuestions } from './child-questions.ts'
import { newestOf } from './newest-form.ts'
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
 * The second looks under one ISAKMP SA: one at a time, and under none of the tunnel's again soon for what is treated the same, since what the peer
 * takes hardly changes from pair to pair.
 */
export class ChildLooks {
  readonly #host: QuickHost
  /** The latest of each. */
  readonly #looks = new Map<ChildTreatment, ChildLook>()
  #waiting: readonly Failed[] = []

  constructor(host: QuickHost) {
    this.#host = host
  }

  /** The one that asks or has asked under this Message ID. */
  of(messageId: number): ChildLook | undefined {
    return [...this.#looks.values()].find((look) => look.has(messageId))
  }

  /** A question is on its way. */
  get isAsking(): boolean {
    return this.#asking?.isAsking === true
  }

  /**
   * By an error notify that names a question by our SPI, or that can be about nothing but the one on its way.
   * @returns whether it was about one
   */
  refused(
    spi: Uint8Array | undefined,
    treatment: ChildTreatment | undefined,
    context: IkeContext,
  ): boolean {
    const look =
      spi === undefined
        ? this.#asking
        : [...this.#looks.values()].find((one) => one.hasAskedUnder(spi))
    look?.refused(spi, treatment, context)
    this.advance(context)
    return look !== undefined
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
    // Some forget what they have agreed to when they refuse another (see Openings): where more is under way, the next attempt is looked at.
    const isAlone = this.#host.negotiating().length === 0
    if (treatment !== 'left unanswered' && isAlone) this.#begin(treatment, request, context)
    this.#waiting = [...this.#waiting, { child, request, treatment, plain }]
    this.advance(context)
  }

  handleAnswer(id: number, answer: Answer, context: IkeContext): void {
    this.#asking?.handleAnswer(id, answer, context)
    this.advance(context)
  }

  handleDeadline(context: IkeContext): void {
    this.#asking?.handleDeadline(context)
    this.advance(context)
  }

  deadline(): Instant {
    return this.#asking?.deadline() ?? Number.POSITIVE_INFINITY
  }

  /** Tells of what waits for nothing any more; called after everything the look may have learnt from. */
  advance(context: IkeContext): void {
    const asking = this.#asking
    if (asking === undefined) context.looksOf(this.#host.tunnel.name)?.ended()
    const ready = this.#waiting.filter(
      ({ treatment }) => asking === undefined || this.#looks.get(treatment) !== asking,
    )
    if (ready.length === 0) return
    this.#waiting = this.#waiting.filter((failed) => !ready.includes(failed))
    for (const failed of ready) this.#tell(failed, context)
  }

  /** The ISAKMP SA ends before the look does. Where that is our own will, what was refused is wanted no more. */
  abandon(why: CloseReason, context: IkeContext): void {
    this.#looks.clear()
    if (OWN_WILL.has(why)) this.#waiting = []
    this.advance(context)
  }

  get #asking(): ChildLook | undefined {
    return [...this.#looks.values()].find(({ finding }) => finding === undefined)
  }

  #begin(treatment: ChildTreatment, request: ChildRequest, context: IkeContext): void {
    const { tunnel } = this.#host
    const memory = context.looksOf(tunnel.name)
    const isRecent = memory?.isRecent(treatment, context.now) === true
    if (!newestOf(tunnel, context).secondLook || isRecent || this.#asking !== undefined) return
    if (memory?.isUndisturbing(request.child.pair, context.now) === false) return
    memory?.begun(treatment, context.now)
    const questions = childQuestions(treatment, request.wish, request.selectors)
    this.#looks.set(treatment, new ChildLook(this.#host, request, questions, context))
  }

  #tell({ child, request, treatment, plain }: Failed, context: IkeContext): void {
    const { sa, tunnel } = this.#host
    // The peer has opened it meanwhile.
    if (request.rekeyOf === undefined && context.selectorsOf(request.child) !== undefined) return
    const finding = findingFor(request, this.#looks.get(treatment))
    const memory = context.looksOf(tunnel.name)
    const { pair } = request.child
    if (finding === undefined) {
      // The look may have been under an ISAKMP SA that is gone.
      const known = memory?.shown(pair, treatment, plain) ?? plain
      context.outcomes.push({ kind: 'child-failed', sa, child, failure: known })
      return
    }
    const vendor = sa.facts()?.peerVendor
    const failure = lookedAtChild(tunnel, request, finding, treatment, plain, vendor)
    memory?.note(pair, treatment, plain, failure)
    context.outcomes.push({ kind: 'child-failed', sa, child, failure })
  }
}

/** What was found of one network pair and says nothing of the others is kept from them. */
function findingFor(
  { selectors }: ChildRequest,
  look: ChildLook | undefined,
): ChildFinding | undefined {
  const finding = look?.finding
  if (look === undefined || finding === undefined) return undefined
  if (equalSelectorPair(look.selectors, selectors)) return finding
  if (finding.kind === 'takes none') return undefined
  const ofAll =
    finding.question.about !== 'networks' ||
    equalSelectorPair(finding.selectors, anyOf(finding.selectors))
  return ofAll ? finding : undefined
}

const OWN_WILL: ReadonlySet<CloseReason> = new Set(['operator', 'reconfigured', 'shutdown'])
/** Half of the time a message is repeated for has passed. */
const LOOK_AT_REPEAT = 4
