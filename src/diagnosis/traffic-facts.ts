import type { IpAddress } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { Instant } from '#ike/effects'
import { formatIpProtocol } from '#policy/ip-protocol'
import type { PacketSummary } from '#policy/packet-summary'
import type { WatchedHostFacts } from './watched-host.ts'

/** What is known of one tunnel that is up, every few seconds. */
export type TrafficFacts = {
  readonly now: Instant
  readonly tunnel: TunnelConfig
  /** Since when the tunnel is up. */
  readonly upSince: Instant
  readonly encapsulation: 'native' | 'udp'
  /** When the peer last proved by IKE or ESP to be there. */
  readonly peerAliveAt: Instant | undefined
  readonly counts: TrafficCounts
  readonly examples: TrafficExamples
  readonly host: HostFacts
  /** Of the host that `watch` names. */
  readonly watched?: WatchedHostFacts | undefined
}

/** Of all SAs the tunnel has had; packets unless said otherwise. */
export type TrafficCounts = {
  readonly in: number
  readonly out: number
  readonly replayed: number
  readonly badIcv: number
  /** For an SA of ours, and of no length it can have made. */
  readonly malformed: number
  readonly outsideSelectors: number
  readonly noPolicy: number
  /** What was sent to ask the path, in no other of these; the answers are in `in`. */
  readonly probes: number
}

/** What the packet path has seen of the odd ones. */
export type TrafficExamples = {
  /** Came out of the tunnel and has no place in it. */
  readonly outside?: PacketSummary
  /** Reached the interface and belongs to no network pair. */
  readonly unmatched?: PacketSummary
  /** What the ICV of a refused packet turned out to be; `none`: none of the known deviations. */
  readonly icv?: IcvVariant
  /** How far behind the newest the latest authentic packet was that came too late. */
  readonly latest: number
  /** An ICMP error that came back for our ESP. */
  readonly espRefused?: { readonly reporter: IpAddress | undefined; readonly at: Instant }
  /** The last time the peer's NAT gave it another port. */
  readonly moved?: NatMove
  /** What a probe inside the tunnel found of large packets. */
  readonly blackHole?: BlackHole
}

/** Known deviations from RFC 4868 and RFC 4303 §2.2.1. */
export type IcvVariant = 'truncated-96' | 'without-esn' | 'with-esn' | 'none'

export type NatMove = {
  readonly at: Instant
  readonly fromPort: number
  readonly toPort: number
  /** Milliseconds without a packet from the peer before it. */
  readonly idle: number
}

/** Octets of inner packets: the largest that passed, the smallest that vanished. */
export type BlackHole = { readonly passed: number; readonly lost: number }

/** This host, as far as it could be looked at. */
export type HostFacts = {
  readonly forwarding?: boolean
  /** Of the tunnel's interface. */
  readonly reversePathFilter?: 'off' | 'strict' | 'loose'
  readonly ways: readonly Way[]
  readonly ownAddresses: readonly IpAddress[]
  /** Rules of this host that rewrite source addresses. */
  readonly translations: readonly Translation[]
}

/** How the kernel would send a packet to one address of a network that belongs into the tunnel. */
export type Way = {
  readonly network: string
  readonly address: IpAddress
  /** Undefined: it would not. */
  readonly interface: string | undefined
}

/** `table` as `nft list` names it, `ip nat`; without a chain the rules could not be read one by one (iptables of old). */
export type Translation = {
  readonly table: string
  readonly chain?: string
  readonly handle?: number
  readonly kind: 'masquerade' | 'snat'
}

/** `10.9.0.4 → 10.1.0.7 tcp/443`. */
export function packetText(packet: PacketSummary): string {
  const { source, destination, protocol, destinationPort } = packet
  const port = destinationPort === 0 ? '' : `/${destinationPort}`
  return `${source} → ${destination} ${formatIpProtocol(protocol)}${port}`
}

/** `1,204 ESP packets`, `1 ESP packet`. */
export function packetsText(count: number, what = ''): string {
  const kind = what === '' ? '' : `${what} `
  return `${count.toLocaleString('en')} ${kind}${count === 1 ? 'packet' : 'packets'}`
}
