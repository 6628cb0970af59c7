import { ipToBigInt } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import {
  ANY_PROTOCOL,
  covers,
  equalSelector,
  equalSelectorPair,
  formatSelector,
  formatSelectorPair,
  intersects,
  mirror,
  type SelectorPair,
  selectorToPrefixes,
  type TrafficSelector,
} from '#policy/traffic-selector'
import { networksInDialect } from './phase2-dialect.ts'

/** CW-401, CW-402, CW-403 on the responder, who reads what the peer asks for; `asked` is seen from here. */
export function noSuchSelectors(
  tunnel: TunnelConfig,
  asked: SelectorPair,
  vendor: string | undefined,
  does: 'asks for' | 'has' = 'asks for',
): Failure {
  const { name, networks } = tunnel
  const nearest = nearestTo(networks, asked)
  const ours = networks.map(arrow).join(', ')
  const theirs = arrow(asked)
  const told = {
    ours,
    theirs,
    evidence: 'identities IDci and IDcr of Quick mode message 1, under the keys',
    certainty: 'certain',
    key: keyOf(tunnel, nearest),
    forPeer: mirroredText(tunnel, nearest === undefined ? [] : [nearest], vendor),
  } as const
  if (nearest === undefined) return { ...told, code: 'CW-401', ...plain(name, ours, theirs, does) }
  const routes = routeBased(name, nearest, asked, does)
  if (routes !== undefined) return { ...told, code: 'CW-402', ...routes }
  const several = networks.filter((pair) => holds(asked, pair))
  const joined = joinedText(tunnel, several, asked, vendor, does)
  if (joined !== undefined) {
    return { ...told, code: 'CW-403', ...joined, forPeer: mirroredText(tunnel, several, vendor) }
  }
  return { ...told, code: 'CW-401', ...differenceText(tunnel, nearest, asked, does) }
}

/** The network pair that a refused wish comes nearest to; undefined where it has nothing of any of them. */
export function pairMeant(
  networks: readonly SelectorPair[],
  asked: SelectorPair,
): SelectorPair | undefined {
  const nearest = nearestTo(networks, asked)
  if (nearest === undefined || networks.length === 1) return nearest
  const overlaps = (['local', 'remote'] as const).some((side) =>
    intersects(withoutPorts(nearest[side]), withoutPorts(asked[side])),
  )
  return overlaps ? nearest : undefined
}

/** CW-401, CW-402 as the initiator hears it: the refusal is authentic, the peer's own networks are not in it. */
export function selectorsRefused(
  tunnel: TunnelConfig,
  pair: SelectorPair | undefined,
  notify: string,
  vendor: string | undefined,
): Failure {
  const ours = pair === undefined ? tunnel.networks.map(arrow).join(', ') : arrow(pair)
  const any = pair !== undefined && isAny(pair.local) && isAny(pair.remote)
  return {
    code: 'CW-401',
    summary: `${tunnel.name} has no such networks: we asked for ${ours}, it answered ${notify}`,
    ours,
    theirs: 'not told by the peer',
    evidence: `encrypted notify ${notify} in answer to Quick mode message 1`,
    certainty: 'certain',
    key: keyOf(tunnel, pair),
    remedy: `compare networks with ${tunnel.name}: there they must be the same, mirrored`,
    forPeer: mirroredText(tunnel, pair === undefined ? tunnel.networks : [pair], vendor),
    otherCauses: [
      any
        ? `${tunnel.name} is policy-based and wants its networks named (CW-402)`
        : `${tunnel.name} is route-based and wants any ↔ any: networks: any with interface.routes here (CW-402)`,
      `let ${tunnel.name} begin: as responder we see what it asks for`,
    ],
  }
}

/** `10.1.0.0/16 ↔ 10.2.0.0/16`, ours first. */
function arrow({ local, remote }: SelectorPair): string {
  return `${formatSelector(local)} ↔ ${formatSelector(remote)}`
}

