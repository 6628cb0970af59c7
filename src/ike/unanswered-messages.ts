import type { ChildTable } from './child-table.ts'
import type { Instant } from './effects.ts'
import type { TunnelSnapshot, UnansweredMessage } from './events.ts'
import type { IcmpEvidence } from './icmp-evidence.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import { foreseenFailure } from './rekey-failure.ts'
import type { IkeContext, IkeSa, UnansweredRequest } from './version.ts'

/** A tunnel, as far as it waits for answers. */
type Waiting = { readonly ikeSas: IkeSaSet; readonly children: ChildTable }

/**
 * Messages of a tunnel that its peer has not answered for some time. A silent peer is waited for half a minute; what its silence most likely
 * means is known long before, and told as what it is: a verdict that an answer takes back.
 */
export class UnansweredMessages {
  readonly #icmp: IcmpEvidence
  /** Those that were told of, as long as they wait. */
  #told: ReadonlySet<string> = new Set()

  constructor(icmp: IcmpEvidence) {
    this.#icmp = icmp
  }

  /** With what will be told of each, should no answer come; without those of which something better was told. */
  facts(tunnel: Waiting, now: Instant): Pick<TunnelSnapshot, 'unanswered'> {
    const unanswered = this.#keyed(tunnel, now).map(([, message]) => message)
    return unanswered.length === 0 ? {} : { unanswered }
  }

  /** Tells of each once. */
  advance(
    tunnel: Waiting & { readonly config: { readonly name: string } },
    context: IkeContext,
  ): void {
    const waiting = this.#keyed(tunnel, context.now)
    for (const [key, message] of waiting) {
      if (this.#told.has(key)) continue
      context.tell({ kind: 'message-unanswered', tunnel: tunnel.config.name, ...message })
    }
    this.#told = new Set(waiting.map(([key]) => key))
  }

  #keyed(
    { ikeSas, children }: Waiting,
    now: Instant,
  ): readonly (readonly [string, UnansweredMessage])[] {
    return ikeSas.all.flatMap((sa) =>
      sa.unanswered(now).flatMap((one) => {
        if (isNeedless(one, sa, { ikeSas, children })) return []
        const { rekeyOf: _, ...told } = one
        const { phase, pair, exchange, message, failure } = told
        if (this.#icmp.judge(failure, sa.startedAt) !== failure) return []
        const child = pair === undefined ? undefined : { tunnel: sa.tunnel, pair }
        const foreseen = foreseenFailure(phase, { failure, sa, child }, { children, ikeSas }, now)
        const key = `${sa.initiatorSpi} ${exchange} ${message} ${pair ?? ''}`
        return [[key, { ...told, failure: foreseen }] as const]
      }),
    )
  }
}

/** Whether the peer has opened meanwhile what is asked for: then it fails of nothing, as an attempt that was overtaken does not at its end. */
function isNeedless(
  { phase, pair, rekeyOf }: UnansweredRequest,
  sa: IkeSa,
  { ikeSas, children }: Waiting,
): boolean {
  if (phase === 1) return ikeSas.isServedSince(sa.startedAt)
  return rekeyOf === undefined && pair !== undefined && children.active(pair) !== undefined
}
