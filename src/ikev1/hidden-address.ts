import type { IpAddress } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { addressOfPeer, type PeerAddress } from '#policy/peer-address'

/** An address of ours behind a NAT, which a peer on the other side of it never sees. */
export function isHidden(own: IpAddress, peer: PeerAddress): boolean {
  const address = addressOfPeer({ peer })
  return address !== undefined && isPrivate(own) && !isPrivate(address)
}

/** Our end as the administrator of the peer knows it. */
export function ourEnd({ local, peer }: TunnelConfig): string {
  return isHidden(local, peer) ? 'our gateway (behind a NAT)' : local
}

/** What the NAT before us, if one is, has to do so that the peer reaches a port of ours. */
export function handedOn({ local, peer }: TunnelConfig, port: number): string {
  return isHidden(local, peer) ? `; the NAT before us must hand on UDP ${port} to ${local}` : ''
}

/** RFC 1918: such an address is not where its packets come from. */
export function isPrivate(address: string): boolean {
  return /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/.test(address)
}