function plain(
  name: string,
  ours: string,
  theirs: string,
  does: string,
): Pick<Failure, 'summary' | 'remedy'> {
  return {
    summary: `${name} ${does} ${theirs} (seen from here); ours is ${ours}`,
    remedy: SAME,
  }
}

/** One side has everything and leaves the choice to routes, the other names networks. */
function routeBased(
  name: string,
  nearest: SelectorPair,
  asked: SelectorPair,
  does: string,
): Pick<Failure, 'summary' | 'remedy' | 'otherCauses'> | undefined {
  const [theirsAny, oursAny] = [asked, nearest].map(
    (pair) => isAny(pair.local) && isAny(pair.remote),
  )
  if (theirsAny === oursAny) return undefined
  if (theirsAny === true) {
    return {
      summary: `${name} is route-based: it ${does} any ↔ any, where we have ${arrow(nearest)}`,
      remedy:
        'networks: any here, and what is to pass in interface.routes; or have the peer use policy-based selectors (Azure: UsePolicyBasedTrafficSelectors)',
    }
  }
  return {
    summary: `${name} is policy-based: it ${does} ${arrow(asked)} (seen from here), where we have any ↔ any`,
    remedy: `write networks: ["${formatSelector(asked.local)} <-> ${formatSelector(asked.remote)}"] here in place of any; or have the peer use a route-based tunnel (VTI)`,
  }
}

/** The peer asks for one pair that holds several of ours, or one that is no network of ours but holds it. */
function joinedText(
  tunnel: TunnelConfig,
  held: readonly SelectorPair[],
  asked: SelectorPair,
  vendor: string | undefined,
  does: string,
): Pick<Failure, 'summary' | 'remedy'> | undefined {
  const isCheckPoint = vendor?.startsWith('Check Point') === true
  if (held.length === 0 || (held.length === 1 && !isCheckPoint)) return undefined
  const what =
    held.length === 1
      ? `a larger network than ours, ${held.map(arrow).join(', ')}`
      : `one pair that holds ${held.length} of ours: ${held.map(arrow).join(', ')}`
  return {
    summary: `${tunnel.name} ${does} ${arrow(asked)} (seen from here), ${what}`,
    remedy: isCheckPoint
      ? 'have the peer negotiate each network as it is (Check Point: "One VPN tunnel per subnet pair", and the networks in user.def rather than joined by ike_use_largest_possible_subnets); or write the larger network here'
      : 'IKEv1 has one pair in a Quick mode: have the peer negotiate each of its networks on its own, or write the larger network here',
  }
}

function differenceText(
  tunnel: TunnelConfig,
  nearest: SelectorPair,
  asked: SelectorPair,
  does: string,
): Pick<Failure, 'summary' | 'remedy'> {
  const { name, local, peer } = tunnel
  const head = `${name} ${does} ${arrow(asked)} (seen from here); ours is ${arrow(nearest)}`
  const both =
    tunnel.networks.length > 1 ? `${head}, the nearest of ${tunnel.networks.length}` : head
  if (equalSelectorPair(mirror(asked), nearest)) {
    return {
      summary: `${both}: ${name} has the two sides the wrong way round, as they stand here`,
      remedy: `have ${name} exchange its local and remote network: what is ours is its remote one`,
    }
  }
  const hosts = asked.local.start === asked.local.end && asked.remote.start === asked.remote.end
  if (hosts && asked.local.start === local && asked.remote.start === peer) {
    return {
      summary: `${both}: ${name} names no networks, so that the two gateways themselves are meant`,
      remedy: `have ${name} set its local and remote network; without them (or in transport mode) it asks for the gateways`,
    }
  }
  const differences = [
    sideText('our network', nearest.local, asked.local),
    sideText('its network', nearest.remote, asked.remote),
  ].filter((text) => text !== undefined)
  const narrower = holds(nearest, asked)
    ? `; or allow less than ours where ${name} begins: narrow: allow`
    : ''
  const line = `"${formatSelectorPair(asked)}" in place of "${formatSelectorPair(nearest)}"`
  return {
    summary: `${both}: ${differences.join('; ')}`,
    remedy: `write ${line} here, or have ${name} set ours: IKEv1 wants the same at both ends, mirrored${narrower}`,
  }
}

