import type { Failure } from '#ike/events'
import type { PacketSummary } from '#policy/packet-summary'
import { formatSelector, matchesPacket, type SelectorPair } from '#policy/traffic-selector'
import { durationText, networksText } from './names.ts'
import { packetsText, packetText, type TrafficFacts, type Translation } from './traffic-facts.ts'
import type { TrafficProgress } from './traffic-progress.ts'

/** CW-502, CW-508: the host leads packets for the peer's networks elsewhere. */
export function otherWay({ tunnel, host }: TrafficFacts): Failure | undefined {
  const wrong = host.ways.find((way) => way.interface !== tunnel.interfaceName)
  if (wrong === undefined) return undefined
  const { network, address } = wrong
  const own = tunnel.interfaceName
  if (wrong.interface === undefined) {
    return {
      code: 'CW-502',
      summary: `nothing for ${network} can enter tunnel ${tunnel.name}: this host has no route that leads it to ${own}`,
      evidence: `the kernel's answer for ${address}: no way`,
      certainty: 'certain',
      key: tunnel.routes === undefined ? 'networks' : 'interface.routes',
      remedy: `causeway makes these routes itself; see what took them away: ip route get ${address}, ip rule`,
    }
  }
  const strict = host.reversePathFilter === 'strict'
  const dropped = strict
    ? ` What comes out of the tunnel is dropped, too: net.ipv4.conf.${own}.rp_filter is 1 (strict).`
    : ''
  return {
    code: 'CW-508',
    summary: `packets for ${network} leave by ${wrong.interface} instead of ${own}: another route or rule of this host comes first.${dropped}`,
    ours: own,
    theirs: wrong.interface,
    evidence: `the kernel's answer for ${address}${strict ? ', and the sysctl' : ''}`,
    certainty: 'certain',
    key: tunnel.routes === undefined ? 'networks' : 'interface.routes',
    remedy: `see which, and remove it or make it narrower: ip route get ${address}; ip rule`,
  }
}

/** CW-502: packets come to the interface with an address of ours in place of their own. */
export function translated(
  { tunnel, host, examples }: TrafficFacts,
  { lately }: TrafficProgress,
): Failure | undefined {
  const { unmatched } = examples
  if (lately.noPolicy < LEAST_PACKETS || unmatched === undefined) return undefined
  if (!host.ownAddresses.includes(unmatched.source)) return undefined
  const pair = pairTo(tunnel.networks, unmatched)
  if (pair === undefined) return undefined
  const ours = formatSelector(pair.local)
  const theirs = formatSelector(pair.remote)
  const [rule] = host.translations
  const isOwn = rule === undefined
  return {
    code: 'CW-502',
    summary: `${packetsText(lately.noPolicy)} for ${theirs} came to tunnel ${tunnel.name} in the last minute with our own address ${unmatched.source} as source, which is not in ${ours}: ${isOwn ? 'the gateway itself sends them' : `${whereText(rule)} rewrites them first`}`,
    ours,
    theirs: packetText(unmatched),
    evidence: `packets at ${tunnel.interfaceName} that belong to no network pair${isOwn ? '; no rule that translates addresses was found on this host' : ', and the rule'}`,
    certainty: isOwn ? 'possible' : 'very likely',
    key: 'networks',
    remedy: isOwn
      ? `send from an address in ${ours} (ping -I ADDRESS), or give the gateway one`
      : `let what goes to ${theirs} pass unchanged: ${exclusion(rule, theirs)}`,
  }
}

/** CW-502: packets come to the interface that belong to no network pair. */
export function dropsUnmatched(
  { tunnel, examples }: TrafficFacts,
  { lately }: TrafficProgress,
): Failure | undefined {
  const { unmatched } = examples
  if (lately.noPolicy < LEAST_PACKETS || unmatched === undefined) return undefined
  const allowed = `${networksText(tunnel.networks.map(({ local }) => local))} → ${networksText(tunnel.networks.map(({ remote }) => remote))}`
  return {
    code: 'CW-502',
    summary: `${packetsText(lately.noPolicy)} in the last minute could not enter tunnel ${tunnel.name}, such as ${packetText(unmatched)}; it takes ${allowed}`,
    ours: allowed,
    evidence: `packets routed to ${tunnel.interfaceName} that belong to no network pair`,
    certainty: 'certain',
    key: 'networks',
    remedy: `add a pair for ${unmatched.source} <-> ${unmatched.destination} to networks on both sides, or route these packets elsewhere`,
  }
}

