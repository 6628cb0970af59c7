import { ipToBigInt } from '#bytes/ip'
import { carriesEcho, isEverything } from '#policy/echo-way'
import {
  ANY_PROTOCOL,
  covers,
  equalSelectorPair,
  formatSelector,
  formatSelectorPair,
  intersects,
  type SelectorPair,
  selectorFromPrefix,
} from '#policy/traffic-selector'
import { isOpenToSeveral } from './anyone-rules.ts'
import type { CrossRule, Rule } from './checks.ts'
import { derivedInterfaceName } from './interface-name.ts'
import { pairsOf } from './networks.ts'
import { isWritten, lineOf, placeOf, type TunnelSource, tunnelProblem } from './tunnel-source.ts'

export const networksWritten: Rule = (tunnel) => {
  if (tunnel.draft.mode !== 'tunnel' || isWritten(tunnel, 'networks')) return []
  return [
    tunnelProblem('error', tunnel, [], {
      message: `tunnels.${tunnel.name} has no "networks"`,
      hints: ['networks: ["10.1.0.0/16 <-> 10.2.0.0/16"], ours first'],
    }),
  ]
}

/** RFC 4301 §4.1: in transport mode the ends of the traffic are the ends of the SA. */
export const networksInTransport: Rule = (tunnel) => {
  const { mode, networks, peer } = tunnel.draft
  const { local } = tunnel
  if (mode !== 'transport') return []
  if (networks === 'any' || tunnel.draft.interface?.routes !== undefined) {
    return [
      tunnelProblem('error', tunnel, networks === 'any' ? ['networks'] : ['interface', 'routes'], {
        message: 'transport mode carries traffic between the two gateways only; nothing is routed',
        hints: ['mode: tunnel, or leave this out'],
      }),
    ]
  }
  if (peer?.kind === 'any') {
    return [
      tunnelProblem('error', tunnel, ['mode'], {
        message: 'transport mode needs to know the address of the peer',
        hints: ['its networks are the two gateways themselves: mode: tunnel, or peer: ADDRESS'],
      }),
    ]
  }
  if (networks === undefined) return []
  if (peer?.kind === 'name') {
    return [
      tunnelProblem('error', tunnel, ['networks'], {
        message: `the networks of transport mode are the addresses of the two gateways, and that of ${peer.name} is looked up when the gateway runs`,
        hints: ['leave networks out, or write the address of the peer'],
      }),
    ]
  }
  if (local === undefined || peer?.kind !== 'address') return []
  const ours = selectorFromPrefix(local)
  const theirs = selectorFromPrefix(peer.address)
  return networks.flatMap((pair, i) => {
    if (covers(ours, pair.local) && covers(theirs, pair.remote)) return []
    return [
      tunnelProblem('error', tunnel, ['networks', i], {
        message: 'transport mode carries traffic between the two gateways only',
        hints: [`${local} <-> ${peer.address}, or mode: tunnel`],
      }),
    ]
  })
}

export const overlapsInTunnel: Rule = (tunnel) => {
  const { networks } = tunnel.draft
  if (networks === undefined || networks === 'any') return []
  return networks.flatMap((pair, i) => {
    const earlier = networks.slice(0, i).findIndex((other) => coversPair(other, pair))
    const other = networks[earlier]
    if (other === undefined) return []
    const keys = ['networks', i]
    const line = placeOf(tunnel, ['networks', earlier]).line
    if (equalSelectorPair(other, pair)) {
      const message = `${shown(pair)} is there twice`
      return [tunnelProblem('error', tunnel, keys, { message, hints: [`first on line ${line}`] })]
    }
    const message = `${shown(pair)} lies inside the pair on line ${line}, which takes its packets (RFC 4301 §4.4.1: the first match decides)`
    return [tunnelProblem('warning', tunnel, keys, { code: 'CW-408', message })]
  })
}

