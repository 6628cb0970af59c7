import type { IpAddress } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import type { CertificateCredentials, TrustAnchors } from '#pki/verify-peer'
import type { ExpectedIdentity } from '#policy/expected-identity'
import type { Identity } from '#policy/identity'
import type { PeerAddress } from '#policy/peer-address'
import type { EncapsulationMode, EspSuite, IkeSuite, Lifetime, Pfs } from '#policy/proposal'
import type { Prefix, SelectorPair } from '#policy/traffic-selector'
import type { Written } from './written.ts'

/** A whole configuration in domain types, frozen; whoever holds one need not check it again. */
export type Config = {
  readonly gateway: GatewayConfig
  readonly tunnels: readonly TunnelConfig[]
}

export type GatewayConfig = {
  readonly name: string
  /** Default local address of tunnels. */
  readonly address?: IpAddress
  /** Path of the control socket. */
  readonly control: string
  /** Threads for packets; absent: as many as serve on this machine. */
  readonly workers?: number
}

export type TunnelConfig = {
  readonly name: string
  readonly note?: string
  /** The make of the peer; what it gave is in the other keys already. */
  readonly preset?: string
  /** Grows with the versions and modes the gateway speaks. */
  readonly ike: 'v1-main' | 'v1-aggressive'
  readonly local: IpAddress
  /**
   * `any`: wherever it comes from, known by what it says and proves; then `start` is `respond`. `unresolved`: where `peerName` leads is
   * not known yet; nobody is called, and nobody taken by address.
   */
  readonly peer: PeerAddress
  /** What `peer` is written as, where that is a host name; whoever runs the tunnel looks it up. */
  readonly peerName?: PeerName
  /** Whether it is taken from other addresses too, known by its identity. */
  readonly peerMoves?: 'allow'
  readonly localId: Identity
  /** What the peer must prove to be. */
  readonly remoteId: ExpectedIdentity
  readonly authentication: Authentication
  /** A user name and a password asked for behind phase 1. */
  readonly xauth?: Xauth
  /** An address, given by one side to the other before Quick mode. */
  readonly modeConfig?: ModeConfig
  readonly phase1: { readonly suites: readonly IkeSuite[]; readonly lifetime: Lifetime }
  readonly phase2: {
    readonly suites: readonly EspSuite[]
    readonly pfs: Pfs
    readonly lifetime: Lifetime
  }
  readonly mode: EncapsulationMode
  readonly networks: readonly SelectorPair[]
  /** Whether the peer may ask for a part of a pair. */
  readonly narrow?: 'allow'
  readonly start: 'always' | 'on-traffic' | 'respond'
  readonly encapsulation: 'auto' | 'force'
  readonly replayWindow: number
  /** Faults of the peer to live with; absent where there are none. */
  readonly quirks?: readonly Quirk[]
  /** Milliseconds. */
  readonly deadPeer: { readonly probeEvery: number; readonly giveUpAfter: number }
  /** Whether a tunnel that comes up proves itself in its first minute (early rekeys); only the side that began does. */
  readonly proof?: 'on'
  readonly interfaceName: string
  readonly mtu?: number
  /** Of the interface, each with its network; none when absent. */
  readonly addresses?: readonly InterfaceAddress[]
  /** What is led into the interface while the tunnel is up. Absent: the remote networks, always. */
  readonly routes?: readonly Prefix[]
  /** A host in the remote networks that is asked again and again whether it is there. */
  readonly watch?: IpAddress
  /** Day from which this tunnel should no longer use IKEv1, `2027-06-30`. */
  readonly ikeV1Until?: string
  /** Whether the peer is asked once a day if it answers IKEv2. */
  readonly probeV2: boolean
  /** Whether the peer is asked beside a negotiation that it refuses or ignores. */
  readonly secondLook: boolean
  /** Where keys of this tunnel stand, for messages: `phase1`, `networks.0` → file and line. The tunnel itself has the path `''`. */
  readonly positions: Readonly<Record<string, Position>>
  /** What stands there, to tell two configurations apart in the words of the file. */
  readonly written?: Written
}

/** A host name, and what of its tunnel is the address it leads to because nothing else is written. */
export type PeerName = {
  readonly name: string
  readonly isIdentity: boolean
  /** In transport mode: the pair of the two gateways. */
  readonly isNetwork: boolean
}

/** `sha256-96`: it cuts HMAC-SHA-256 to 96 bits where RFC 4868 says 128. */
export type Quirk = 'sha256-96'

/** How both sides prove who they are; each another way only where one of them logs in. */
export type Authentication =
  | { readonly kind: 'psk'; readonly psk: Secret }
  | ({ readonly kind: 'certificate' } & CertificateCredentials)
  /** Hybrid: only the server signs, the client logs in by XAUTH (draft-zegman-ike-hybrid-auth-01). */
  | ({ readonly kind: 'hybrid-client' } & TrustAnchors)
  | ({ readonly kind: 'hybrid-server' } & Pick<CertificateCredentials, 'own' | 'key'>)

export type Xauth =
  | { readonly role: 'client'; readonly user: string; readonly password: Secret }
  | { readonly role: 'server'; readonly users: readonly XauthUser[] }

export type XauthUser = { readonly user: string; readonly password: Secret }

/** `pull`: the client asks. `push`: the server tells unasked. */
export type ModeConfig = { readonly method: 'pull' | 'push' } & (
  | { readonly role: 'client' }
  | ({ readonly role: 'server' } & Assignment)
)

/** What a server gives its client: at most one address of each family. */
export type Assignment = {
  readonly addresses: readonly IpAddress[]
  readonly dns: readonly IpAddress[]
  /** What the client should send through the tunnel. */
  readonly networks: readonly Prefix[]
}

/** A host address and the length of the network it is in. */
export type InterfaceAddress = { readonly address: IpAddress; readonly bits: number }

/** Lines and columns count from 1. */
export type Position = { readonly file: string; readonly line: number; readonly column: number }
