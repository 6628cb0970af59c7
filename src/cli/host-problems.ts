import type { Config, TunnelConfig } from '#config/config'
import { type ConfigProblem, problemAt } from '#config/problem'
import { positionOf } from '#diagnosis/failure-text'
import { echoSource } from '#policy/echo-way'
import { addressOfPeer } from '#policy/peer-address'
import {
  covers,
  formatSelector,
  intersects,
  selectorFromPrefix,
  type TrafficSelector,
} from '#policy/traffic-selector'
import { exampleIn, type HostAddress, type HostLook } from './host-look.ts'

/** What a configuration asks for that this host cannot give as it stands: each under the line that asks. */
export function hostProblems(config: Config, look: HostLook): readonly ConfigProblem[] {
  return [
    ...missingAddresses(config, look),
    ...config.tunnels.flatMap((tunnel) => [
      ...unreachablePeer(tunnel, look),
      ...unreachableNetworks(tunnel, look),
      ...tooLargeMtu(tunnel, look),
      ...strictFilter(tunnel, look),
      ...unaskedHost(tunnel, look),
    ]),
    ...swallowedNetworks(config, look),
  ]
}

/** The sockets are bound to it: without it the gateway does not start. Said once for each address. */
function missingAddresses({ tunnels }: Config, { addresses }: HostLook): readonly ConfigProblem[] {
  if (addresses === undefined) return []
  const present = new Set(addresses.map(({ address }) => address))
  const missing = new Set(tunnels.map(({ local }) => local).filter((one) => !present.has(one)))
  return [...missing].flatMap((address) => {
    const users = tunnels.filter(({ local }) => local === address)
    const [first] = users
    if (first === undefined) return []
    const others = users.length > 1 ? ` and ${users.length - 1} more` : ''
    return [
      warning(first, 'address', 'CW-108', {
        message: `${address} is no address of this host: the gateway will not start here. (tunnels.${first.name}${others})`,
        hints: [
          `it has ${ownText(addresses)}`,
          'behind a static NAT write the inside address, and the outside one as id',
        ],
      }),
    ]
  })
}

function unreachablePeer(tunnel: TunnelConfig, { ways }: HostLook): readonly ConfigProblem[] {
  const peer = addressOfPeer(tunnel)
  if (peer === undefined || ways?.has(peer) !== true || ways.get(peer) !== undefined) return []
  return [
    warning(tunnel, 'peer', 'CW-101', {
      message: `this host has no route to the peer ${peer}. (tunnels.${tunnel.name})`,
      hints: [`$ ip route get ${peer}`],
    }),
  ]
}

/** What comes out of the tunnel must find its way on. */
function unreachableNetworks(tunnel: TunnelConfig, { ways }: HostLook): readonly ConfigProblem[] {
  return tunnel.networks.flatMap(({ local }, i) => {
    const example = exampleIn(local)
    if (ways?.has(example) !== true || ways.get(example) !== undefined || isAny(local)) return []
    return [
      warning(tunnel, `networks.${i}`, 'CW-502', {
        message: `this host has no route to our network ${formatSelector(local)}: what comes out of the tunnel for it is dropped. (tunnels.${tunnel.name})`,
        hints: [`$ ip route get ${example}`],
      }),
    ]
  })
}

/** The least that ESP adds in tunnel mode: outer header, ESP header, IV, trailer, ICV of AES-GCM (RFC 4303 §2, RFC 4106 §8.3). */
function tooLargeMtu(tunnel: TunnelConfig, { ways }: HostLook): readonly ConfigProblem[] {
  const { mtu, local } = tunnel
  const peer = addressOfPeer(tunnel)
  const way = peer === undefined ? undefined : ways?.get(peer)
  if (mtu === undefined || way === undefined || way.mtu === 0) return []
  const most = way.mtu - (local.includes(':') ? 40 : 20) - 8 - 8 - 2 - 16
  if (mtu <= most) return []
  return [
    warning(tunnel, 'interface.mtu', 'CW-505', {
      message: `${mtu} is too much: ${way.interface}, by which the peer is reached, takes ${way.mtu}, and ESP needs ${way.mtu - most} of it at least. (tunnels.${tunnel.name})`,
      hints: [`at most ${most}; or leave it out: it is computed`],
    }),
  ]
}

