import type { EspSpi } from '#esp/sa'
import type { ChildSa, ChildTable } from './child-table.ts'
import type { Instant } from './effects.ts'
import type { Failure, PathFacts, ProofFacts, ProofPart } from './events.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import { fraction } from './lifetimes.ts'
import { rekeyFailed } from './rekey-failure.ts'
import type { IkeContext } from './version.ts'

/** Of a tunnel, what proving it needs. */
type Subject = {
  readonly config: { readonly name: string; readonly proof?: 'on' }
  readonly children: ChildTable
  readonly ikeSas: IkeSaSet
  readonly path: { readonly shown: PathFacts['shown'] | undefined }
  rekey(phase: 1 | 2, context: IkeContext): void
}

/**
 * Shows in the first minute what would show at the first rekey, an hour or a day later: after a tunnel has come up for the first time
 * since it was configured, the peer is asked for a sign of life and both phases are rekeyed once, by the side that began. That packets of
 * full size pass is shown by the `PathWatch`, whose findings are part of the proof.
 */
export class Proof {
  #begun: Begun | undefined
  #stage: 'probe' | 'phase 2' | 'phase 1' | 'over' = 'probe'
  #nextAt: Instant = Number.POSITIVE_INFINITY
  readonly #seen = new Set<ProofPart>()
  #provenAt: Instant | undefined
  #unshown: readonly ProofPart[] = []
  #failure: Failure | undefined

  get nextAt(): Instant {
    return this.#nextAt
  }

  facts(): { readonly proof?: ProofFacts } {
    if (this.#begun === undefined) return {}
    return {
      proof: {
        seen: [...this.#seen],
        ...(this.#provenAt === undefined ? {} : { provenAt: this.#provenAt }),
        ...(this.#unshown.length === 0 ? {} : { unshown: this.#unshown }),
        ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      },
    }
  }

  /** Called after everything that may have changed the tunnel. */
  advance(tunnel: Subject, context: IkeContext): void {
    if (tunnel.config.proof !== 'on' || this.#provenAt !== undefined || this.#failure !== undefined)
      return
    const sa = tunnel.ikeSas.preferred
    const [child] = tunnel.children.actives
    if (child === undefined) {
      this.#beginAnew()
      return
    }
    // While phase 1 is being repaired there is nothing to prove; and who answered leaves it to the other side.
    if (sa === undefined || (this.#begun === undefined && sa.role === 'responder')) return
    const { now } = context
    if (this.#begun === undefined) {
      this.#begun = begunWith(sa.initiatorSpi, child, now)
      this.#nextAt = now + PROBE_AFTER
    }
    const begun = this.#begun
    const current = tunnel.children.active(begun.pair)
    if (current !== undefined && current.facts.inboundSpi !== begun.child)
      this.#seen.add('phase-2-rekeyed')
    if (sa.initiatorSpi !== begun.ikeSa) this.#seen.add('phase-1-rekeyed')
    if (sa.peerAliveAt > (begun.probedAt ?? Number.POSITIVE_INFINITY))
      this.#seen.add('peer-answered')
    const { shown } = tunnel.path
    if (shown === 'both-ways') this.#seen.add('full-size-packet')
    if (shown === 'both-ways' || shown === 'outwards') this.#seen.add('full-size-packet-sent')
    // What the path was tried for and the peer cannot show is not waited for, and not passed over either.
    if (shown !== undefined && REKEYED.every((part) => this.#seen.has(part)))
      this.#conclude(tunnel.config.name, now - begun.at, context)
    else if (now >= this.#nextAt) this.#next(tunnel, current, context)
  }

  /**
   * @returns the failure as the operator should read it. One that the proof brought out leaves everything else as it is: the SA that
   * works is kept, and renewed when it would have been.
   */
  judge(phase: 1 | 2, failure: Failure, children: ChildTable): Failure {
    const ours = this.#stage === (phase === 2 ? 'phase 1' : 'over')
    const done = this.#seen.has(phase === 2 ? 'phase-2-rekeyed' : 'phase-1-rekeyed')
    if (this.#begun === undefined || this.#provenAt !== undefined || !ours || done) return failure
    this.#nextAt = Number.POSITIVE_INFINITY
    for (const child of children.actives) {
      if (child.facts.inboundSpi === this.#begun.child && this.#begun.rekeyAt !== undefined)
        child.rekeyAt = this.#begun.rekeyAt
    }
    this.#failure = rekeyFailed(phase, failure)
    return this.#failure
  }

  #conclude(tunnel: string, after: number, context: IkeContext): void {
    const unshown = FULL_SIZE.filter((part) => !this.#seen.has(part))
    if (unshown.length === 0) {
      this.#provenAt = context.now
      context.tell({ kind: 'tunnel-proven', tunnel, after })
    } else if (this.#unshown.length === 0) {
      context.tell({ kind: 'proof-incomplete', tunnel, after, seen: [...this.#seen], unshown })
    }
    this.#unshown = unshown
    this.#nextAt = Number.POSITIVE_INFINITY
  }

  #next(tunnel: Subject, child: ChildSa | undefined, context: IkeContext): void {
    const { now, crypto } = context
    const begun = this.#begun
    if (begun === undefined) return
    const pause = STEP * (0.5 + 0.5 * fraction(crypto))
    switch (this.#stage) {
      case 'probe':
        tunnel.ikeSas.preferred?.probe(context)
        this.#begun = { ...begun, probedAt: now }
        this.#stage = 'phase 2'
        this.#nextAt = now + pause
        return
      case 'phase 2':
        if (child === undefined) return
        this.#begun = { ...begun, rekeyAt: child.rekeyAt }
        child.rekeyAt = Math.min(child.rekeyAt, now)
        this.#stage = 'phase 1'
        this.#nextAt = now + pause
        return
      case 'phase 1':
        // One after the other, so that a failure names its phase.
        this.#nextAt = now + STEP
        if (!this.#seen.has('phase-2-rekeyed')) return
        this.#stage = 'over'
        this.#nextAt = Number.POSITIVE_INFINITY
        tunnel.rekey(1, context)
        return
      case 'over':
        this.#nextAt = Number.POSITIVE_INFINITY
    }
  }

  /** The tunnel went down before it was proven. */
  #beginAnew(): void {
    this.#begun = undefined
    this.#stage = 'probe'
    this.#nextAt = Number.POSITIVE_INFINITY
    this.#unshown = []
    this.#seen.clear()
  }
}

function begunWith(ikeSa: string, { facts }: ChildSa, at: Instant): Begun {
  return { at, ikeSa, pair: facts.child.pair, child: facts.inboundSpi }
}

type Begun = {
  readonly at: Instant
  readonly ikeSa: string
  readonly pair: number
  readonly child: EspSpi
  readonly probedAt?: Instant
  /** When the first Child SA would have been renewed. */
  readonly rekeyAt?: Instant
}

const REKEYED: readonly ProofPart[] = ['peer-answered', 'phase-2-rekeyed', 'phase-1-rekeyed']
const FULL_SIZE: readonly ProofPart[] = ['full-size-packet', 'full-size-packet-sent']

/** Milliseconds; all steps together stay below half a minute when everything works. */
const PROBE_AFTER = 1_000
const STEP = 14_000
