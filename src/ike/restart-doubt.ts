import type { ChildTable } from './child-table.ts'
import type { Instant } from './effects.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import type { IkeContext, IkeSa } from './version.ts'

/**
 * What INITIAL-CONTACT is worth: the peer says that it starts from nothing, so what was there before is dead. Some say so with all their SAs
 * intact (strongSwan, where it renews phase 1 as the server of XAUTH), and RFC 2407 §4.6.3.3 leaves it to the receiver. So the peer is asked
 * under the keys it claims to have lost, where it knows DPD; who answers has them, and nothing is forgotten.
 */
export class RestartDoubt {
  readonly #ikeSas: IkeSaSet
  readonly #children: ChildTable
  #claim:
    | {
        readonly before: Instant
        readonly since: Instant
        readonly nextAt: Instant
        readonly asked: readonly IkeSa[]
      }
    | undefined

  constructor(ikeSas: IkeSaSet, children: ChildTable) {
    this.#ikeSas = ikeSas
    this.#children = children
  }

  /** The peer says so under `sa`. */
  raise({ startedAt: before }: IkeSa, context: IkeContext): void {
    const older = this.#ikeSas.established.filter(({ establishedAt }) => establishedAt < before)
    const asked = older.map(({ sa }) => sa).filter((sa) => sa.probe(context))
    const { now } = context
    if (asked.length === 0) this.#forgetBefore(before, context)
    else this.#claim = { before, since: now, nextAt: now + ASK_EVERY, asked }
  }

  deadline(): Instant {
    return this.#claim?.nextAt ?? Number.POSITIVE_INFINITY
  }

  handleDeadline(context: IkeContext): void {
    const claim = this.#claim
    if (claim === undefined || claim.nextAt > context.now) return
    const { asked, since, before } = claim
    if (asked.some(({ answeredProbeAt }) => answeredProbeAt > since)) this.#claim = undefined
    else if (since + PATIENCE <= context.now) {
      this.#claim = undefined
      this.#forgetBefore(before, context)
    } else {
      for (const sa of asked) sa.probe(context)
      this.#claim = { ...claim, nextAt: context.now + ASK_EVERY }
    }
  }

  #forgetBefore(before: Instant, context: IkeContext): void {
    for (const { sa, establishedAt } of this.#ikeSas.established) {
      if (establishedAt < before) sa.close('peer-restarted', [], context)
    }
    for (const child of this.#children.all) {
      if (child.establishedAt < before) this.#children.remove(child, 'peer-restarted', context)
    }
  }
}

/** Milliseconds. Until then a peer that did restart has opened new Child SAs, which serve at once. */
const PATIENCE = 3_000
const ASK_EVERY = 1_000
