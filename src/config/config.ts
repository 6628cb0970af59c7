import type { IpAddress } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import type { Identity } from '#policy/identity'
import type { EncapsulationMode, EspSuite, IkeSuite, Lifetime, Pfs } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'

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
}

export type TunnelConfig = {
  readonly name: string
  readonly note?: string
  /** Grows with the versions and modes the gateway speaks. */
  readonly ike: 'v1-main' | 'v1-aggressive'
  readonly local: IpAddress
  readonly peer: IpAddress
  readonly localId: Identity
  /** What the peer must prove to be. */
  readonly remoteId: Identity
  readonly psk: Secret
  readonly phase1: { readonly suites: readonly IkeSuite[]; readonly lifetime: Lifetime }
  readonly phase2: {
    readonly suites: readonly EspSuite[]
    readonly pfs: Pfs
    readonly lifetime: Lifetime
  }
  readonly mode: EncapsulationMode
  readonly networks: readonly SelectorPair[]
  readonly start: 'always' | 'on-traffic' | 'respond'
  readonly encapsulation: 'auto' | 'force'
  readonly replayWindow: number
  /** Milliseconds. */
  readonly deadPeer: { readonly probeEvery: number; readonly giveUpAfter: number }
  readonly interfaceName: string
  readonly mtu?: number
  /** Where keys of this tunnel stand, for messages: `phase1`, `networks.0` → file and line. The tunnel itself has the path `''`. */
  readonly positions: Readonly<Record<string, Position>>
}

/** Lines and columns count from 1. */
export type Position = { readonly file: string; readonly line: number; readonly column: number }