function strictFilter(
  tunnel: TunnelConfig,
  { strictReversePath }: HostLook,
): readonly ConfigProblem[] {
  if (!strictReversePath || tunnel.routes === undefined) return []
  return [
    warning(tunnel, 'interface.routes', 'CW-508', {
      message: `rp_filter is 1 (strict): what comes out of the tunnel from a network that interface.routes does not lead into it is dropped. (tunnels.${tunnel.name})`,
      hints: ['$ sysctl -w net.ipv4.conf.all.rp_filter=2'],
    }),
  ]
}

/** A host is asked from an address of this one that its answer comes back to through the tunnel. */
function unaskedHost(tunnel: TunnelConfig, { addresses }: HostLook): readonly ConfigProblem[] {
  const { name, watch, networks, modeConfig } = tunnel
  if (watch === undefined || addresses === undefined || modeConfig?.role === 'client') return []
  const ofInterface = (tunnel.addresses ?? []).map(({ address }) => address)
  const own = addresses.map(({ address }) => address)
  if (echoSource(networks, watch, ofInterface, own) !== undefined) return []
  return [
    warning(tunnel, 'watch', 'CW-503', {
      message: `${watch} cannot be asked from here: no address of this host is in the local network of its pair. (tunnels.${name})`,
      hints: [
        `it has ${ownText(addresses)}`,
        'give an interface of this host an address in that network',
      ],
    }),
  ]
}

/** Networks this host is in itself, which a larger network of a peer would take. */
function swallowedNetworks(
  { tunnels }: Config,
  { addresses = [] }: HostLook,
): readonly ConfigProblem[] {
  const own = new Set(tunnels.map(({ interfaceName }) => interfaceName))
  const locals = tunnels.flatMap(({ networks }) => networks.map(({ local }) => local))
  const connected = addresses.filter(
    (one) => one.interface !== 'lo' && !own.has(one.interface) && !isLinkLocal(one),
  )
  return tunnels.flatMap((tunnel) => {
    // What is route-based takes only what is routed into it.
    if (tunnel.routes !== undefined || tunnel.mode === 'transport') return []
    return tunnel.networks.flatMap(({ remote }, i) =>
      connected.flatMap(({ address, prefixLength, interface: name }) => {
        const network = selectorFromPrefix(address, prefixLength)
        const kept = locals.some((local) => covers(local, network))
        if (kept || remote.protocol !== 0 || !intersects(remote, network)) return []
        return [
          warning(tunnel, `networks.${i}`, 'CW-508', {
            message: `their network ${formatSelector(remote)} takes addresses of ${name} (${formatSelector(network)}): hosts there could no longer be reached from here. (tunnels.${tunnel.name})`,
            hints: ['make their network narrower, or put ours on the left side of a pair'],
          }),
        ]
      }),
    )
  })
}

function warning(
  tunnel: TunnelConfig,
  key: string,
  code: string,
  text: { readonly message: string; readonly hints: readonly string[] },
): ConfigProblem {
  const place = positionOf({ key }, tunnel)
  const path = `tunnels.${tunnel.name}.${key}`
  return problemAt('warning', place === undefined ? { file: '' } : { ...place, length: 1 }, path, {
    code,
    ...text,
  })
}

function ownText(addresses: readonly HostAddress[]): string {
  const shown = addresses
    .filter((one) => one.interface !== 'lo' && !isLinkLocal(one))
    .slice(0, MOST_SHOWN)
    .map(({ address, interface: name }) => `${address} (${name})`)
  return shown.length === 0 ? 'none but that of lo' : shown.join(', ')
}

function isLinkLocal({ address }: HostAddress): boolean {
  return address.startsWith('fe80:') || address.startsWith('169.254.')
}

function isAny(selector: TrafficSelector): boolean {
  return covers(selector, selectorFromPrefix(selector.start, 0))
}

const MOST_SHOWN = 4