export const pairsAgainstGateways: Rule = (tunnel) => {
  const { peer, mode } = tunnel.draft
  if (mode !== 'tunnel' || peer?.kind !== 'address' || isRouteBased(tunnel.draft)) return []
  // Its side of the pairs is one address that is still to come.
  if (tunnel.draft['mode-config']?.role === 'client') return []
  const gateway = selectorFromPrefix(peer.address)
  return pairsOf(tunnel.draft).flatMap((pair, i) => {
    const warn = (message: string) => [
      tunnelProblem('warning', tunnel, ['networks', i], { message }),
    ]
    if (covers(pair.local, gateway)) {
      return warn(`our network ${formatSelector(pair.local)} contains the peer ${peer.address}`)
    }
    if (covers(pair.remote, gateway)) {
      return warn(
        `their network ${formatSelector(pair.remote)} contains the peer ${peer.address}: traffic for the gateway itself would enter the tunnel it carries`,
      )
    }
    if (!intersects(pair.local, pair.remote)) return []
    return warn(`${shown(pair)}: the two sides overlap, and hosts in both cannot reach each other`)
  })
}

/** CW-408. Sorted by where the remote range begins, only neighbours have to be compared. */
export const overlapsBetweenTunnels: CrossRule = (tunnels) => {
  const claims = tunnels
    .flatMap((tunnel, order) =>
      // What is route-based takes only what is routed into it.
      (isRouteBased(tunnel.draft) ? [] : pairsOf(tunnel.draft)).map((pair, i) => ({
        tunnel,
        order,
        isOpen: isOpenToSeveral(tunnel),
        pair,
        i,
        ...range(pair),
      })),
    )
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : a.order - b.order))
  const found = { error: [] as Found[], warning: [] as Found[] }
  for (const [at, claim] of claims.entries()) {
    for (const other of claims.slice(at + 1, at + 1 + MOST_NEIGHBOURS)) {
      if (other.from > claim.to) break
      // Each has a bound of its own: warnings, however many, hide no error.
      const severity = claim.isOpen || other.isOpen ? 'error' : 'warning'
      if (found[severity].length === MOST_OVERLAPS || other.tunnel === claim.tunnel) continue
      if (!meets(claim.pair, other.pair)) continue
      const [first, second] = claim.order < other.order ? [claim, other] : [other, claim]
      const place = placeOf(second.tunnel, ['networks', second.i])
      const line = lineOf(place, placeOf(first.tunnel, ['networks', first.i]))
      const message = `${first.tunnel.name} ${shown(first.pair)} overlaps ${second.tunnel.name} (${line})`
      const hints = severity === 'error' ? [OWN_ONLY] : []
      const text = { code: 'CW-408', message, hints }
      const problem = tunnelProblem(severity, first.tunnel, ['networks', first.i], text)
      found[severity].push([first.tunnel, problem])
    }
  }
  return [...found.error, ...found.warning]
}

export const interfaceNames: CrossRule = (tunnels) => {
  const first = new Map<string, TunnelSource>()
  return tunnels.flatMap((tunnel) => {
    const name = tunnel.draft.interface?.name ?? derivedInterfaceName(tunnel.name)
    const earlier = first.get(name)
    if (earlier === undefined) {
      first.set(name, tunnel)
      return []
    }
    const problem = tunnelProblem('error', tunnel, ['interface', 'name'], {
      message: `interface ${name} belongs to ${earlier.name} (${lineOf(earlier.at, tunnel.at)})`,
      hints: ['give one of the two another name: interface: {name: …}'],
    })
    return [[tunnel, problem] as const]
  })
}

/** RFC 8200 §5. */
export const interfaceMtu: Rule = (tunnel) => {
  const mtu = tunnel.draft.interface?.mtu
  const carriesIpv6 = pairsOf(tunnel.draft).some(({ local }) => local.family === 6)
  if (mtu === undefined || mtu >= 1280 || !carriesIpv6) return []
  return [
    tunnelProblem('error', tunnel, ['interface', 'mtu'], {
      message: `${mtu} is too little for IPv6, which needs 1280 (RFC 8200 §5)`,
    }),
  ]
}

