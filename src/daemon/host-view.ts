import { type IpAddress, ipFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import type { HostFacts, Way } from '#diagnosis/traffic-facts'
import { listAddresses } from '#platform/addresses'
import { SystemError } from '#platform/errno'
import { linkByIndex } from '#platform/links'
import { type Netlink, withNetlink } from '#platform/netlink'
import { routeTo } from '#platform/routes'
import { sourceNatRules } from '#platform/source-nat'
import { forwardsPackets, reversePathFilter } from '#platform/sysctls'
import { formatSelector, selectorFromPrefix, type TrafficSelector } from '#policy/traffic-selector'

/** Where this host is looked at. */
export type HostView = {
  ownAddresses(): readonly IpAddress[]
  /** What concerns all tunnels: looked at once for a round. */
  common(): Pick<HostFacts, 'ownAddresses' | 'translations'>
  ofTunnel(tunnel: TunnelConfig, config: Config): Omit<HostFacts, 'ownAddresses' | 'translations'>
}

export const hostView: HostView = {
  ownAddresses,
  common: () => ({
    ownAddresses: ownAddresses(),
    translations: sourceNatRules(),
  }),
  ofTunnel(tunnel, config) {
    const family = tunnel.networks[0]?.local.family ?? 4
    return {
      forwarding: forwardsPackets(family),
      reversePathFilter: reversePathFilter(tunnel.interfaceName),
      ways: asked(() => withNetlink((netlink) => waysOf(tunnel, config, netlink)), []),
    }
  },
}

/** One address each of at most so many networks: a host with a thousand of them must not be asked a thousand times. */
const MOST_WAYS = 8

function ownAddresses(): readonly IpAddress[] {
  return asked(() => withNetlink(listAddresses).map(({ address }) => address), [])
}

function waysOf(tunnel: TunnelConfig, { tunnels }: Config, netlink: Netlink): readonly Way[] {
  // In transport mode a rule leads there what fits protocol and port, and the kernel is asked by address alone.
  if (tunnel.mode === 'transport') return []
  const locals = tunnels.flatMap(({ networks }) => networks.map(({ local }) => local))
  const ours = new Set(tunnels.map(({ interfaceName }) => interfaceName))
  const networks =
    tunnel.routes === undefined
      ? tunnel.networks.map(({ remote }) => remote)
      : tunnel.routes.map(({ address, bits }) => selectorFromPrefix(address, bits))
  return networks
    .filter((network) => network.start !== network.end || network.protocol === 0)
    .slice(0, MOST_WAYS)
    .flatMap((network) => {
      const address = exampleOf(network)
      // Of what is everything, another route may rightly take some.
      if (isEverything(network) || locals.some((local) => isIn(local, address))) return []
      const path = routeTo(netlink, address)
      const name = path === undefined ? undefined : linkByIndex(netlink, path.link)?.name
      // An address of this host itself never leaves it.
      if (name === 'lo') return []
      // Another tunnel of ours may come first for an overlap; that is told by its own code.
      if (name !== undefined && name !== tunnel.interfaceName && ours.has(name)) return []
      return [{ network: formatSelector(network), address, interface: name }]
    })
}

/** The first address that a host can have. */
function exampleOf({ start, end, family }: TrafficSelector): IpAddress {
  return start === end ? start : ipFromBigInt(ipToBigInt(start) + 1n, family)
}

function isEverything({ start, end, family }: TrafficSelector): boolean {
  return ipToBigInt(end) - ipToBigInt(start) + 1n === 1n << (family === 4 ? 32n : 128n)
}

function isIn({ start, end, family }: TrafficSelector, address: IpAddress): boolean {
  if (ipFamily(address) !== family) return false
  const value = ipToBigInt(address)
  return ipToBigInt(start) <= value && value <= ipToBigInt(end)
}

function asked<T>(look: () => T, otherwise: T): T {
  try {
    return look()
  } catch (error) {
    if (error instanceof SystemError) return otherwise
    throw error
  }
}
