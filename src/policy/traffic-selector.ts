import type { IpAddress, IpFamily } from '#bytes/ip'

/**
 * One side of the traffic a Child SA carries: an inclusive address range, one IP protocol (0 is any) and an inclusive
 * port range (0…65535 is any). IKEv1 identities (RFC 2407 §4.6.2) and IKEv2 selectors (RFC 7296 §3.13) both decode to it.
 */
export type TrafficSelector = {
  readonly family: IpFamily
  readonly protocol: number
  readonly start: IpAddress
  readonly end: IpAddress
  readonly startPort: number
  readonly endPort: number
}

/** What an operator writes as `ours <-> theirs`. */
export type SelectorPair = { readonly local: TrafficSelector; readonly remote: TrafficSelector }
