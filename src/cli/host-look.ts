import { accessSync, constants, existsSync } from 'node:fs'
import { type IpAddress, type IpFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { Config } from '#config/config'
import { listAddresses } from '#platform/addresses'
import { type Capabilities, effectiveCapabilities } from '#platform/capabilities'
import { clockState } from '#platform/clock'
import { SystemError } from '#platform/errno'
import { listLinks } from '#platform/links'
import { type Netlink, withNetlink } from '#platform/netlink'
import { type PortHolder, udpPortHolders } from '#platform/port-holders'
import { routeTo } from '#platform/routes'
import { forwardsPackets, readSysctl } from '#platform/sysctls'
import { addressOfPeer } from '#policy/peer-address'
import type { TrafficSelector } from '#policy/traffic-selector'

/** What a gateway needs of this host, as it is now. What could not be asked is absent. */
export type HostLook = {
  /** Sockets on UDP 500 and 4500. */
  readonly holders: readonly PortHolder[]
  readonly tun: 'usable' | 'missing' | 'not permitted'
  readonly capabilities?: Capabilities
  readonly clockSynchronised?: boolean
  readonly forwards: Readonly<Record<IpFamily, boolean>>
  /** Source validation that a new interface gets (RFC 3704). */
  readonly strictReversePath: boolean
  readonly addresses?: readonly HostAddress[]
  /** To peers, and to one address of each network behind us; `undefined` in it: no way there. */
  readonly ways?: ReadonlyMap<IpAddress, HostWay | undefined>
}

export type HostAddress = {
  readonly address: IpAddress
  readonly prefixLength: number
  readonly interface: string
}

export type HostWay = { readonly interface: string; readonly mtu: number }

/** Both ports of IKE (RFC 7296 §2, RFC 3948 §2). */
const IKE_PORTS = [500, 4500]

/** Looks, and changes nothing. */
export function lookAtHost(config: Config | undefined): HostLook {
  return {
    holders: portHolders(),
    tun: tunState(),
    ...asked(() => ({ capabilities: effectiveCapabilities() })),
    ...asked(() => ({ clockSynchronised: clockState().synchronised })),
    forwards: { 4: forwardsPackets(4), 6: forwardsPackets(6) },
    strictReversePath: ['all', 'default'].some(
      (name) => readSysctl(`net.ipv4.conf.${name}.rp_filter`) === 1,
    ),
    ...asked(() =>
      withNetlink((netlink) => ({
        addresses: addressesOf(netlink),
        ways: waysTo(destinationsOf(config), netlink),
      })),
    ),
  }
}

function portHolders(): readonly PortHolder[] {
  return IKE_PORTS.flatMap(udpPortHolders)
}

/** The first address in it that a host can have. */
export function exampleIn({ start, end, family }: TrafficSelector): IpAddress {
  return start === end ? start : ipFromBigInt(ipToBigInt(start) + 1n, family)
}

function tunState(): HostLook['tun'] {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    return 'usable'
  } catch {
    return existsSync('/dev/net/tun') ? 'not permitted' : 'missing'
  }
}

function addressesOf(netlink: Netlink): readonly HostAddress[] {
  const names = new Map(listLinks(netlink).map(({ index, name }) => [index, name]))
  return listAddresses(netlink).map(({ link, address, prefixLength }) => ({
    address,
    prefixLength,
    interface: names.get(link) ?? `interface ${link}`,
  }))
}

function destinationsOf(config: Config | undefined): readonly IpAddress[] {
  const tunnels = config?.tunnels ?? []
  const peers = tunnels.flatMap((tunnel) => addressOfPeer(tunnel) ?? [])
  const networks = tunnels.flatMap((tunnel) => tunnel.networks.map(({ local }) => exampleIn(local)))
  return [...new Set([...peers, ...networks])]
}

function waysTo(
  destinations: readonly IpAddress[],
  netlink: Netlink,
): ReadonlyMap<IpAddress, HostWay | undefined> {
  const names = new Map(listLinks(netlink).map(({ index, name }) => [index, name]))
  return new Map(
    destinations.map((destination) => {
      const path = routeTo(netlink, destination)
      const name = path === undefined ? undefined : names.get(path.link)
      return [
        destination,
        path === undefined || name === undefined ? undefined : { interface: name, mtu: path.mtu },
      ]
    }),
  )
}

/** Where the kernel does not answer, nothing is claimed. */
function asked<T extends object>(look: () => T): T | Record<string, never> {
  try {
    return look()
  } catch (error) {
    if (error instanceof SystemError || (error instanceof Error && 'code' in error)) return {}
    throw error
  }
}
