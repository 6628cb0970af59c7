import type { IpFamily } from '#bytes/ip'
import { listAddresses } from '#platform/addresses'
import { SystemError } from '#platform/errno'
import { type Netlink, withNetlink } from '#platform/netlink'
import { listRoutes, type Route, removeRoute, replaceRoute } from '#platform/routes'
import { addRule, listRules, type Rule, removeRule } from '#platform/rules'
import {
  type PlannedTunnel,
  plannedRoutes,
  plannedRule,
  ROUTE_PROTOCOL,
  ROUTING_TABLE,
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
      const wanted = planned.filter(
        ({ destination }) => destination.includes(':') === (family === 6),
      )
      reconcileRoutes(netlink, family, wanted)
      reconcileRule(netlink, family, wanted.length > 0)
    }
  })
}

function reconcileRoutes(netlink: Netlink, family: IpFamily, wanted: readonly Route[]): void {
  const present = ifFamilyExists(() => listRoutes(netlink, family, ROUTING_TABLE, ROUTE_PROTOCOL))
  const wantedByKey = new Map(wanted.map((route) => [routeKey(route), route]))
  for (const route of present) {
    const same = wantedByKey.get(routeKey(route))
    if (same === undefined || !isSame(same, route)) removeRoute(netlink, route)
    else wantedByKey.delete(routeKey(route))
  }
  for (const route of wantedByKey.values()) replaceRoute(netlink, route)
}

function reconcileRule(netlink: Netlink, family: IpFamily, wanted: boolean): void {
  const rule = plannedRule(family)
  const present = ifFamilyExists(() => listRules(netlink, family)).filter(isOurs)
  const right = present.find(
    ({ priority, inverted, mark }) =>
      wanted && inverted && priority === rule.priority && mark?.value === rule.mark?.value,
  )
  for (const one of present) if (one !== right) removeRule(netlink, one)
  if (wanted && right === undefined) addRule(netlink, rule)
}

function isOurs(rule: Rule): boolean {
  return rule.protocol === ROUTE_PROTOCOL && rule.table === ROUTING_TABLE
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
