import type { Config } from '#config/config'
import type { DataPlaneSettings } from '#dataplane/port'

/** What the data plane has to know of a configuration. */
export function dataPlaneSettings({ tunnels }: Config): DataPlaneSettings {
  return {
    localAddresses: [...new Set(tunnels.map(({ local }) => local))],
    tunnels: tunnels.map((tunnel) => ({
      name: tunnel.name,
      interfaceName: tunnel.interfaceName,
      local: tunnel.local,
      ...(tunnel.peer === 'any' ? {} : { remote: tunnel.peer }),
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
