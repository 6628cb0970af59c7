import { GatewayProcess, type GatewaySettings, type TunnelSettings } from './gateway.ts'
import { emulateLink, type LinkQuality } from './link-emulator.ts'
import { ADDRESSES, buildTopology, type Topology } from './topology.ts'

/** Two real gateways, each as its own file has it, and one tunnel between their sites. */

export type Site = 'a' | 'b'

export type Gateways = { readonly a: GatewayProcess; readonly b: GatewayProcess }

export type TunnelOptions = {
  /** Beside, or in the place of, what `tunnelAt` has. */
  readonly tunnel?: Partial<TunnelSettings>
  /** Beside that, what only gateway B has. */
  readonly b?: Partial<TunnelSettings>
  /** Between gateway A and the middle; a cable unless told. */
  readonly link?: LinkQuality
}

/** What the tunnel is called at both gateways. */
export const TUNNEL = 'site'

/** The tunnel as one gateway has it: IPv4 inside and outside, and nothing goes through it but what a test sends. */
export function tunnelAt(site: Site, more: Partial<TunnelSettings> = {}): TunnelSettings {
  return {
    ...outerAt(site, 'ipv4'),
    networks: [networksAt(site).ipv4],
    psk: 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa',
    start: 'respond',
    proof: 'off',
    ...more,
  }
}

/** The addresses a gateway has and looks for. */
export function outerAt(
  site: Site,
  version: 'ipv4' | 'ipv6',
): { readonly address: string; readonly peer: string } {
  const [a, b] = [ADDRESSES.gatewayA[version], ADDRESSES.gatewayB[version]]
  return site === 'a' ? { address: a, peer: b } : { address: b, peer: a }
}

/** The network pairs of the two sites, as a gateway has them. */
export function networksAt(site: Site): { readonly ipv4: string; readonly ipv6: string } {
  const [us, them] = site === 'a' ? [1, 2] : [2, 1]
  return {
    ipv4: `10.${us}.0.0/16 <-> 10.${them}.0.0/16`,
    ipv6: `fd00:${us}::/64 <-> fd00:${them}::/64`,
  }
}

/** A topology of its own and the tunnel in it, up, for the time of `work`. */
export async function withTunnel(
  { tunnel, b: atB, link }: TunnelOptions,
  work: (site: Gateways & { readonly net: Topology }) => Promise<void>,
): Promise<void> {
  const settings = {
    a: { name: 'a', tunnels: { [TUNNEL]: tunnelAt('a', tunnel) } },
    b: { name: 'b', tunnels: { [TUNNEL]: tunnelAt('b', { ...tunnel, ...atB }) } },
  }
  const net = await buildTopology()
  try {
    const emulated = link === undefined ? undefined : await emulateLink(net, link)
    try {
      await withGateways(net, settings, async (gateways) => {
        await gateways.a.up(TUNNEL)
        await work({ net, ...gateways })
      })
    } finally {
      await emulated?.stop()
    }
  } finally {
    net.dispose()
  }
}

/** Both gateways of a topology for the time of `work`; B is there first. */
export async function withGateways<T>(
  net: Topology,
  settings: Readonly<Record<Site, GatewaySettings>>,
  work: (gateways: Gateways) => Promise<T>,
  /** Of the command line of gateway A. */
  options: readonly string[] = [],
): Promise<T> {
  const b = await GatewayProcess.start(net.gatewayB, settings.b)
  try {
    const a = await GatewayProcess.start(net.gatewayA, settings.a, options)
    try {
      return await work({ a, b })
    } finally {
      await a.stop()
    }
  } finally {
    await b.stop()
  }
}
