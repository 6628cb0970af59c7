import { type IpAddress, ipFamily } from '#bytes/ip'
import type { Config } from '#config/config'
import type { DataPlane, DataPlaneSettings } from '#dataplane/port'

/** Addresses that peers have given our tunnels by Mode Config; they stay on the interface until others come or the tunnel goes. */
export class AssignedAddresses {
  readonly #byTunnel = new Map<string, readonly IpAddress[]>()

  /** @returns whether they are others than before. */
  assign(tunnel: string, addresses: readonly IpAddress[]): boolean {
    if (this.#byTunnel.get(tunnel)?.join() === addresses.join()) return false
    this.#byTunnel.set(tunnel, addresses)
    return true
  }

  /** Forgets those of tunnels that take none any more. */
  keepOnly({ tunnels }: Config): void {
    const clients = tunnels.filter(({ modeConfig }) => modeConfig?.role === 'client')
    const names = new Set(clients.map(({ name }) => name))
    for (const name of this.#byTunnel.keys()) {
      if (!names.has(name)) this.#byTunnel.delete(name)
    }
  }

  /** A data plane that is configured with them, whatever else it is configured with. */
  over(dataPlane: DataPlane): Pick<DataPlane, 'configure'> {
    return { configure: (settings) => dataPlane.configure(this.#withAssigned(settings)) }
  }

  #withAssigned(settings: DataPlaneSettings): DataPlaneSettings {
    const tunnels = settings.tunnels.map((tunnel) => {
      const assigned = this.#byTunnel.get(tunnel.name)
      if (assigned === undefined) return tunnel
      const own = assigned.map((address) => ({ address, bits: ipFamily(address) === 4 ? 32 : 128 }))
      return { ...tunnel, addresses: [...(tunnel.addresses ?? []), ...own] }
    })
    return { ...settings, tunnels }
  }
}
