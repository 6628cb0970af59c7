import type { TunnelConfig } from '#config/config'
import type { IkeContext } from '#ike/version'

/**
 * The tunnel as it is configured now. An SA keeps the form it was negotiated with; keys that say nothing of an SA may have changed since, and hold
 * at once.
 */
export function newestOf(tunnel: TunnelConfig, { tunnels }: IkeContext): TunnelConfig {
  return tunnels.find(({ name }) => name === tunnel.name) ?? tunnel
}
