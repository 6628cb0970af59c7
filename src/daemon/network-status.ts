import type { Config, TunnelConfig } from '#config/config'
import type { TunnelState } from '#control/schema'
import type { FailureStatus, NetworkStatus, Timestamp } from '#control/status'
import { positionOf } from '#diagnosis/failure-text'
import type { Instant } from '#ike/effects'
import type { Failure, TunnelSnapshot } from '#ike/events'
import { formatSelector } from '#policy/traffic-selector'
import type { Clock } from './clock.ts'

/** Every network pair of the configuration; of a tunnel that no engine knows all are idle. */
export function networkStatuses(
  tunnel: TunnelConfig,
  snapshot: TunnelSnapshot | undefined,
  time: (at: Instant) => Timestamp,
): readonly NetworkStatus[] {
  return tunnel.networks.map(({ local, remote }, pair) => {
    const { state, failure, retryAt } = snapshot?.pairs[pair] ?? { state: 'idle' }
    return {
      local: formatSelector(local),
      remote: formatSelector(remote),
      state,
      ...(retryAt === undefined ? {} : { retryAt: time(retryAt) }),
      ...(failure === undefined ? {} : { failure: failureStatus(failure, tunnel) }),
    }
  })
}

/** What a command answers: how the tunnels stood before it. */
export function tunnelStates(
  snapshots: readonly TunnelSnapshot[],
  { tunnels }: Config,
  clock: Clock,
): readonly TunnelState[] {
  const time = (at: Instant) => clock.wall(at).toISOString()
  const byName = new Map(tunnels.map((tunnel) => [tunnel.name, tunnel]))
  return snapshots.flatMap((snapshot) => {
    const { tunnel, state, since } = snapshot
    const config = byName.get(tunnel)
    if (config === undefined) return []
    const networks = networkStatuses(config, snapshot, time)
    return [{ tunnel, state, since: time(since), networks }]
  })
}

export function failureStatus(failure: Failure, tunnel: TunnelConfig): FailureStatus {
  const { key, ...told } = failure
  const line = positionOf({ key }, tunnel)
  return { ...told, ...(line === undefined ? {} : { line }) }
}
