import type { IpAddress } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { IkeSaSet } from './ike-sa-set.ts'

/** Whether the peer may come from anywhere. */
export function roams({ peer, peerMoves }: TunnelConfig): boolean {
  return peer === 'any' || peerMoves === 'allow'
}

/** Whether this is where the tunnel's peer is, or was seen. */
export function talksTo(
  { config, ikeSas }: { readonly config: TunnelConfig; readonly ikeSas: IkeSaSet },
  address: IpAddress,
): boolean {
  return config.peer === address || ikeSas.all.some(({ remote }) => remote.address === address)
}
