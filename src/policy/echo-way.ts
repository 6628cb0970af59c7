import { type IpAddress, ipFamily } from '#bytes/ip'
import { IP_PROTOCOLS } from './ip-protocol.ts'
import {
  covers,
  matchesPacket,
  type SelectorPair,
  selectorFromPrefix,
  type TrafficSelector,
} from './traffic-selector.ts'

/** Whether ICMP echoes of this address, on this side, belong to what the selector takes. */
export function carriesEcho(selector: TrafficSelector, address: IpAddress): boolean {
  const protocol = IP_PROTOCOLS.get(ipFamily(address) === 4 ? 'icmp' : 'icmpv6') ?? 0
  return matchesPacket(selector, address, protocol, 0)
}

/**
 * From which address a host behind the other gateway can be asked so that its answer comes back through the tunnel.
 *
 * @param ofInterface addresses of the tunnel's interface
 * @param own all addresses of this host
 */
export function echoSource(
  pairs: readonly SelectorPair[],
  target: IpAddress,
  ofInterface: readonly IpAddress[],
  own: readonly IpAddress[],
): IpAddress | undefined {
  for (const { local, remote } of pairs) {
    if (!carriesEcho(remote, target)) continue
    // Where all addresses are ours by the selector, only the interface's own are sure to be answered into the tunnel.
    const candidates = isEverything(local) ? ofInterface : [...ofInterface, ...own]
    const source = candidates.find((address) => carriesEcho(local, address))
    if (source !== undefined) return source
  }
  return undefined
}

export function isEverything(selector: TrafficSelector): boolean {
  return covers(selector, selectorFromPrefix(selector.start, 0))
}
