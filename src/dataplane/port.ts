import type { Endpoint, IpAddress } from '#bytes/ip'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import type { PacketSummary } from '#policy/packet-summary'
import type { EncapsulationMode } from '#policy/proposal'
import type { Prefix, SelectorPair } from '#policy/traffic-selector'

/** What carries packets: the userspace worker, a recording double in tests, later the kernel's XFRM. */
export interface DataPlane {
  /** Makes sockets, TUN devices, addresses, routes and rules agree with `tunnels`; what did not change is left untouched. */
  configure(settings: DataPlaneSettings): Promise<void>
  /**
   * A second outbound SA for the same child takes over at once; the older stays known until removed. One that is there already
   * (direction, tunnel, SPI) is not installed again.
   */
  installSa(sa: InboundSa | OutboundSa): void
  /** Of an inbound SA `spi` is ours; of an outbound SA, the peer's. Unknown ones are ignored. */
  removeSa(sa: {
    readonly direction: 'inbound' | 'outbound'
    readonly child: ChildId
    readonly spi: EspSpi
  }): void
  /** Follows a peer whose NAT gave it another address or port; only after an authenticated packet said so. */
  moveSas(tunnel: string, local: Endpoint, remote: Endpoint): void
  /**
   * `octets` is the IKE message; on port 4500 the non-ESP marker (RFC 3948 §2.2) is added here. `whole`: with DF, whatever the host
   * believes of the path.
   */
  sendIke(octets: Uint8Array, local: Endpoint, remote: Endpoint, how?: 'as it fits' | 'whole'): void
  /** SPIs, in hex, that IKE messages have to bear to go before all others; and those that no longer count. */
  trustIkeSpis(come: readonly string[], gone: readonly string[]): void
  /** Asks through the tunnel by a packet whose outer one has so many octets; `path-probed` says what came of it, if anything. */
  probePath(tunnel: string, id: number, octets: number): void
  /** Outer packets of the tunnel have so many octets at most; as many as the host says when undefined. `path` answers. */
  limitPath(tunnel: string, octets: number | undefined): void
  /** Sends an ICMP echo through the SA that takes it, where there is one; `echo-answered` says that its answer came out of the tunnel. */
  askHost(tunnel: string, echo: HostEcho): void
  /** One octet 0xff on 4500 (RFC 3948 §2.3). */
  sendNatKeepalive(local: Endpoint, remote: Endpoint): void
  counters(): DataPlaneCounters
  /**
   * Packets of each tunnel that its interface lost because they came faster than they were sealed; nothing of those the host does not tell of.
   * Asks the host: for who looks, not often.
   */
  queueFull(): ReadonlyMap<string, number>
  /** Packets of protected networks that came in clear and were dropped (RFC 4301 §5.2). Asks the host, too. */
  cameInClear(): number
  /** Undoes everything `configure` did to the host. */
  close(): Promise<void>
}

export type DataPlaneSettings = {
  /** Every local address that some tunnel uses; 500 and 4500 are bound on each, and a raw ESP socket (protocol 50). */
  readonly localAddresses: readonly IpAddress[]
  readonly tunnels: readonly DataPlaneTunnel[]
}

export type DataPlaneTunnel = {
  readonly name: string
  readonly interfaceName: string
  readonly local: IpAddress
  /** Absent where the peer may come from anywhere. */
  readonly remote?: IpAddress
  readonly mode: EncapsulationMode
  readonly pairs: readonly SelectorPair[]
  /** Inner MTU the operator fixed; absent: computed from the outer path and the suites. */
  readonly mtu?: number
  /** Addresses of the interface; a network that one of them is in is routed like `routes`. */
  readonly addresses?: readonly Prefix[]
  /**
   * Route-based: exactly these are led into the interface, while there is an SA; the interface's carrier says whether there
   * is. Absent: the remote networks, always.
   */
  readonly routes?: readonly Prefix[]
  /** Routes and carrier stay without an SA too, so that traffic can ask for one. */
  readonly routesStay?: boolean
  /** Whether traffic without an SA asks for one (`start: on-traffic`, or `always` while it is being repaired). */
  readonly acquire: boolean
}

export type IkeDatagram = {
  readonly kind: 'ike-datagram'
  readonly octets: Uint8Array
  readonly local: Endpoint
  readonly remote: Endpoint
}

