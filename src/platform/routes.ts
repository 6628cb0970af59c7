import { type IpAddress, type IpFamily, ip, ipFamily } from '#bytes/ip'
import {
  EACCES,
  EHOSTUNREACH,
  EINVAL,
  ENETDOWN,
  ENETUNREACH,
  ENODEV,
  ENOENT,
  ESRCH,
  SystemError,
} from './errno.ts'
import { linkByIndex } from './links.ts'
import { type Netlink, NLM_F_CREATE, NLM_F_REPLACE } from './netlink.ts'
import { Attributes, type NetlinkMessage, NetlinkRequest } from './netlink-message.ts'
import { AF_INET, AF_INET6 } from './socket-address.ts'

/** `blackhole` drops silently; `throw` ends the search in this table and goes on with the next rule. */
export type RouteType = 'unicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw'

export type Route = {
  /** The network's first address. */
  readonly destination: IpAddress
  readonly prefixLength: number
  readonly table: number
  readonly type: RouteType
  /** Who made it, 0…255 (`/etc/iproute2/rt_protos`); ours are found again by it. */
  readonly protocol: number
  /** Interface index; absent with a type that leads nowhere. */
  readonly link?: number
  readonly gateway?: IpAddress
  /** Lower is preferred. Absent means 0 on IPv4, and 1024 on IPv6, which is then listed. */
  readonly metric?: number
  /** Address that this host's own packets get. */
  readonly source?: IpAddress
  readonly mtu?: number
}

/** How a packet of this host would leave. */
export type Path = {
  readonly link: number
  readonly source: IpAddress | undefined
  readonly gateway: IpAddress | undefined
  /** What the path is known to take: a route's or a learned value, else the interface's. */
  readonly mtu: number
}

/**
 * Adds it, or replaces the route with the same destination, table and metric. Into a device that has just gone there is none to lay, and
 * that is no error.
 */
export function replaceRoute(netlink: Pick<Netlink, 'request'>, route: Route): void {
  const request = encodeRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route, scopeOf(route))
  const { gateway, source, mtu } = route
  if (gateway !== undefined) request.address(RTA_GATEWAY, gateway)
  if (source !== undefined) request.address(RTA_PREFSRC, source)
  if (mtu !== undefined) request.nested(RTA_METRICS, (inner) => inner.uint32(RTAX_MTU, mtu))
  try {
    netlink.request(request, 'add route', describe(route))
  } catch (error) {
    const { link } = route
    const maybeGone = error instanceof SystemError && [ENODEV, ENETDOWN].includes(error.errno)
    if (!maybeGone || link === undefined || linkByIndex(netlink, link) !== undefined) throw error
  }
}

/** By destination, table, type, protocol, metric and device. A route that is gone already is no error. */
export function removeRoute(netlink: Netlink, route: Route): void {
  try {
    const request = encodeRoute(RTM_DELROUTE, 0, route, RT_SCOPE_NOWHERE)
    netlink.request(request, 'remove route', describe(route))
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== ESRCH) throw error
  }
}

/** All of one table, or those in it that `protocol` made. */
export function listRoutes(
  netlink: Netlink,
  family: IpFamily,
  table: number,
  protocol?: number,
): Route[] {
  const request = new NetlinkRequest(RTM_GETROUTE, 0, header({ family, protocol: protocol ?? 0 }))
  request.uint32(RTA_TABLE, table)
  return dumpRoutes(netlink, request).filter(
    (route) => route.table === table && (protocol === undefined || route.protocol === protocol),
  )
}

/** The kernel's choice for a packet to `address` with this mark. @returns undefined when there is no way. */
export function routeTo(netlink: Netlink, address: IpAddress, mark = 0): Path | undefined {
  const family = ipFamily(address)
  const prefixLength = family === 4 ? 32 : 128
  const request = new NetlinkRequest(RTM_GETROUTE, 0, header({ family, prefixLength }))
  request.address(RTA_DST, address)
  if (mark !== 0) request.uint32(RTA_MARK, mark)
  const answer = lookUp(netlink, request, address)
  const type = answer?.body[7]
  if (answer === undefined || (type !== RTN_UNICAST && type !== RTN_LOCAL)) return undefined
  const attributes = new Attributes(answer.body, HEADER_OCTETS)
  const link = attributes.uint32(RTA_OIF)
  if (link === undefined) return undefined
  const mtu = attributes.nested(RTA_METRICS)?.uint32(RTAX_MTU)
  return {
    link,
    source: attributes.address(RTA_PREFSRC),
    gateway: attributes.address(RTA_GATEWAY),
    mtu: mtu ?? linkByIndex(netlink, link)?.mtu ?? 0,
  }
}

