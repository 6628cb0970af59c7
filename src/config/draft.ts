import type { IpAddress } from '#bytes/ip'
import type { Identity } from '#policy/identity'
import type { EncapsulationMode, EspSuite, IkeSuite, Pfs } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'

/** The top of a file, before what its groups hold is read. */
export type FileDraft = {
  readonly version: 1
  readonly gateway: unknown
  readonly include: readonly string[]
  readonly tunnels: unknown
}

export type GatewayDraft = {
  readonly name: string | undefined
  readonly address: IpAddress | undefined
  readonly control: string
}

/** One tunnel after its keys were read, before the rules between keys. Durations are seconds. */
export type TunnelDraft = {
  readonly note: string | undefined
  readonly ike: 'v1-main'
  readonly peer: PeerDraft
  readonly address: IpAddress | undefined
  readonly psk: PskSource
  readonly id: Identity | undefined
  readonly 'peer-id': PeerIdDraft | undefined
  readonly phase1: Phase1Draft
  readonly phase2: Phase2Draft
  readonly networks: readonly SelectorPair[] | undefined
  readonly mode: EncapsulationMode
  readonly start: 'always' | 'on-traffic' | 'respond'
  readonly encapsulation: 'auto' | 'force'
  readonly 'replay-window': number
  readonly 'dead-peer': { readonly 'probe-every': number; readonly 'give-up-after': number }
  readonly interface: { readonly name?: string | undefined; readonly mtu?: number | undefined }
}

export type PeerDraft =
  | { readonly kind: 'address'; readonly address: IpAddress }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'any' }

export type PskSource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }

/** `knowingly`: written as `{sends: …}`, so another identity than the peer's address is meant. */
export type PeerIdDraft = { readonly identity: Identity; readonly knowingly: boolean }

export type Phase1Draft = { readonly suites: readonly IkeSuite[]; readonly lifetime: number }

export type Phase2Draft = {
  readonly suites: readonly EspSuite[]
  readonly pfs: Pfs
  readonly lifetime: number
  /** Absent: unlimited. */
  readonly kilobytes?: number
}
