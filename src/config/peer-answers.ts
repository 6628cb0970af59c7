import { type IpAddress, ipFamily } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import { addressOfPeer } from '#policy/peer-address'
import type { Config, TunnelConfig } from './config.ts'
import { isLoopback, noHost } from './host-address.ts'
import { atAddress } from './peer-name.ts'

/** Why a tunnel does not call an address that its peer's name leads to. */
export type Unfit =
  | { readonly kind: 'other-version' | 'ours' }
  /** `what` it is instead, in words. */
  | { readonly kind: 'no-host'; readonly what: string }
  | { readonly kind: 'of-another'; readonly tunnel: string }

/** Where the name of a tunnel leads, where it led before, and whether it may be left for another address now. */
export type NameState = {
  readonly answers: readonly IpAddress[]
  readonly present: IpAddress | undefined
  readonly mayMove: boolean
}

/**
 * The address each tunnel with a name takes, by the tunnel's name. Those that stay where they are come first: nobody drives them away by
 * what his own name leads to. The others follow in the order of the file.
 */
export function addressesTaken(
  { tunnels }: Config,
  stateOf: (tunnel: TunnelConfig) => NameState,
): ReadonlyMap<string, IpAddress> {
  const placed = tunnels.map((tunnel) =>
    tunnel.peerName === undefined ? tunnel : { ...tunnel, peer: 'unresolved' as const },
  )
  const taken = new Map<string, IpAddress>()
  const take = (pick: (state: NameState, tunnel: TunnelConfig) => IpAddress | undefined) => {
    for (const [at, tunnel] of placed.entries()) {
      if (tunnel.peerName === undefined || taken.has(tunnel.name)) continue
      const address = pick(stateOf(tunnel), tunnel)
      if (address === undefined) continue
      placed[at] = atAddress(tunnel, address)
      taken.set(tunnel.name, address)
    }
  }
  take(({ present, mayMove }) => (mayMove ? undefined : present))
  take(({ present, answers }, tunnel) => {
    if (present === undefined || !answers.includes(present)) return undefined
    return callable(tunnel, [present], placed)[0]
  })
  take(({ answers, mayMove }, tunnel) =>
    mayMove ? callable(tunnel, answers, placed)[0] : undefined,
  )
  return taken
}

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
  const other = tunnels.find((one) => isMistakenFor(one, tunnel, answer))
  return other && { kind: 'of-another', tunnel: other.name }
}

/**
 * In Main mode with a pre-shared key a peer is known by its address alone (RFC 2409 §5.4): with two tunnels for one, the first would answer
 * in the place of the other. As in the file, two that are both written as names may share a key and lead to one gateway.
 */
function isMistakenFor(other: TunnelConfig, tunnel: TunnelConfig, answer: IpAddress): boolean {
  if (other.name === tunnel.name || other.local !== tunnel.local) return false
  if (addressOfPeer(other) !== answer) return false
  const [key, otherKey] = [keyByAddress(tunnel), keyByAddress(other)]
  if (key === undefined || otherKey === undefined) return false
  return other.peerName === undefined || !key.equals(otherKey)
}

function keyByAddress({ ike, authentication }: TunnelConfig): Secret | undefined {
  return ike === 'v1-main' && authentication.kind === 'psk' ? authentication.psk : undefined
}