/** `Its network is /24 there and /16 here`. */
function sideText(
  side: string,
  ours: TrafficSelector,
  theirs: TrafficSelector,
): string | undefined {
  if (equalSelector(ours, theirs)) return undefined
  const [here, there] = [formatSelector(ours), formatSelector(theirs)]
  if (ours.start === theirs.start && ours.end === theirs.end) {
    return `${side} is the same, protocol or port differ: ${there} there, ${here} here`
  }
  const [bitsHere, bitsThere] = [bitsOf(ours), bitsOf(theirs)]
  const sameStart = ours.start === theirs.start && bitsHere !== undefined
  if (sameStart && bitsThere !== undefined) {
    return `${side} is /${bitsThere} there and /${bitsHere} here`
  }
  const relation = !intersects(withoutPorts(ours), withoutPorts(theirs))
    ? 'another one'
    : covers(withoutPorts(theirs), withoutPorts(ours))
      ? 'larger'
      : 'smaller'
  return `${side} is ${relation} there: ${there}, ${here} here`
}

/** Drawn as the peer has to write it. */
function mirroredText(
  { local, networks }: TunnelConfig,
  pairs: readonly SelectorPair[],
  vendor: string | undefined,
): string {
  const wanted = pairs.length === 0 ? networks : pairs
  const shown = wanted.slice(0, MOST_SHOWN)
  const lines = shown.map(
    (pair) => `local ${formatSelector(pair.remote)}, remote ${formatSelector(pair.local)}`,
  )
  const [first] = shown
  const dialect = first === undefined ? undefined : networksInDialect(vendor, first)
  const how = dialect === undefined ? '' : ` On ${vendor}: ${dialect}.`
  return `For the tunnel to our gateway ${local} please set on your side exactly: ${lines.join('; and ')}.${how}`
}

/** The pair with the most sides equal; of those, the one whose sides overlap. */
function nearestTo(
  networks: readonly SelectorPair[],
  asked: SelectorPair,
): SelectorPair | undefined {
  const score = (pair: SelectorPair): number =>
    (['local', 'remote'] as const)
      .map((side) =>
        equalSelector(pair[side], asked[side])
          ? 4
          : intersects(withoutPorts(pair[side]), withoutPorts(asked[side]))
            ? 1
            : 0,
      )
      .reduce<number>((sum, points) => sum + points, 0) +
    (equalSelectorPair(mirror(pair), asked) ? 8 : 0)
  const [first, ...others] = networks
  if (first === undefined) return undefined
  return others.reduce((best, pair) => (score(pair) > score(best) ? pair : best), first)
}

function holds(outer: SelectorPair, inner: SelectorPair): boolean {
  return covers(outer.local, inner.local) && covers(outer.remote, inner.remote)
}

function isAny(selector: TrafficSelector): boolean {
  const [prefix, ...more] = selectorToPrefixes(selector)
  return more.length === 0 && prefix?.bits === 0 && selector.protocol === 0
}

function withoutPorts(selector: TrafficSelector): TrafficSelector {
  return { ...selector, ...ANY_PROTOCOL }
}

function bitsOf(selector: TrafficSelector): number | undefined {
  const [prefix, ...more] = selectorToPrefixes(selector)
  const whole = selector.protocol === 0 && more.length === 0
  return whole && prefix !== undefined && ipToBigInt(prefix.address) === ipToBigInt(selector.start)
    ? prefix.bits
    : undefined
}

/** `networks.2`: its own line, where the file has one. */
function keyOf({ networks }: TunnelConfig, pair: SelectorPair | undefined): string {
  const index = pair === undefined ? -1 : networks.indexOf(pair)
  return index < 0 ? 'networks' : `networks.${index}`
}

const SAME =
  'IKEv1 wants both sides to name the same networks, mirrored: change networks here or there'
const MOST_SHOWN = 4
