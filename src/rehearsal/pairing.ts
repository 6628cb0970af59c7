import { type IpAddress, ip, ipFamily } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { atAddress } from '#config/peer-name'
import { isAwaited } from '#ikev1/auth'
import { addressOfPeer } from '#policy/peer-address'
import { equalSelectorPair, mirror } from '#policy/traffic-selector'
import type { Side } from './rehearsal.ts'

/** Who sits behind a NAT: its peer then knows another address of it than it does itself. */
export type NatSides = 'none' | Side | 'both'

/** A tunnel of one file and the one of the other that it would meet. */
export type Meeting = {
  readonly a: TunnelConfig
  readonly b: TunnelConfig
  /** Whether each calls the other where it is. */
  readonly addresses: 'fit' | 'differ'
}

/**
 * Host names are not looked up: one leads to the other end that suits the tunnel best, as it would where both run; behind a NAT, to the
 * NAT. One that no other end suits stays as it is.
 */
export function withNamesMet(
  tunnels: readonly TunnelConfig[],
  ofOtherEnd: readonly TunnelConfig[],
  otherIsBehindNat: boolean,
): readonly TunnelConfig[] {
  return tunnels.map((tunnel) => {
    if (tunnel.peer !== 'unresolved') return tunnel
    const [other] = ofOtherEnd
      .filter(
        (one) => one !== tunnel && (one.peer === tunnel.local || addressOfPeer(one) === undefined),
      )
      .toSorted((one, two) => likeness(tunnel, two) - likeness(tunnel, one))
    if (other === undefined) return tunnel
    return atAddress(tunnel, otherIsBehindNat ? outsideAddress(other) : other.local)
  })
}

/** Of a NAT whose address no file says: one for documentation. */
export function outsideAddress({ local }: TunnelConfig): IpAddress {
  return ipFamily(local) === 4 ? ip('192.0.2.99') : ip('2001:db8::99')
}

/** @returns each tunnel at most once. Meetings in which only one side finds the other are given only when there is no better. */
export function meetings(
  ofA: readonly TunnelConfig[],
  ofB: readonly TunnelConfig[],
  nat: NatSides,
): readonly Meeting[] {
  const candidates = ofA.flatMap((a) =>
    ofB.flatMap((b) => {
      const meeting = meetingOf(a, b, nat)
      return meeting === undefined ? [] : [meeting]
    }),
  )
  const fitting = candidates.filter(({ addresses }) => addresses === 'fit')
  return eachOnce(fitting.length > 0 ? fitting : candidates)
}

/** @returns undefined where neither side calls the other's address. */
export function meetingOf(
  a: TunnelConfig,
  b: TunnelConfig,
  nat: NatSides,
): (Meeting & { readonly likeness: number }) | undefined {
  if (a === b) return undefined
  const fromA = fit(a, b, nat === 'b' || nat === 'both')
  const fromB = fit(b, a, nat === 'a' || nat === 'both')
  if (fromA !== 2 && fromB !== 2 && nat !== 'both') return undefined
  if (a.peer === 'any' && b.peer === 'any') return undefined
  const addresses = fromA > 0 && fromB > 0 ? 'fit' : 'differ'
  return { a, b, addresses, likeness: 10 * (fromA + fromB) + likeness(a, b) }
}

/** 2 for the very address, 1 for one that may be behind it. */
function fit(from: TunnelConfig, to: TunnelConfig, toIsBehindNat: boolean): 0 | 1 | 2 {
  if (from.peer === to.local) return 2
  return from.peer === 'any' || toIsBehindNat ? 1 : 0
}

/** What tells tunnels between the same addresses apart. */
function likeness(a: TunnelConfig, b: TunnelConfig): number {
  const likenesses = [
    isAwaited(a, b.localId),
    isAwaited(b, a.localId),
    a.authentication.kind === b.authentication.kind,
    a.ike === b.ike,
    a.networks.some((pair) => b.networks.some((other) => equalSelectorPair(pair, mirror(other)))),
  ]
  return likenesses.filter(Boolean).length
}

function eachOnce(
  candidates: readonly (Meeting & { readonly likeness: number })[],
): readonly Meeting[] {
  const taken = new Set<TunnelConfig>()
  const best = candidates.toSorted((one, other) => other.likeness - one.likeness)
  const met = best.flatMap(({ a, b, addresses }) => {
    if (taken.has(a) || taken.has(b)) return []
    taken.add(a).add(b)
    return [{ a, b, addresses }]
  })
  const order = candidates.map(({ a }) => a)
  return met.toSorted((one, other) => order.indexOf(one.a) - order.indexOf(other.a))
}
