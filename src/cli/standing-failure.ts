import type { FailureStatus, TunnelStatus } from '#control/status'

export type FailureFacts = Pick<TunnelStatus, 'state' | 'networks' | 'lastFailure' | 'degraded'>

/**
 * What is wrong with a tunnel now. One that is up can still have failed: at a rekey, so that it ends with its SAs (CW-603), or for one of its
 * network pairs. What anybody else may have been refused in the name of its peer is no fault of a tunnel that is up whole.
 */
export function standingFailure({
  state,
  networks,
  lastFailure,
  degraded,
}: FailureFacts): FailureStatus | undefined {
  if (degraded !== undefined || state !== 'up') return degraded ?? lastFailure
  const isOfTunnel =
    lastFailure?.code === REKEY_FAILED || networks.some((pair) => pair.state !== 'up')
  return isOfTunnel ? lastFailure : undefined
}

const REKEY_FAILED = 'CW-603'
