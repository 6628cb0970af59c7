import { poolsLargeEnough } from './address-pools.ts'
import { anyCertificate, oneKeyForAll, sharedAuthorities, sharedKey } from './anyone-rules.ts'
import {
  oneAuthentication,
  oneIdentity,
  ownCertificate,
  ownIdentity,
  shortRsaKeys,
  trustedCertificates,
} from './certificate-rules.ts'
import {
  aggressiveMode,
  anywherePairs,
  anywherePeer,
  gatewayPairs,
  movingPeer,
  ownAddress,
  peerIdentity,
  sentIdentity,
} from './gateway-rules.ts'
import type { ConfigProblem } from './problem.ts'
import { deadPeer, lifetimes, quirks, replayProtection, weakAlgorithms } from './strength-rules.ts'
import {
  interfaceAddress,
  interfaceMtu,
  interfaceNames,
  networksInTransport,
  networksWritten,
  overlapsBetweenTunnels,
  overlapsInTunnel,
  pairsAgainstGateways,
  routesInTunnel,
  watchedHost,
} from './traffic-rules.ts'
import type { TunnelSource } from './tunnel-source.ts'
import {
  assignedNetworks,
  certificateParts,
  givenAddress,
  modeConfigKeys,
  xauthKeys,
  xauthWithRsa,
} from './xauth-rules.ts'

/** A rule between keys of one tunnel. What could not be read is absent, and a rule that needs it says nothing. */
export type Rule = (tunnel: TunnelSource) => readonly ConfigProblem[]

/** A rule between tunnels: says under the later one what it has against the earlier. */
export type CrossRule = (
  tunnels: readonly TunnelSource[],
) => readonly (readonly [TunnelSource, ConfigProblem])[]

const RULES: readonly Rule[] = [
  oneAuthentication,
  oneIdentity,
  ownIdentity,
  ownCertificate,
  trustedCertificates,
  shortRsaKeys,
  aggressiveMode,
  anywherePeer,
  anyCertificate,
  sharedKey,
  movingPeer,
  peerIdentity,
  sentIdentity,
  ownAddress,
  certificateParts,
  xauthKeys,
  xauthWithRsa,
  modeConfigKeys,
  assignedNetworks,
  givenAddress,
  networksWritten,
  networksInTransport,
  overlapsInTunnel,
  pairsAgainstGateways,
  interfaceMtu,
  interfaceAddress,
  routesInTunnel,
  watchedHost,
  weakAlgorithms,
  lifetimes,
  deadPeer,
  replayProtection,
  quirks,
]

const CROSS_RULES: readonly CrossRule[] = [
  poolsLargeEnough,
  gatewayPairs,
  anywherePairs,
  oneKeyForAll,
  sharedAuthorities,
  overlapsBetweenTunnels,
  interfaceNames,
]

/** What is wrong between keys that are each right. */
export function checkTunnels(
  tunnels: readonly TunnelSource[],
): ReadonlyMap<TunnelSource, readonly ConfigProblem[]> {
  const found = new Map(tunnels.map((tunnel) => [tunnel, RULES.flatMap((rule) => rule(tunnel))]))
  for (const rule of CROSS_RULES) {
    for (const [tunnel, problem] of rule(tunnels)) found.get(tunnel)?.push(problem)
  }
  return found
}
