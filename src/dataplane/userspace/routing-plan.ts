import { type IpAddress, type IpFamily, ipFamily, ipToBigInt } from '#bytes/ip'
import type { Route } from '#platform/routes'
import type { PortRange, Rule } from '#platform/rules'
import { selectorFromPrefix, type TrafficSelector } from '#policy/traffic-selector'
import { IpProtocol } from '#wire/ip-protocol'
import type { DataPlaneTunnel } from '../port.ts'
import { type Prefix, prefixesOf } from './prefixes.ts'

/** Our own routing table; what a tunnel takes is looked up there before anything else. */
const ROUTING_TABLE = 4500
/** Default routes into tunnels: they count only where the main table knows nothing better. */
const DEFAULT_ROUTE_TABLE = 4501
/** Host routes of peers for the traffic between gateways, where only some of it is protected; rules lead there. */
const HOST_ROUTE_TABLE = 4502
export const ROUTING_TABLES: readonly number[] = [
  ROUTING_TABLE,
  DEFAULT_ROUTE_TABLE,
  HOST_ROUTE_TABLE,
]
/** Who made a route or rule, as the kernel keeps it: by it everything of ours is found again, after a crash too. */
export const ROUTE_PROTOCOL = 201
/** On our own sockets: outer packets go past the table, so that they never loop into a tunnel that covers the peer. */
export const OUTER_MARK = 0xca05

const MAIN_TABLE = 254
const MARKED_RULE_PRIORITY = 4498
const HOST_RULE_PRIORITY = 4499
const RULE_PRIORITY = 4500
const MAIN_RULE_PRIORITY = 4501
const DEFAULT_RULE_PRIORITY = 4502
const METRIC = 50
/** Of the routes that remain when a TUN device is gone with its process: then packets are dropped, never sent in clear. */
const FALLBACK_METRIC = 4_000_000

/** A tunnel whose device exists. */
export type PlannedTunnel = {
  readonly tunnel: DataPlaneTunnel
  readonly link: number
  /** False while a route-based tunnel is down: its routes are withdrawn, so that another one has its turn. */
  readonly takesPackets: boolean
}

/** As the configuration has them, of which `names` are all, whatever was there first or is another lane's: the order decides between two. */
export function inOrder(
  planned: readonly PlannedTunnel[],
  names: Iterable<string>,
): readonly PlannedTunnel[] {
  const places = new Map([...names].map((name, place) => [name, place]))
  const placeOf = ({ tunnel }: PlannedTunnel) => places.get(tunnel.name) ?? places.size
  return planned.toSorted((a, b) => placeOf(a) - placeOf(b))
}

/** The routes that must stand in our tables; nothing else of ours may. `addresses` are the host's own. */
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
  for (const { tunnel, link, takesPackets } of tunnels) {
    for (const { local, prefix, table } of destinationsOf(tunnel)) {
      const source = addresses.find((address) => isOwnIn(local, address))
      const unicast = { type: 'unicast', table, link, metric: METRIC, source } as const
      if (takesPackets) add(routeTo(prefix, unicast))
      add(routeTo(prefix, { type: 'blackhole', table, metric: FALLBACK_METRIC }))
    }
  }
  const pairs = tunnels.flatMap(({ tunnel }) =>
    tunnel.routes === undefined && tunnel.mode === 'tunnel' ? tunnel.pairs : [],
  )
  const isInsideRemote = insideAnyOf(pairs.map(({ remote }) => remote))
  for (const { local } of pairs) {
    if (!isInsideRemote(local)) continue
    for (const prefix of prefixesOf(local)) {
      add(routeTo(prefix, { type: 'throw', table: ROUTING_TABLE, metric: METRIC }))
    }
  }
  return [...routes.values()]
}

/** What makes a route the same one for the kernel. */
export function routeKey({ destination, prefixLength, table, metric }: Route): string {
  return `${destination}/${prefixLength} ${table} ${metric ?? 0}`
}

/**
 * The rules that lead to these routes. All but our own outer packets come to our table first; a default route of ours waits until the
 * main table has had its say on everything narrower.
 */
export function plannedRules(
  family: IpFamily,
  tunnels: readonly PlannedTunnel[],
  routes: readonly Route[],
): readonly Rule[] {
  const leadsTo = (table: number): boolean =>
    routes.some((route) => route.table === table && ipFamily(route.destination) === family)
  const unmarked = {
    family,
    mark: { value: OUTER_MARK, mask: 0xffff_ffff },
    inverted: true,
    protocol: ROUTE_PROTOCOL,
  }
  const rules: Rule[] = tunnels.flatMap(({ tunnel }) => hostRules(tunnel, family))
  if (leadsTo(ROUTING_TABLE)) {
    rules.push({ ...unmarked, priority: RULE_PRIORITY, table: ROUTING_TABLE })
  }
  if (!leadsTo(DEFAULT_ROUTE_TABLE)) return rules
  return [
    ...rules,
    { ...unmarked, priority: MAIN_RULE_PRIORITY, table: MAIN_TABLE, suppressPrefixLength: 0 },
    { ...unmarked, priority: DEFAULT_RULE_PRIORITY, table: DEFAULT_ROUTE_TABLE },
  ]
}

