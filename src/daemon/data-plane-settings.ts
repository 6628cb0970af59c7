import type { Config, TunnelConfig } from '#config/config'
import type { DataPlaneSettings } from '#dataplane/port'
import { addressOfPeer } from '#policy/peer-address'

/** What the data plane has to know of a configuration. */
export function dataPlaneSettings({ tunnels }: Config): DataPlaneSettings {
  return {
    localAddresses: [...new Set(tunnels.map(({ local }) => local))],
    tunnels: tunnels.map((tunnel) => ({
      name: tunnel.name,
      interfaceName: tunnel.interfaceName,
      local: tunnel.local,
      ...remoteOf(tunnel),
      mode: tunnel.mode,
      pairs: tunnel.networks,
      ...(tunnel.mtu === undefined ? {} : { mtu: tunnel.mtu }),
      ...(tunnel.addresses === undefined ? {} : { addresses: tunnel.addresses }),
      ...(tunnel.routes === undefined
        ? {}
        : { routes: tunnel.routes, routesStay: tunnel.start === 'on-traffic' }),
      acquire: tunnel.start !== 'respond',
    })),
  }
}

function remoteOf(tunnel: TunnelConfig): Pick<DataPlaneSettings['tunnels'][number], 'remote'> {
  const remote = addressOfPeer(tunnel)
  return remote === undefined ? {} : { remote }
}
