import type { IpAddress } from '#bytes/ip'
import type { ExpectedIdentity } from '#policy/expected-identity'
import type { Identity } from '#policy/identity'
import type { EncapsulationMode, EspSuite, IkeSuite, Pfs } from '#policy/proposal'
import type { Prefix, SelectorPair } from '#policy/traffic-selector'
import type { CertificateDraft } from './certificate-values.ts'
import type { InterfaceAddress, Quirk } from './config.ts'
import type { ModeConfigDraft, XauthDraft } from './xauth-values.ts'

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
  readonly workers: 'auto' | number
}

/** One tunnel after its keys were read, before the rules between keys. Durations are seconds. */
export type TunnelDraft = {
  readonly note: string | undefined
  readonly preset: string | undefined
  readonly ike: 'v1-main' | 'v1-aggressive'
  readonly 'ike-v1-until': string | undefined
  readonly 'probe-v2': 'on' | 'off'
  readonly 'second-look': 'on' | 'off'
  readonly peer: PeerDraft
  readonly 'peer-moves': 'allow' | 'refuse'
  readonly address: IpAddress | undefined
  readonly psk: PskSource | undefined
  readonly certificate: CertificateDraft | undefined
  readonly xauth: XauthDraft | undefined
  readonly 'mode-config': ModeConfigDraft | undefined
  readonly id: Identity | undefined
  readonly 'peer-id': PeerIdDraft | undefined
  readonly phase1: Phase1Draft
  readonly phase2: Phase2Draft
  readonly networks: NetworksDraft | undefined
  readonly narrow: 'allow' | 'refuse'
  readonly mode: EncapsulationMode
  /** Absent: `always`, or `respond` where the peer can be anywhere. */
  readonly start: 'always' | 'on-traffic' | 'respond' | undefined
  readonly encapsulation: 'auto' | 'force'
  readonly proof: 'auto' | 'off'
  readonly 'replay-window': number
  readonly quirks: readonly Quirk[]
  readonly 'dead-peer': { readonly 'probe-every': number; readonly 'give-up-after': number }
  readonly interface: InterfaceDraft
  readonly watch: IpAddress | undefined
}

/** `any`: everything, chosen by routes. */
export type NetworksDraft = readonly SelectorPair[] | 'any'

export type InterfaceDraft = {
  readonly name?: string | undefined
  readonly mtu?: number | undefined
  readonly address?: readonly InterfaceAddress[] | undefined
  readonly routes?: readonly Prefix[] | undefined
}

export type PeerDraft =
  | { readonly kind: 'address'; readonly address: IpAddress }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'any' }

export type PskSource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }

/** `knowingly`: written as `{sends: …}` or `{any-of: …}`, so another identity than the peer's address is meant. */
export type PeerIdDraft = { readonly identity: ExpectedIdentity; readonly knowingly: boolean }

export type Phase1Draft = {
  readonly suites: readonly IkeSuite[]
  readonly lifetime: number
  /** Absent: unlimited. */
  readonly kilobytes?: number
}

export type Phase2Draft = {
  readonly suites: readonly EspSuite[]
  readonly pfs: Pfs
  readonly lifetime: number
  /** Absent: unlimited. */
  readonly kilobytes?: number
}