/** Whether a rule found on this host is one that only we make. */
export function isOurRule({ protocol, table, mark }: Rule): boolean {
  if (protocol !== ROUTE_PROTOCOL) return false
  return ROUTING_TABLES.includes(table) || (table === MAIN_TABLE && mark?.value === OUTER_MARK)
}

type Destination = {
  readonly local: TrafficSelector
  readonly prefix: Prefix
  readonly table: number
}

function destinationsOf(tunnel: DataPlaneTunnel): readonly Destination[] {
  const { routes, addresses = [], pairs, mode } = tunnel
  if (routes === undefined) {
    return pairs.flatMap(({ local, remote }) => {
      const table = mode === 'transport' && isNarrow(remote) ? HOST_ROUTE_TABLE : ROUTING_TABLE
      return prefixesOf(remote).map((prefix) => ({ local, prefix, table }))
    })
  }
  const networks = addresses.flatMap(({ address, bits }) => {
    const { start } = selectorFromPrefix(address, bits)
    return start === address && isHost(address, bits) ? [] : [{ address: start, bits }]
  })
  return [...networks, ...routes].flatMap(({ address, bits }) => {
    const prefix = { address, length: bits }
    const table = bits === 0 ? DEFAULT_ROUTE_TABLE : ROUTING_TABLE
    const pair = pairs.find(({ local }) => local.family === ipFamily(address))
    return pair === undefined ? [] : [{ local: pair.local, prefix, table }]
  })
}

function isHost(address: IpAddress, bits: number): boolean {
  return bits === (ipFamily(address) === 4 ? 32 : 128)
}

/** Some of the traffic between two hosts; the rest of it goes its usual way. */
function isNarrow({ protocol }: TrafficSelector): boolean {
  return protocol !== 0
}

/**
 * What of the host's own traffic to the peer is protected. These rules cannot also leave out what bears the mark of our outer packets, so
 * where the two could be taken for each other, the marked ones go to the main table first.
 */
function hostRules({ mode, pairs }: DataPlaneTunnel, family: IpFamily): readonly Rule[] {
  if (mode !== 'transport') return []
  const narrow = pairs.filter(({ remote }) => remote.family === family && isNarrow(remote))
  const rules = narrow.map(({ local, remote }): Rule => {
    const [sourcePorts, destinationPorts] = [portsOf(local), portsOf(remote)]
    return {
      family,
      priority: HOST_RULE_PRIORITY,
      table: HOST_ROUTE_TABLE,
      inverted: false,
      protocol: ROUTE_PROTOCOL,
      destination: remote.start,
      ipProtocol: remote.protocol,
      ...(sourcePorts === undefined ? {} : { sourcePorts }),
      ...(destinationPorts === undefined ? {} : { destinationPorts }),
    }
  })
  const likeOurs: readonly number[] = [IpProtocol.udp, IpProtocol.esp]
  if (!narrow.some(({ remote }) => likeOurs.includes(remote.protocol))) return rules
  return [{ ...markedFirst, family }, ...rules]
}

const markedFirst: Omit<Rule, 'family'> = {
  priority: MARKED_RULE_PRIORITY,
  table: MAIN_TABLE,
  mark: { value: OUTER_MARK, mask: 0xffff_ffff },
  inverted: false,
  protocol: ROUTE_PROTOCOL,
}

/**
 * @returns undefined for every port; also for ranges that end with the last one, which the kernel does not take: what then comes in
 * and is not protected is dropped
 */
function portsOf({ startPort, endPort }: TrafficSelector): PortRange | undefined {
  if (endPort === 0xffff) return undefined
  return { start: Math.max(1, startPort), end: endPort }
}

function routeTo(
  { address, length }: Prefix,
  rest: {
    readonly type: Route['type']
    readonly table: number
    readonly metric: number
    readonly link?: number
    readonly source?: IpAddress | undefined
  },
): Route {
  const { source, ...others } = rest
  return {
    destination: address,
    prefixLength: length,
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

/** Whether a range lies wholly inside one of `ranges`; asking costs a binary search, however many there are. */
function insideAnyOf(ranges: readonly TrafficSelector[]): (range: TrafficSelector) => boolean {
  const sorted = ranges
    .map(({ family, start, end }) => ({ family, start: ipToBigInt(start), end: ipToBigInt(end) }))
    .sort((a, b) => (a.start < b.start ? -1 : 1))
  const byFamily = new Map(
    ([4, 6] as const).map((family) => {
      const own = sorted.filter((range) => range.family === family)
      let furthest = -1n
      const ends = own.map(({ end }) => {
        furthest = end > furthest ? end : furthest
        return furthest
      })
      return [family, { starts: own.map(({ start }) => start), ends }]
    }),
  )
  return ({ family, start, end }) => {
    const { starts = [], ends = [] } = byFamily.get(family) ?? {}
    const first = ipToBigInt(start)
    let [low, high] = [0, starts.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((starts[middle] ?? 0n) <= first) low = middle + 1
      else high = middle
    }
    return low > 0 && (ends[low - 1] ?? -1n) >= ipToBigInt(end)
  }
}
