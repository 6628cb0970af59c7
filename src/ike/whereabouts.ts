import type { IpAddress } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { IkeSaSet } from './ike-sa-set.ts'
import type { IkeSa } from './version.ts'

/** Whether the peer may come from anywhere. */
export function roams({ peer, peerMoves }: TunnelConfig): boolean {
  return peer === 'any' || peerMoves === 'allow'
}

/** Whether this is where the tunnel's peer is, or was seen. */
export function talksTo(
  { config, ikeSas }: { readonly config: TunnelConfig; readonly ikeSas: IkeSaSet },
  address: IpAddress,
): boolean {
  return config.peer === address || ikeSas.all.some(({ remote }) => remote.address === address)
}

/**
 * Takes an SA away from all tunnels but one: where several take a peer from anywhere, it stands with the first until its identity tells which of
 * them it is for.
 * @returns those that had it
 */
export function leave<T extends { readonly ikeSas: IkeSaSet }>(
  tunnels: Iterable<T>,
  sa: IkeSa,
  but?: T,
): readonly T[] {
  return [...tunnels].filter((one) => one !== but && one.ikeSas.remove(sa))
}

/**
 * What peers have begun, may turn out to be for one of the tunnels that are gone, and has not yet: in Main mode the peer says with message 5 who
 * it is, and would be measured by what no longer holds.
 */
export function undecided(
  tunnels: Iterable<{ readonly ikeSas: IkeSaSet }>,
  gone: readonly TunnelConfig[],
): readonly IkeSa[] {
  return [...tunnels]
    .flatMap(({ ikeSas }) => ikeSas.halfOpen)
    .filter(({ remote }) => gone.some((one) => roams(one) || one.peer === remote.address))
}
