import { type IpAddress, ipFamily } from '#bytes/ip'
import { SystemError } from './errno.ts'
import type { Netlink } from './netlink.ts'
import { Attributes, NetlinkRequest } from './netlink-message.ts'
import { AF_INET, AF_INET6 } from './socket-address.ts'

/** A packet the kernel is asked about; with `inputLink` one that came in by that device and is to be forwarded. */
export type RoutedPacket = {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly inputLink?: number | undefined
  /** Rules may choose by them. */
  readonly protocol?: number
  readonly destinationPort?: number
}

/** What the kernel would do with it. */
export type Decision =
  | {
      readonly kind: 'leads'
      readonly link: number
      /** For this host itself. */
      readonly local: boolean
      readonly gateway?: IpAddress
      readonly source?: IpAddress
      /** The route that decided, where the kernel tells. */
      readonly prefix?:
        | { readonly address: IpAddress; readonly bits: number }
        | 'default'
        | undefined
    }
  /** EXDEV: source validation; EHOSTUNREACH: not forwarded, or an unreachable route; EINVAL: a blackhole; ENETUNREACH: no route. */
  | { readonly kind: 'refused'; readonly errno: number }

/** Asks the kernel, which looks at rules, tables, forwarding and source validation as it would for the packet itself. */
export function decideRoute(netlink: Netlink, packet: RoutedPacket): Decision {
  const answer = ask(netlink, packet, 0)
  if (answer.kind === 'refused' || answer.local) return answer
  // The same again for the route rather than what follows from it; kernels before 4.13 do not tell.
  const matched = ask(netlink, packet, RTM_F_FIB_MATCH)
  return matched.kind === 'leads' ? { ...answer, prefix: matched.prefix } : answer
}

function ask(netlink: Netlink, packet: RoutedPacket, flags: number): Decision {
  const { source, destination, inputLink, protocol, destinationPort } = packet
  const family = ipFamily(destination)
  const bits = family === 4 ? 32 : 128
  const header = new Uint8Array(RTMSG_OCTETS)
  header[0] = family === 4 ? AF_INET : AF_INET6
  header[1] = bits
  header[2] = bits
  new DataView(header.buffer).setUint32(8, flags, true)
  const request = new NetlinkRequest(RTM_GETROUTE, 0, header)
  request.address(RTA_DST, destination).address(RTA_SRC, source)
  if (inputLink !== undefined) request.uint32(RTA_IIF, inputLink)
  if (protocol !== undefined && KERNEL_ASKS.has(protocol)) {
    request.uint8(RTA_IP_PROTO, protocol)
    if (destinationPort !== undefined && destinationPort > 0)
      request.attribute(RTA_DPORT, Uint8Array.of(destinationPort >>> 8, destinationPort & 0xff))
  }
  try {
    const [answer] = netlink.request(request, 'find route', `from ${source} to ${destination}`)
    if (answer === undefined) return { kind: 'refused', errno: 0 }
    return read(answer.body, flags === RTM_F_FIB_MATCH)
  } catch (error) {
    if (error instanceof SystemError) return { kind: 'refused', errno: error.errno }
    throw error
  }
}

/** @param isRoute whether it is a route of a table, and not what came of it for one address */
function read(body: Uint8Array, isRoute: boolean): Decision {
  const type = body[7]
  const attributes = new Attributes(body, RTMSG_OCTETS)
  const link = attributes.uint32(RTA_OIF)
  if (type === RTN_LOCAL) return { kind: 'leads', link: link ?? 0, local: true }
  if (type !== RTN_UNICAST || link === undefined) {
    return { kind: 'refused', errno: type === undefined ? 0 : (REFUSALS[type] ?? 0) }
  }
  const gateway = attributes.address(RTA_GATEWAY)
  const source = attributes.address(RTA_PREFSRC)
  const address = attributes.address(RTA_DST)
  const prefix = address === undefined ? 'default' : { address, bits: body[1] ?? 0 }
  return {
    kind: 'leads',
    link,
    local: false,
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
    ...(isRoute ? { prefix } : {}),
  }
}

const RTMSG_OCTETS = 12
const RTM_GETROUTE = 26
const RTM_F_FIB_MATCH = 0x2000
const RTA_DST = 1
const RTA_SRC = 2
const RTA_IIF = 3
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PREFSRC = 7
const RTA_IP_PROTO = 27
const RTA_DPORT = 29
const RTN_UNICAST = 1
const RTN_LOCAL = 2
/** What the kernel would fail with, by type of route: blackhole, unreachable, prohibit. */
const REFUSALS: Readonly<Record<number, number>> = { 6: 22, 7: 113, 8: 13 }
/** Others than TCP, UDP and ICMP it refuses to be asked for. */
const KERNEL_ASKS: ReadonlySet<number> = new Set([1, 6, 17])
