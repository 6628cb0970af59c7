import { type IpAddress, ipFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { IpProtocol } from '#wire/ip-protocol'
import type { DataPlaneTunnel } from '../port.ts'
import { prefixesOf } from './prefixes.ts'

/** Between which addresses an echo goes through a tunnel, and how far beyond the other gateway. */
export type ProbeEnds = {
  readonly source: IpAddress
  readonly target: IpAddress
  readonly hops: number
}

/** An SA as it was agreed on, and the addresses of its outer packets. */
export type ProbedSa = {
  readonly selectors: SelectorPair
  readonly local: IpAddress
  readonly remote: IpAddress
}

/**
 * Whom to ask through a tunnel, whatever the other end is made by: a packet that may go no further than the next router is answered by
 * the other gateway itself, if it has the address or by saying that the packet's life ended there, and disturbs nobody behind it.
 * @param own this host's addresses
 * @returns undefined where the selectors leave no such question
 */
export function probeEnds(
  tunnel: DataPlaneTunnel,
  sa: ProbedSa,
  own: readonly IpAddress[],
): ProbeEnds | undefined {
  const { local, remote } = sa.selectors
  if (!takesEcho(local) || !takesEcho(remote)) return undefined
  if (tunnel.mode === 'transport') return { source: sa.local, target: sa.remote, hops: 1 }
  const target = targetOf(tunnel, sa)
  const source = target === undefined ? undefined : sourceOf(tunnel, sa, own)
  return target === undefined || source === undefined ? undefined : { source, target, hops: 1 }
}

function targetOf(tunnel: DataPlaneTunnel, sa: ProbedSa): IpAddress | undefined {
  const { remote } = sa.selectors
  const opposite = (tunnel.addresses ?? []).flatMap(({ address, bits }) => otherEnd(address, bits))
  return (
    opposite.find((address) => isIn(remote, address)) ??
    (isIn(remote, sa.remote) ? sa.remote : firstHost(remote))
  )
}

/** Our own where we have one there; else any of the network is as good, since the answer ends here, before it is delivered. */
function sourceOf(
  tunnel: DataPlaneTunnel,
  sa: ProbedSa,
  own: readonly IpAddress[],
): IpAddress | undefined {
  const { local } = sa.selectors
  const ofInterface = (tunnel.addresses ?? []).map(({ address }) => address)
  const routed = ofInterface.find((address) => isIn(local, address))
  // Of everything only the interface's own addresses are sure to be answered into the tunnel.
  if (routed !== undefined || isEverything(local)) return routed
  return own.find((address) => isIn(local, address)) ?? firstHost(local)
}

function takesEcho({ family, protocol, startPort, endPort }: TrafficSelector): boolean {
  const icmp = family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6
  return (protocol === 0 || protocol === icmp) && startPort === 0 && endPort === 0xffff
}

/** Of a network of two hosts (RFC 3021, RFC 6164, and those with a network address). */
function otherEnd(address: IpAddress, bits: number): readonly IpAddress[] {
  const family = ipFamily(address)
  const hostBits = (family === 4 ? 32 : 128) - bits
  const value = ipToBigInt(address)
  if (hostBits === 1) return [ipFromBigInt(value ^ 1n, family)]
  const within = value & 3n
  return hostBits === 2 && within !== 0n && within !== 3n ? [ipFromBigInt(value ^ 3n, family)] : []
}

/** Many gateways have it themselves. */
function firstHost(selector: TrafficSelector): IpAddress | undefined {
  if (isEverything(selector)) return undefined
  const start = ipToBigInt(selector.start)
  const skip = ipToBigInt(selector.end) - start > 1n ? 1n : 0n
  return ipFromBigInt(start + skip, selector.family)
}

function isIn(selector: TrafficSelector, address: IpAddress): boolean {
  if (ipFamily(address) !== selector.family) return false
  const value = ipToBigInt(address)
  return ipToBigInt(selector.start) <= value && value <= ipToBigInt(selector.end)
}

function isEverything(selector: TrafficSelector): boolean {
  return prefixesOf(selector)[0]?.length === 0
}
