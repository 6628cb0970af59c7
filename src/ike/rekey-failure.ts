import type { ChildId } from '#esp/sa'
import type { ChildTable } from './child-table.ts'
import type { Instant } from './effects.ts'
import type { Failure } from './events.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import type { Proof } from './proof.ts'
import type { IkeSa } from './version.ts'

/** A negotiation that came to nothing, and the Child SA it was to open. */
export type Failed = {
  readonly failure: Failure
  readonly sa: IkeSa
  readonly child?: ChildId | undefined
}

/** CW-603: what passed when the tunnel came up is refused when it is to be renewed. */
export function rekeyFailed(phase: 1 | 2, failure: Failure): Failure {
  return {
    ...failure,
    code: REKEY_FAILED,
    summary: `rekey of phase ${phase} failed although the first negotiation passed: ${failure.summary}`,
    remedy: `the tunnel works until its SAs end, then it breaks as now; ${failure.remedy}`,
  }
}

export function isRekeyFailure({ code }: Failure): boolean {
  return code === REKEY_FAILED
}

/** The failure as it is told: of a renewal, where an SA of ours is still there to be renewed and its peer is heard. */
export function judgedFailure(
  phase: 1 | 2,
  failed: Failed,
  tunnel: Renewing & { readonly proof: Proof },
  now: Instant,
): Failure {
  const proven = tunnel.proof.judge(phase, failed.failure, tunnel.children)
  return proven === failed.failure ? foreseenFailure(phase, failed, tunnel, now) : proven
}

type Renewing = { readonly children: ChildTable; readonly ikeSas: IkeSaSet }

/** The same of a negotiation that still goes on. */
export function foreseenFailure(
  phase: 1 | 2,
  { failure, sa, child }: Failed,
  { children, ikeSas }: Renewing,
  now: Instant,
): Failure {
  const serving = ikeSas.preferred
  // A peer that is gone answers nothing, and dead peer detection is about to say so.
  if (serving === undefined || serving.peerAliveAt <= now - SILENCE) return failure
  // What the peer begins, or somebody in its name, is not our renewal.
  const isRenewal =
    phase === 1
      ? sa.role === 'initiator'
      : child !== undefined && children.active(child.pair) !== undefined
  return isRenewal ? rekeyFailed(phase, failure) : failure
}

const REKEY_FAILED = 'CW-603'
/** Milliseconds; a little more than a message is repeated for. */
const SILENCE = 35_000
