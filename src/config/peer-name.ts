import type { IpAddress } from '#bytes/ip'
import { selectorFromPrefix } from '#policy/traffic-selector'
import type { Config, TunnelConfig } from './config.ts'

/** A tunnel whose peer is written as a host name, with that name leading to `address`; itself where it does so already. */
export function atAddress(tunnel: TunnelConfig, address: IpAddress): TunnelConfig {
  const { peerName, local } = tunnel
  if (peerName === undefined || tunnel.peer === address) return tunnel
  return {
    ...tunnel,
    peer: address,
    ...(peerName.isIdentity ? { remoteId: { kind: 'address', address } } : {}),
    ...(peerName.isNetwork
      ? { networks: [{ local: selectorFromPrefix(local), remote: selectorFromPrefix(address) }] }
      : {}),
  }
}

/** The configuration with `addressOf` each tunnel that has a name; itself where nothing changes. */
export function withAddresses(
  config: Config,
  addressOf: (tunnel: TunnelConfig) => IpAddress | undefined,
): Config {
  const tunnels = config.tunnels.map((tunnel) => {
    const address = tunnel.peerName === undefined ? undefined : addressOf(tunnel)
    return address === undefined ? tunnel : atAddress(tunnel, address)
  })
  return tunnels.every((tunnel, i) => tunnel === config.tunnels[i])
    ? config
    : { ...config, tunnels }
}

/** One sentence for all peers that are written as host names; undefined when there is none. */
export function namesNote({ tunnels }: Config): string | undefined {
  const names = [...new Set(tunnels.flatMap(({ peerName }) => peerName?.name ?? []))]
  const [first, ...others] = names
  if (first === undefined) return undefined
  const shown =
    others.length < MOST_NAMES ? names.join(', ') : `${names.length} host names of peers`
  return `${shown} ${others.length === 0 ? 'is' : 'are'} looked up when the gateway runs, not here`
}

const MOST_NAMES = 5