/** What the data plane reports of itself. */
export type DataPlaneEvent =
  | IkeDatagram
  /** A packet matched a pair that has no outbound SA; said at most once a second for each pair. */
  | { readonly kind: 'acquire'; readonly child: ChildId; readonly packet: PacketSummary }
  /** The sequence number or a volume limit is near (`soft`) or reached (`hard`, the SA is already unusable). */
  | {
      readonly kind: 'sa-expired'
      readonly direction: 'inbound' | 'outbound'
      readonly spi: EspSpi
      readonly hard: boolean
    }
  /** An authenticated packet of this SA came from another endpoint than the one installed. */
  | { readonly kind: 'peer-moved'; readonly spi: EspSpi; readonly remote: Endpoint }
  /** ESP for an SPI nobody installed; rate-limited. */
  | { readonly kind: 'unknown-spi'; readonly spi: EspSpi; readonly remote: IpAddress }
  /** An ICMP error for one of our IKE datagrams, from the socket's error queue. */
  | {
      readonly kind: 'unreachable'
      readonly remote: Endpoint
      readonly reporter: IpAddress | undefined
      readonly icmpType: number
      readonly icmpCode: number
    }
  /** An ICMP error for our ESP. */
  | {
      readonly kind: 'esp-refused'
      readonly remote: IpAddress
      readonly reporter: IpAddress | undefined
    }
  /** An example of packets that are dropped; at most one a second for each tunnel and cause. */
  | {
      readonly kind: 'odd-packet'
      readonly tunnel: string
      /** `outside`: came out of the tunnel; `unmatched`: should have gone in. */
      readonly cause: 'outside' | 'unmatched'
      readonly packet: PacketSummary
    }
  /** What the first packets of an SA that all fail their check turned out to be. They are dropped all the same. */
  | { readonly kind: 'icv-tested'; readonly child: ChildId; readonly variant: IcvVariant }
  /**
   * How large the outer packets of a tunnel may be as the host and the routers say, and what that, and a limit that was set, leave for
   * packets inside. Said when there is an SA, and when it changes.
   */
  | {
      readonly kind: 'path'
      readonly tunnel: string
      readonly octets: number
      readonly inner: number
      /** What a packet of 1,280 octets inside makes outside. */
      readonly base: number
      readonly limit?: number
    }
  | {
      readonly kind: 'path-probed'
      readonly tunnel: string
      readonly id: number
      readonly came: 'back' | 'across' | 'too-big' | 'impossible'
    }
  | { readonly kind: 'echo-answered'; readonly tunnel: string; readonly id: number }
  | { readonly kind: 'failed'; readonly message: string }

/** Asked of a host behind a tunnel: `id` has 16 bits, `source` is an address of ours. */
export type HostEcho = {
  readonly id: number
  readonly source: IpAddress
  readonly target: IpAddress
}

/** Known deviations from RFC 4868 and RFC 4303 §2.2.1. */
export type IcvVariant = 'truncated-96' | 'without-esn' | 'with-esn' | 'none'

export type DataPlaneCounters = {
  readonly sas: readonly SaCounters[]
  readonly tunnels: readonly TunnelCounters[]
  /** Datagrams that reached no SA, by cause. */
  readonly unknownSpi: number
  readonly malformed: number
  /** IKE datagrams dropped because more of them waited than the gateway could look at. */
  readonly ikeOverflow: number
  /** Packets that this host refused in either direction: full queues, no route, packet filters, a device that is down. */
  readonly notSent: number
  /**
   * Lost before it could be looked at, because it came faster than it is read; what the kernel had joined counts once. About a second
   * behind.
   */
  readonly notReceived: number
}

export type SaCounters = {
  readonly direction: 'inbound' | 'outbound'
  readonly child: ChildId
  readonly spi: EspSpi
  readonly packets: number
  /** Octets of inner packets. */
  readonly octets: number
  /** Highest sequence number sent or accepted. */
  readonly sequence: number
  /** Milliseconds of the monotonic clock when it last carried a packet; 0 for never. */
  readonly lastUsed: number
  readonly replayed: number
  readonly badIcv: number
  /** Authenticated, but padding, next header or the packet inside are not what RFC 4303 allows. */
  readonly badPadding: number
  readonly outsideSelectors: number
  /** Of no length the SA can have made. */
  readonly malformed: number
  /** How far behind the newest an authentic packet came at most, where that was too far for the replay window. */
  readonly latest: number
  /** Authentic, of packets that cannot carry the news of a congested way (RFC 6040 §4.2). */
  readonly congested: number
  /** The SA had no volume or no sequence number left. */
  readonly exhausted: number
  /** What transport mode has no form for. */
  readonly cannotCarry: number
  /** Dummy packets of the peer (RFC 4303 §2.6). */
  readonly dummies: number
}

export type TunnelCounters = {
  readonly tunnel: string
  readonly mtu: number
  /** Packets dropped because no SA was there: nothing leaves in clear. */
  readonly noSa: number
  /** Packets that reached the interface but match no pair. */
  readonly noPolicy: number
  readonly tooBig: number
  /** Packets of ours that ask what the path carries; the SAs count them, too. */
  readonly probes: number
  /** Packets of this tunnel among the `notSent` of all. */
  readonly notSent: number
}