function lookUp(
  netlink: Netlink,
  request: NetlinkRequest,
  address: IpAddress,
): NetlinkMessage | undefined {
  try {
    return netlink.request(request, 'find route', `to ${address}`)[0]
  } catch (error) {
    // Nowhere, unreachable, blackhole, prohibit: each type of route fails in its own way.
    const nowhere = [ENETUNREACH, EHOSTUNREACH, EINVAL, EACCES]
    if (error instanceof SystemError && nowhere.includes(error.errno)) return undefined
    throw error
  }
}

function dumpRoutes(netlink: Netlink, request: NetlinkRequest): Route[] {
  try {
    return netlink.dump(request, 'list routes').flatMap(({ body }) => decodeRoute(body) ?? [])
  } catch (error) {
    // A table without routes does not exist.
    if (error instanceof SystemError && error.errno === ENOENT) return []
    throw error
  }
}

function encodeRoute(type: number, flags: number, route: Route, scope: number): NetlinkRequest {
  const { destination, prefixLength, protocol } = route
  const request = new NetlinkRequest(
    type,
    flags,
    header({
      family: ipFamily(destination),
      prefixLength,
      protocol,
      scope,
      type: ROUTE_TYPES[route.type],
    }),
  )
  request.address(RTA_DST, destination).uint32(RTA_TABLE, route.table)
  if (route.link !== undefined) request.uint32(RTA_OIF, route.link)
  if (route.metric !== undefined) request.uint32(RTA_PRIORITY, route.metric)
  return request
}

/** @returns undefined for types we neither make nor care about (local, broadcast, multicast). */
function decodeRoute(body: Uint8Array): Route | undefined {
  const type = ROUTE_TYPE_NAMES.get(body[7] ?? 0)
  if (type === undefined) return undefined
  const attributes = new Attributes(body, HEADER_OCTETS)
  const any = body[0] === AF_INET ? ANY_IPV4 : ANY_IPV6
  // IPv6 shows routes to nowhere as leading to the loopback device.
  const link = type === 'unicast' ? attributes.uint32(RTA_OIF) : undefined
  const gateway = attributes.address(RTA_GATEWAY)
  const metric = attributes.uint32(RTA_PRIORITY)
  const source = attributes.address(RTA_PREFSRC)
  const mtu = attributes.nested(RTA_METRICS)?.uint32(RTAX_MTU)
  return {
    destination: attributes.address(RTA_DST) ?? any,
    prefixLength: body[1] ?? 0,
    table: attributes.uint32(RTA_TABLE) ?? body[4] ?? 0,
    type,
    protocol: body[5] ?? 0,
    ...(link === undefined ? {} : { link }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(metric === undefined ? {} : { metric }),
    ...(source === undefined ? {} : { source }),
    ...(mtu === undefined ? {} : { mtu }),
  }
}

/** Straight into a device is of scope link; through a gateway, or to nowhere, of scope universe. */
function scopeOf({ type, gateway }: Route): number {
  return type === 'unicast' && gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE
}

function describe({ destination, prefixLength, table, type }: Route): string {
  const kind = type === 'unicast' ? '' : `${type} `
  return `${kind}${destination}/${prefixLength} in table ${table}`
}

/** `struct rtmsg`: family 0, destination length 1, source length 2, tos 3, table 4, protocol 5, scope 6, type 7, flags 8. */
function header(fields: {
  readonly family: IpFamily
  readonly prefixLength?: number
  readonly protocol?: number
  readonly scope?: number
  readonly type?: number
}): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS)
  octets[0] = fields.family === 4 ? AF_INET : AF_INET6
  octets[1] = fields.prefixLength ?? 0
  octets[5] = fields.protocol ?? 0
  octets[6] = fields.scope ?? 0
  octets[7] = fields.type ?? 0
  return octets
}

const ANY_IPV4 = ip('0.0.0.0')
const ANY_IPV6 = ip('::')

const HEADER_OCTETS = 12
const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const RTM_GETROUTE = 26
const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_PREFSRC = 7
const RTA_METRICS = 8
const RTA_TABLE = 15
const RTA_MARK = 16
const RTAX_MTU = 2
const RTN_UNICAST = 1
const RTN_LOCAL = 2
const RT_SCOPE_UNIVERSE = 0
const RT_SCOPE_LINK = 253
const RT_SCOPE_NOWHERE = 255
const ROUTE_TYPES: Readonly<Record<RouteType, number>> = {
  unicast: RTN_UNICAST,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
}
const ROUTE_TYPE_NAMES: ReadonlyMap<number, RouteType> = new Map(
  (Object.keys(ROUTE_TYPES) as RouteType[]).map((name) => [ROUTE_TYPES[name], name]),
)
