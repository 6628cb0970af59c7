import { type IpAddress, type IpFamily, ip, ipFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { FilterRule, Test } from '#platform/filter-rule'
import type { AddressRange, FilterTable } from '#platform/packet-filter'
import { type SelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import { IpProtocol } from '#wire/ip-protocol'
import { IKE_PORT, NAT_TRAVERSAL_PORT } from './demux.ts'
import type { PlannedTunnel } from './routing-plan.ts'

/**
 * What must not come in clear: a packet from a remote network to a local one that did not come out of a tunnel (RFC 4301 §5.2). All
 * remote networks count for all local ones, because routes know destinations only: the answer would go into some tunnel all the same.
 * @returns undefined where nothing of the family is protected
 */
export function clearTrafficFilter(
  family: IpFamily,
  tunnels: readonly PlannedTunnel[],
): FilterTable | undefined {
  const pairs = tunnels.flatMap(({ tunnel }) => (tunnel.routes === undefined ? tunnel.pairs : []))
  const own = pairs.filter(({ local }) => local.family === family)
  const broad = own.filter((pair) => !isNarrow(pair))
  const narrow = own.filter(isNarrow)
  const routed = tunnels.flatMap((planned) => routedNetworks(planned, family))
  if (own.length === 0 && routed.length === 0) return undefined
  const outer = tunnels.map(({ tunnel }) => tunnel.local).filter(isOf(family))
  // A local network inside a remote one talks to itself in clear, as it is routed.
  const inside = broad.filter(({ local, remote }) => covers(remote, local))
  return {
    family,
    links: { tunnels: ['lo', ...tunnels.map(({ tunnel }) => tunnel.interfaceName)] },
    ranges: {
      outer: united(outer.map((address) => ({ start: address, end: address }))),
      neighbours: [LINK_LOCAL[family]],
      inside: united(inside.map(({ local }) => local)),
      remote: united(broad.map(({ remote }) => remote)),
      local: united(broad.map(({ local }) => local)),
      routed: united(routed),
      ...Object.fromEntries(narrow.flatMap(namedRanges)),
    },
    rules: [
      // First what there is most of: the tunnels' own packets, told by a number before any set is searched.
      ...gatewayTraffic(family),
      accept({ kind: 'link', set: 'tunnels' }),
      accept({ kind: 'source', set: 'neighbours' }),
      accept({ kind: 'source', set: 'inside' }, { kind: 'destination', set: 'inside' }),
      ...narrow.map(narrowRule),
      drop({ kind: 'source', set: 'remote' }, { kind: 'destination', set: 'local' }),
      drop({ kind: 'source', set: 'routed' }),
    ],
  }
}

/** IKE, ESP and what tells of their fate must come in clear, also where the pair covers the gateways themselves. */
function gatewayTraffic(family: IpFamily): readonly FilterRule[] {
  const here = { kind: 'destination', set: 'outer' } as const
  const protocol = (number: number): Test => ({ kind: 'protocol', number })
  const port = (number: number): Test => ({ kind: 'second-word', start: number, end: number })
  const types = (start: number, end: number): Test => ({
    kind: 'first-word',
    start: start << 8,
    end: (end << 8) | 0xff,
  })
  const icmp =
    family === 4
      ? [accept(protocol(IpProtocol.icmp), types(3, 3), here)]
      : [
          accept(protocol(IpProtocol.icmpv6), types(1, 4), here),
          // Neighbour discovery (RFC 4861), which finds the peer on the same link.
          accept(protocol(IpProtocol.icmpv6), types(133, 137), here),
          // IKE and ESP inside UDP may come in fragments, which are seen here before they are joined. Without its first fragment, which these
          // rules judge, none becomes a packet.
          accept({ kind: 'later-fragment' }, here),
        ]
  return [
    accept(protocol(IpProtocol.esp), here),
    accept(protocol(IpProtocol.udp), port(NAT_TRAVERSAL_PORT), here),
    accept(protocol(IpProtocol.udp), port(IKE_PORT), here),
    ...icmp,
  ]
}

/** Only while they lead into the tunnel; a default route says nothing of where packets may come from. */
function routedNetworks(
  { tunnel, takesPackets }: PlannedTunnel,
  family: IpFamily,
): readonly AddressRange[] {
  if (!takesPackets) return []
  return (tunnel.routes ?? [])
    .filter(({ address, bits }) => ipFamily(address) === family && bits > 0)
    .map(({ address, bits }) => selectorFromPrefix(address, bits))
}

function isNarrow({ local, remote }: SelectorPair): boolean {
  return [local, remote].some(
    ({ protocol, startPort, endPort }) => protocol !== 0 || startPort !== 0 || endPort !== 0xffff,
  )
}

function namedRanges(
  { local, remote }: SelectorPair,
  index: number,
): readonly (readonly [string, readonly AddressRange[]])[] {
  return [
    [`remote-${index}`, united([remote])],
    [`local-${index}`, united([local])],
  ]
}

/** The peer's side is the source of what comes in. */
function narrowRule({ local, remote }: SelectorPair, index: number): FilterRule {
  const number = local.protocol === 0 ? remote.protocol : local.protocol
  const word = (
    kind: 'first-word' | 'second-word',
    { startPort: start, endPort: end }: SelectorPair['local'],
  ): readonly Test[] => (start === 0 && end === 0xffff ? [] : [{ kind, start, end }])
  return drop(
    { kind: 'source', set: `remote-${index}` },
    { kind: 'destination', set: `local-${index}` },
    { kind: 'protocol', number },
    ...word('first-word', remote),
    ...word('second-word', local),
  )
}

function accept(...tests: readonly Test[]): FilterRule {
  return { tests, verdict: 'accept' }
}

function drop(...tests: readonly Test[]): FilterRule {
  return { tests, verdict: 'drop' }
}

/** The same addresses in the fewest ranges, in order. */
function united(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const sorted = ranges
    .map(({ start, end }) => ({
      family: ipFamily(start),
      start: ipToBigInt(start),
      end: ipToBigInt(end),
    }))
    .sort((a, b) => (a.start < b.start ? -1 : 1))
  const merged: { family: IpFamily; start: bigint; end: bigint }[] = []
  for (const range of sorted) {
    const last = merged.at(-1)
    if (last === undefined || range.start > last.end + 1n) merged.push({ ...range })
    else if (range.end > last.end) last.end = range.end
  }
  return merged.map(({ family, start, end }) => ({
    start: ipFromBigInt(start, family),
    end: ipFromBigInt(end, family),
  }))
}

function covers(outer: AddressRange, inner: AddressRange): boolean {
  return (
    ipToBigInt(outer.start) <= ipToBigInt(inner.start) &&
    ipToBigInt(inner.end) <= ipToBigInt(outer.end)
  )
}

function isOf(family: IpFamily): (address: IpAddress) => boolean {
  return (address) => ipFamily(address) === family
}

/** RFC 3927, RFC 4291 §2.5.6: no router carries them, so none of them comes from a remote network. */
const LINK_LOCAL: Readonly<Record<IpFamily, AddressRange>> = {
  4: { start: ip('169.254.0.0'), end: ip('169.254.255.255') },
  6: { start: ip('fe80::'), end: ip('febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff') },
}
