import { type IpFamily, ipFamily } from '#bytes/ip'
import { listAddresses } from '#platform/addresses'
import { SystemError } from '#platform/errno'
import { type Netlink, withNetlink } from '#platform/netlink'
import { listRoutes, type Route, removeRoute, replaceRoute } from '#platform/routes'
import { addRule, listRules, type Rule, removeRule } from '#platform/rules'
import {
  isOurRule,
  type PlannedTunnel,
  plannedRoutes,
  plannedRules,
  ROUTE_PROTOCOL,
  ROUTING_TABLES,
  routeKey,
} from './routing-plan.ts'

const FAMILIES: readonly IpFamily[] = [4, 6]

/**
 * Makes our routing table and rule say what the tunnels need, whatever stood there: what is right stays untouched, what is left of
 * an earlier run goes. With no tunnels nothing of ours remains. @throws SystemError
 */
export function reconcileRouting(tunnels: readonly PlannedTunnel[]): void {
  withNetlink((netlink) => {
    const addresses =
      tunnels.length === 0 ? [] : listAddresses(netlink).map(({ address }) => address)
    const planned = plannedRoutes(tunnels, addresses)
    for (const family of FAMILIES) {
      const wanted = planned.filter(({ destination }) => ipFamily(destination) === family)
      reconcileRoutes(netlink, family, wanted)
      reconcileRules(netlink, family, plannedRules(family, tunnels, wanted))
    }
  })
}

function reconcileRoutes(netlink: Netlink, family: IpFamily, wanted: readonly Route[]): void {
  const present = ROUTING_TABLES.flatMap((table) =>
    ifFamilyExists(() => listRoutes(netlink, family, table, ROUTE_PROTOCOL)),
  )
  const wantedByKey = new Map(wanted.map((route) => [routeKey(route), route]))
  for (const route of present) {
    const same = wantedByKey.get(routeKey(route))
    if (same === undefined || !isSame(same, route)) removeRoute(netlink, route)
    else wantedByKey.delete(routeKey(route))
  }
  for (const route of wantedByKey.values()) replaceRoute(netlink, route)
}

function reconcileRules(netlink: Netlink, family: IpFamily, planned: readonly Rule[]): void {
  const wanted = new Map(planned.map((rule) => [ruleKey(rule), rule]))
  const present = ifFamilyExists(() => listRules(netlink, family)).filter(isOurRule)
  const gone = present.filter((rule) => !wanted.delete(ruleKey(rule)))
  for (const rule of wanted.values()) addRule(netlink, rule)
  for (const rule of gone) removeRule(netlink, rule)
}

function ruleKey(rule: Rule): string {
  return JSON.stringify(Object.entries(rule).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isSame(a: Route, b: Route): boolean {
  return a.type === b.type && a.link === b.link && a.source === b.source
}

/** A host without IPv6 has nothing of it to remove. */
function ifFamilyExists<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list()
  } catch (error) {
    if (error instanceof SystemError) return []
    throw error
  }
}
