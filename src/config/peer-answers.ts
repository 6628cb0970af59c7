import { type IpAddress, ipFamily } from '#bytes/ip'
import type { TunnelConfig } from './config.ts'
import { isLoopback, noHost } from './host-address.ts'

/** Why a tunnel does not call an address that its peer's name leads to. */
export type Unfit =
  | { readonly kind: 'other-version' | 'ours' }
  /** `what` it is instead, in words. */
  | { readonly kind: 'no-host'; readonly what: string }

/** @param tunnels all of the configuration */
export function callable(
  tunnel: TunnelConfig,
  answers: readonly IpAddress[],
  tunnels: readonly TunnelConfig[],
): readonly IpAddress[] {
  return answers.filter((one) => unfit(tunnel, one, tunnels) === undefined)
}

/** What the file would refuse as `peer` is no better as an answer of a name server, which is nobody to be trusted. */
export function unfit(
  tunnel: TunnelConfig,
  answer: IpAddress,
  tunnels: readonly TunnelConfig[],
): Unfit | undefined {
  if (ipFamily(answer) !== ipFamily(tunnel.local)) return { kind: 'other-version' }
  const what = noHost(answer)
  if (what !== undefined) return { kind: 'no-host', what }
  if (isLoopback(answer) && !isLoopback(tunnel.local)) return { kind: 'ours' }
  if (tunnels.some(({ local }) => local === answer)) return { kind: 'ours' }
  return undefined
}
