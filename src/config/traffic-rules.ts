import { ipToBigInt } from '#bytes/ip'
import {
  covers,
  equalSelectorPair,
  formatSelector,
  formatSelectorPair,
  intersects,
  type SelectorPair,
  selectorFromPrefix,
} from '#policy/traffic-selector'
import type { CrossRule, Rule } from './checks.ts'
import { derivedInterfaceName } from './interface-name.ts'
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
  if (mode !== 'transport' || networks === undefined) return []
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
  const { networks = [] } = tunnel.draft
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
  const { networks = [], peer, mode } = tunnel.draft
  if (mode !== 'tunnel' || peer?.kind !== 'address') return []
  const gateway = selectorFromPrefix(peer.address)
  return networks.flatMap((pair, i) => {
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
      (tunnel.draft.networks ?? []).map((pair, i) => ({ tunnel, order, pair, i, ...range(pair) })),
    )
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : a.order - b.order))
  const found: [TunnelSource, ReturnType<typeof tunnelProblem>][] = []
  for (const [at, claim] of claims.entries()) {
    for (const other of claims.slice(at + 1, at + 1 + MOST_NEIGHBOURS)) {
      if (other.from > claim.to) break
      if (other.tunnel === claim.tunnel || !meets(claim.pair, other.pair)) continue
      if (found.length === MOST_OVERLAPS) return found
      const [first, second] = claim.order < other.order ? [claim, other] : [other, claim]
      const place = placeOf(second.tunnel, ['networks', second.i])
      const line = lineOf(place, placeOf(first.tunnel, ['networks', first.i]))
      const message = `${first.tunnel.name} ${shown(first.pair)} overlaps ${second.tunnel.name} (${line})`
      const problem = tunnelProblem('warning', first.tunnel, ['networks', first.i], {
        code: 'CW-408',
        message,
      })
      found.push([first.tunnel, problem])
    }
  }
  return found
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
  const { networks = [], interface: device } = tunnel.draft
  const mtu = device?.mtu
  if (mtu === undefined || mtu >= 1280 || networks.every(({ local }) => local.family === 4))
    return []
  return [
    tunnelProblem('error', tunnel, ['interface', 'mtu'], {
      message: `${mtu} is too little for IPv6, which needs 1280 (RFC 8200 §5)`,
    }),
  ]
}

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
