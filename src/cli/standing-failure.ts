import type { FailureStatus, NetworkStatus, TunnelStatus } from '#control/status'

export type FailureFacts = Pick<TunnelStatus, 'state' | 'networks' | 'lastFailure' | 'degraded'>

/** Something that is wrong now, and the network pairs it keeps from being up; none where it is the whole tunnel's. */
export type StandingFailure = {
  readonly failure: FailureStatus
  readonly pairs: readonly NetworkStatus[]
}

/**
 * What is wrong with a tunnel now. One that is up can still have failed: at a rekey, so that it ends with its SAs (CW-603), or for a network
 * pair that is wanted. What failed of a pair that nobody wants now is history, and what anybody else may have been refused in the name of its
 * peer is no fault of the tunnel.
 */
export function standingFailures({
  state,
  networks,
  lastFailure,
  degraded,
}: FailureFacts): readonly StandingFailure[] {
  const ofPairs = byFailure(networks.filter(isAmiss))
  if (degraded !== undefined) return [{ failure: degraded, pairs: [] }, ...ofPairs]
  const isPairs =
    lastFailure === undefined || ofPairs.some(({ failure }) => isSame(failure, lastFailure))
  if (isPairs) return ofPairs
  const ofTunnel = { failure: lastFailure, pairs: [] }
  if (state !== 'up') return [ofTunnel]
  return lastFailure.code === REKEY_FAILED ? [ofTunnel, ...ofPairs] : ofPairs
}

/** The first of them. */
export function standingFailure(tunnel: FailureFacts): FailureStatus | undefined {
  return standingFailures(tunnel)[0]?.failure
}

/** Whether a tunnel is up with every network pair that somebody wants: all of them where it is always to be up. */
export function isWhole({
  state,
  start,
  networks,
}: Pick<TunnelStatus, 'state' | 'start' | 'networks'>): boolean {
  const isFine = (pair: NetworkStatus) =>
    pair.state === 'up' || (pair.state === 'idle' && start !== 'always')
  return state === 'up' && networks.every(isFine)
}

/** Each failure once, with all the network pairs that failed of it. */
export function byFailure(networks: readonly NetworkStatus[]): readonly StandingFailure[] {
  const found: { failure: FailureStatus; pairs: NetworkStatus[] }[] = []
  for (const pair of networks) {
    const { failure } = pair
    if (failure === undefined) continue
    const same = found.find((one) => isSame(one.failure, failure))
    if (same === undefined) found.push({ failure, pairs: [pair] })
    else same.pairs.push(pair)
  }
  return found
}

function isAmiss({ state, failure }: NetworkStatus): boolean {
  return state === 'failed' || (state === 'up' && failure?.code === REKEY_FAILED)
}

function isSame(one: FailureStatus, other: FailureStatus): boolean {
  return one.code === other.code && one.summary === other.summary
}

const REKEY_FAILED = 'CW-603'
