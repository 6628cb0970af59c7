import { spawnSync } from 'node:child_process'
import { type IpAddress, ipFamily } from '#bytes/ip'
import { rewritingOf } from '#diagnosis/nat-rules'
import { kernelView } from '#platform/kernel-view'
import { linkByName, listLinks } from '#platform/links'
import { withNetlink } from '#platform/netlink'
import { listRoutes } from '#platform/routes'
import { sourceNatRules } from '#platform/source-nat'
import {
  covers,
  formatSelector,
  type SelectorPair,
  selectorFromPrefix,
  type TrafficSelector,
} from '#policy/traffic-selector'
import type { Subject } from './doctor-subject.ts'
import { hostIn, isEverything } from './selector-host.ts'
import type { StepLine } from './step-lines.ts'

/** Whether this host leads the tunnel's traffic into it, and as it is. */
export function trafficSteps(subject: Subject): readonly StepLine[] {
  return [...routeSteps(subject), ...overlapSteps(subject), natStep(subject)]
}

function routeSteps({ name, interfaceName, networks, running }: Subject): readonly StepLine[] {
  const label = 'networks'
  if (running === undefined || !deviceExists(interfaceName)) {
    return [{ label, verdict: 'note', text: 'routes are there only while the gateway runs' }]
  }
  if (networks.length === 0) {
    return [{ label, verdict: 'note', text: 'known as soon as the address of the peer is' }]
  }
  const narrow = networks.filter(({ remote }) => !isEverything(remote))
  if (narrow.length === 0) {
    const text = 'any: the routes of its interface decide'
    return [{ label, verdict: 'note', text, fix: `ip route show table all dev ${interfaceName}` }]
  }
  const wrong = narrow.flatMap((pair): readonly StepLine[] => {
    const [source, destination] = [hostIn(pair.local), hostIn(pair.remote)]
    const { route } = kernelView({ source, destination, protocol: 0, destinationPort: 0 })
    if (route.kind === 'leads' && route.interfaceName === interfaceName) return []
    const where = route.kind === 'leads' ? `go to ${route.interfaceName}` : 'are not routed'
    const text = `packets for ${formatSelector(pair.remote)} ${where}, not to ${interfaceName}`
    return [{ label, verdict: 'wrong', text, fix: `causeway trace ${source} ${destination}` }]
  })
  if (wrong.length > 0) return wrong
  const remotes = narrow.map(({ remote }) => formatSelector(remote))
  return [{ label, verdict: 'ok', text: `${remotes.join(', ')} → ${interfaceName} (${name})` }]
}

/** Networks this host is on, or has routes to, within what the tunnel takes: they become unreachable otherwise. */
function overlapSteps({ networks }: Subject): readonly StepLine[] {
  return withNetlink((netlink) => {
    const links = new Map(listLinks(netlink).map(({ index, name }) => [index, name]))
    const routes = ([4, 6] as const).flatMap((family) => listRoutes(netlink, family, MAIN_TABLE))
    return routes.flatMap(({ destination, prefixLength, link, type }): readonly StepLine[] => {
      if (type !== 'unicast' || prefixLength === 0 || isLinkLocal(destination)) return []
      const prefix = selectorFromPrefix(destination, prefixLength)
      const pair = networks.find(
        ({ local, remote }) =>
          !isEverything(remote) && covers(plain(remote), prefix) && !covers(plain(local), prefix),
      )
      if (pair === undefined) return []
      const device = links.get(link ?? 0) ?? 'nowhere'
      const text = `${destination}/${prefixLength} on ${device} lies within ${formatSelector(pair.remote)} and is led into the tunnel`
      return [
        {
          label: 'overlap',
          verdict: 'wrong',
          text,
          fix: `ip route show ${destination}/${prefixLength}`,
        },
      ]
    })
  })
}

function natStep({ networks, interfaceName }: Subject): StepLine {
  const label = 'nat rules'
  const rules = sourceNatRules()
  if (rules.length === 0)
    return { label, verdict: 'ok', text: 'none that rewrites source addresses' }
  const ruleset = nftRuleset()
  const others =
    rules.length === 1 ? '1 rewrites source addresses' : `${rules.length} rewrite source addresses`
  if (ruleset === undefined) {
    const text = `${others}; whether they catch the tunnel's traffic was not examined (no nft)`
    return { label, verdict: 'note', text, fix: 'iptables -t nat -S POSTROUTING' }
  }
  for (const pair of networks) {
    const found = rewritten(pair, interfaceName, ruleset)
    if (found !== undefined) return found
  }
  return { label, verdict: 'ok', text: `${others}, none of what goes into ${interfaceName}` }
}

function rewritten(pair: SelectorPair, device: string, ruleset: unknown): StepLine | undefined {
  const [source, destination] = [hostIn(pair.local), hostIn(pair.remote)]
  const found = rewritingOf(ruleset, { source, destination, device })
  if (found === undefined) return undefined
  const { table, chain, handle, kind, certain } = found
  const where = `nft ${table} ${chain}${handle === undefined ? '' : ` (handle ${handle})`}`
  const does = kind === 'masquerade' ? 'masquerades' : 'rewrites'
  const remote = isEverything(pair.remote) ? undefined : formatSelector(plain(pair.remote))
  const family = ipFamily(destination) === 4 ? 'ip' : 'ip6'
  const match = remote === undefined ? `oifname "${device}"` : `${family} daddr ${remote}`
  return {
    label: 'nat rules',
    verdict: certain ? 'wrong' : 'note',
    text: `${where} ${certain ? does : `perhaps ${does}`} ${formatSelector(plain(pair.local))} before it enters the tunnel`,
    fix: `nft insert rule ${table} ${chain} ${match} accept`,
  }
}

function nftRuleset(): unknown {
  const { status, stdout } = spawnSync('nft', ['--json', 'list', 'ruleset'], {
    encoding: 'utf8',
    timeout: 5_000,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) return undefined
  try {
    return JSON.parse(stdout)
  } catch {
    return undefined
  }
}

function deviceExists(name: string): boolean {
  return withNetlink((netlink) => linkByName(netlink, name) !== undefined)
}

/** Its addresses alone. */
function plain(selector: TrafficSelector): TrafficSelector {
  return { ...selector, protocol: 0, startPort: 0, endPort: 0xffff }
}

function isLinkLocal(address: IpAddress): boolean {
  return address.startsWith('fe80:') || address.startsWith('169.254.')
}

const MAIN_TABLE = 254
