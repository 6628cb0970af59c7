import type { IpAddress } from '#bytes/ip'

/** Where a peer is: `any` is wherever it comes from, `unresolved` where its host name leads to no address yet. */
export type PeerAddress = IpAddress | 'any' | 'unresolved'

/** Where the peer is called and expected; undefined where that can be anywhere, or is not known yet. */
export function addressOfPeer({ peer }: { readonly peer: PeerAddress }): IpAddress | undefined {
  return peer === 'any' || peer === 'unresolved' ? undefined : peer
}