/** CW-502, CW-508: packets come out of the tunnel, and no answer of ours goes in. */
export function nothingReturns(
  facts: TrafficFacts,
  { unreturned }: TrafficProgress,
): Failure | undefined {
  const { tunnel, host } = facts
  if (unreturned.packets < LEAST_PACKETS || unreturned.lasting < LEAST_TIME) return undefined
  const ours = networksText(tunnel.networks.map(({ local }) => local))
  const fact = `${packetsText(unreturned.packets)} came out of tunnel ${tunnel.name} and none went in`
  if (host.forwarding === false) {
    const name = isIpv6(tunnel.networks[0]) ? 'net.ipv6.conf.all.forwarding' : 'net.ipv4.ip_forward'
    return {
      code: 'CW-508',
      summary: `${fact}: this host does not forward packets, ${name} is 0`,
      evidence: 'the sysctl, and the counters of the tunnel',
      certainty: 'certain',
      key: '',
      remedy: `sysctl -w ${name}=1, and into /etc/sysctl.d/ so that it stays`,
    }
  }
  return {
    code: 'CW-502',
    summary: `${fact}: the hosts in ${ours} do not answer, or their answers do not come to this gateway`,
    evidence:
      'the counters of the tunnel; this host forwards packets, and its route back leads into the tunnel',
    certainty: 'very likely',
    key: 'networks',
    remedy: `see that hosts in ${ours} have a route to ${networksText(tunnel.networks.map(({ remote }) => remote))} by this gateway, and that no firewall here or there drops them`,
  }
}

/** CW-509: the peer's NAT has given it another port after a silence. */
export function forgetfulNat({ tunnel, examples, now }: TrafficFacts): Failure | undefined {
  const { moved } = examples
  if (moved === undefined || moved.idle < NAT_IDLE || now - moved.at > NAT_SHOWN) return undefined
  const idle = durationText(moved.idle / 1_000)
  return {
    code: 'CW-509',
    summary: `the NAT before ${tunnel.name} forgot it after ${idle} of silence: it came back from port ${moved.toPort} instead of ${moved.fromPort}, and until then nothing of ours could reach it`,
    evidence: 'an authentic packet of the peer from another port, which we follow',
    certainty: 'certain',
    key: 'dead-peer.probe-every',
    remedy:
      'set dead-peer: {probe-every: 20s} here, or less: the answers of the peer keep its NAT open',
    forPeer: `The NAT before your gateway forgets it after ${idle} without traffic. Please send NAT keepalives (RFC 3948 §4) every 20 s, or let the NAT keep UDP 4500 open longer.`,
  }
}

/** Whose destination the packet means, whatever its source. */
function pairTo(
  networks: readonly SelectorPair[],
  { destination, protocol, destinationPort }: PacketSummary,
): SelectorPair | undefined {
  return networks.find(({ remote }) =>
    matchesPacket(remote, destination, protocol, destinationPort),
  )
}

function whereText({ table, chain, handle, kind }: Translation): string {
  const verb = kind === 'masquerade' ? 'masquerading' : 'source NAT'
  if (chain === undefined) return `${verb} (iptables table ${table})`
  return `${verb} (nft table ${table}, chain ${chain}, handle ${handle ?? '?'})`
}

function exclusion({ table, chain }: Translation, theirs: string): string {
  const [network = theirs] = theirs.split(' ')
  if (chain === undefined) return `iptables -t nat -I POSTROUTING -d ${network} -j ACCEPT`
  const family = network.includes(':') ? 'ip6' : 'ip'
  return `nft insert rule ${table} ${chain} ${family} daddr ${network} accept`
}

function isIpv6(pair: SelectorPair | undefined): boolean {
  return pair?.local.family === 6
}

const LEAST_PACKETS = 3
/** Milliseconds. */
const LEAST_TIME = 10_000
/** A port that changes without a silence before it is a NAT that was restarted, or a peer that moved. */
const NAT_IDLE = 15_000
const NAT_SHOWN = 600_000
