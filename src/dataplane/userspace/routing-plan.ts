import { type IpAddress, type IpFamily, ipFamily, ipToBigInt } from '#bytes/ip'
import type { Route } from '#platform/routes'
import type { Rule } from '#platform/rules'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { DataPlaneTunnel } from '../port.ts'
import { type Prefix, prefixesOf } from './prefixes.ts'

/** Our own routing table, and the priority of the one rule that leads to it. */
export const ROUTING_TABLE = 4500
/** Who made a route or rule, as the kernel keeps it: by it everything of ours is found again, after a crash too. */
export const ROUTE_PROTOCOL = 201
/** On our own sockets: outer packets go past the table, so that they never loop into a tunnel that covers the peer. */
export const OUTER_MARK = 0xca05

const RULE_PRIORITY = 4500
const METRIC = 50
/** Of the routes that remain when a TUN device is gone with its process: then packets are dropped, never sent in clear. */
const FALLBACK_METRIC = 4_000_000

/** A tunnel whose device exists. */
export type PlannedTunnel = {
  readonly tunnel: DataPlaneTunnel
  readonly link: number
}

/** The routes that must stand in our table; nothing else of ours may. `addresses` are the host's own. */
export function plannedRoutes(
  tunnels: readonly PlannedTunnel[],
  addresses: readonly IpAddress[],
): readonly Route[] {
  const routes = new Map<string, Route>()
  // The first to claim a prefix keeps it, as the first pair that fits takes a packet.
  const add = (route: Route): void => {
    const key = routeKey(route)
    if (!routes.has(key)) routes.set(key, route)
  }
  for (const { tunnel, link } of tunnels) {
    for (const { local, remote } of tunnel.pairs) {
      const source = addresses.find((address) => isOwnIn(local, address))
      for (const prefix of prefixesOf(remote)) {
        add(routeTo(prefix, { type: 'unicast', link, metric: METRIC, source }))
        add(routeTo(prefix, { type: 'blackhole', metric: FALLBACK_METRIC }))
      }
    }
  }
  const pairs = tunnels.flatMap(({ tunnel }) => tunnel.pairs)
  for (const { local } of pairs) {
    if (!pairs.some(({ remote }) => contains(remote, local))) continue
    for (const prefix of prefixesOf(local)) add(routeTo(prefix, { type: 'throw', metric: METRIC }))
  }
  return [...routes.values()]
}

/** What makes a route the same one for the kernel. */
export function routeKey({ destination, prefixLength, metric }: Route): string {
  return `${destination}/${prefixLength} ${metric ?? 0}`
}

/** Everything but our own outer packets is looked up in our table first. */
export function plannedRule(family: IpFamily): Rule {
  return {
    family,
    priority: RULE_PRIORITY,
    table: ROUTING_TABLE,
    mark: { value: OUTER_MARK, mask: 0xffff_ffff },
    inverted: true,
    protocol: ROUTE_PROTOCOL,
  }
}

function routeTo(
  { address, length }: Prefix,
  rest: {
    readonly type: Route['type']
    readonly metric: number
    readonly link?: number
    readonly source?: IpAddress | undefined
  },
): Route {
  const { source, ...others } = rest
  return {
    destination: address,
    prefixLength: length,
    table: ROUTING_TABLE,
    protocol: ROUTE_PROTOCOL,
    ...others,
    ...(source === undefined ? {} : { source }),
  }
}

/** Whether the host's own packets may come from this address. Where every address may, the kernel chooses better than we. */
function isOwnIn(selector: TrafficSelector, address: IpAddress): boolean {
  if (ipFamily(address) !== selector.family || isEverything(selector)) return false
  const value = ipToBigInt(address)
  return ipToBigInt(selector.start) <= value && value <= ipToBigInt(selector.end)
}

function isEverything(selector: TrafficSelector): boolean {
  return prefixesOf(selector)[0]?.length === 0
}

function contains(outer: TrafficSelector, inner: TrafficSelector): boolean {
  return (
    outer.family === inner.family &&
    ipToBigInt(outer.start) <= ipToBigInt(inner.start) &&
    ipToBigInt(inner.end) <= ipToBigInt(outer.end)
  )
}