/** What is routed must be what the peer agreed to carry; with no route at all somebody else must make them. */
export const routesInTunnel: Rule = (tunnel) => {
  const { networks, interface: device } = tunnel.draft
  const routes = device?.routes
  if (routes === undefined) {
    if (networks !== 'any') return []
    return [
      tunnelProblem('warning', tunnel, ['networks'], {
        message: `nothing is routed into ${tunnel.name}: interface.routes says what should be`,
        hints: ['interface: {routes: [10.2.0.0/16]}, or routes: [] if a routing daemon does it'],
      }),
    ]
  }
  const pairs = pairsOf(tunnel.draft)
  return routes.flatMap((route, i) => {
    const wanted = selectorFromPrefix(route.address, route.bits)
    if (pairs.some(({ remote }) => covers({ ...remote, ...ANY_PROTOCOL }, wanted))) return []
    return [
      tunnelProblem('error', tunnel, ['interface', 'routes', i], {
        message: `${formatSelector(wanted)} is routed into the tunnel, but none of its networks holds it`,
      }),
    ]
  })
}

/** The host would take the peer's packets for its own. */
export const interfaceAddress: Rule = (tunnel) => {
  const { peer, interface: device } = tunnel.draft
  const at = (device?.address ?? []).findIndex(
    ({ address }) => peer?.kind === 'address' && address === peer.address,
  )
  if (at === -1) return []
  const message = 'this is the address of the peer, not one of ours'
  return [tunnelProblem('error', tunnel, ['interface', 'address'], { message })]
}

/** It is asked through the tunnel, and its answer must find the way back into it. */
export const watchedHost: Rule = (tunnel) => {
  const { watch, interface: device, mode, peer, 'mode-config': modeConfig } = tunnel.draft
  if (watch === undefined) return []
  const refuse = (message: string, hint: string) => [
    tunnelProblem('error', tunnel, ['watch'], { message, hints: [hint] }),
  ]
  if (mode === 'transport') {
    if (peer?.kind !== 'address' || watch === peer.address) return []
    return refuse(
      `in transport mode ${tunnel.name} reaches the peer itself and nobody behind it`,
      `watch: ping ${peer.address}`,
    )
  }
  const pairs = pairsOf(tunnel.draft)
  if (pairs.length === 0) return []
  const ways = pairs.filter(({ remote }) => carriesEcho(remote, watch))
  if (ways.length === 0) {
    const inside = pairs.some(({ remote }) =>
      covers({ ...remote, ...ANY_PROTOCOL }, selectorFromPrefix(watch)),
    )
    return inside
      ? refuse(
          `no network pair of ${tunnel.name} carries ICMP to ${watch}`,
          'a pair without protocol and port, or another host',
        )
      : refuse(
          `${watch} is in no network of the other side, so it cannot be asked through ${tunnel.name}`,
          'a host of the networks on the right side of the pairs',
        )
  }
  // Its side of the pairs is one address that is still to come.
  if (modeConfig?.role === 'client') return []
  const own = device?.address ?? []
  const isAsked = ways.some(
    ({ local }) => !isEverything(local) || own.some(({ address }) => carriesEcho(local, address)),
  )
  if (isAsked) return []
  return refuse(
    `${watch} can only be asked from an address the other side routes back into the tunnel, and the interface has none`,
    'interface: {address: 169.254.10.1/30}, routed back by the peer',
  )
}

function isRouteBased({ networks, interface: device }: TunnelSource['draft']): boolean {
  return networks === 'any' || device?.routes !== undefined
}

type Found = readonly [TunnelSource, ReturnType<typeof tunnelProblem>]

const OWN_ONLY =
  'one of the two takes whoever has a shared key, or any of several certificates: he could take the traffic of the other. It needs networks of its own.'
const MOST_NEIGHBOURS = 1000
const MOST_OVERLAPS = 100

function coversPair(outer: SelectorPair, inner: SelectorPair): boolean {
  return covers(outer.local, inner.local) && covers(outer.remote, inner.remote)
}

function meets(a: SelectorPair, b: SelectorPair): boolean {
  return intersects(a.local, b.local) && intersects(a.remote, b.remote)
}

function range({ remote }: SelectorPair): { readonly from: bigint; readonly to: bigint } {
  return { from: ipToBigInt(remote.start), to: ipToBigInt(remote.end) }
}

function shown(pair: SelectorPair): string {
  return formatSelectorPair(pair).replace('<->', '↔')
}
