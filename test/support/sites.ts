import { type IpAddress, ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { Config, TunnelConfig } from '#config/config'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'

/** Two gateways configured for each other: tunnel `berlin-paris` in both, a at 203.0.113.10, b at 198.51.100.7. */
export type Sites = { readonly a: Config; readonly b: Config }

export const TUNNEL = 'berlin-paris'

export const ADDRESS_A: IpAddress = ip('203.0.113.10')
export const ADDRESS_B: IpAddress = ip('198.51.100.7')

/** @param changes are made to the tunnel of both sides; networks are as a sees them. */
export function sites(
  changes: Partial<TunnelConfig> = {},
  changesOfA: Partial<TunnelConfig> = {},
  changesOfB: Partial<TunnelConfig> = {},
): Sites {
  const networks = changes.networks ?? [
    pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255'),
  ]
  const tunnel: TunnelConfig = {
    name: TUNNEL,
    ike: 'v1-main',
    local: ADDRESS_A,
    peer: ADDRESS_B,
    localId: { kind: 'address', address: ADDRESS_A },
    remoteId: { kind: 'address', address: ADDRESS_B },
    authentication: {
      kind: 'psk',
      psk: new Secret(new TextEncoder().encode('correct horse battery staple')),
    },
    phase1: {
      suites: [{ encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' }],
      lifetime: { seconds: 28_800 },
    },
    phase2: {
      suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
      pfs: 'modp2048',
      lifetime: { seconds: 3_600 },
    },
    mode: 'tunnel',
    start: 'always',
    encapsulation: 'auto',
    replayWindow: 64,
    deadPeer: { probeEvery: 10_000, giveUpAfter: 30_000 },
    interfaceName: 'cw-test',
    probeV2: false,
    secondLook: true,
    positions: {},
    ...changes,
    networks,
  }
  if (tunnel.remoteId.kind === 'any-of') throw new TypeError('any-of is for one side to say')
  const mirrored: TunnelConfig = {
    ...tunnel,
    local: ADDRESS_B,
    peer: ADDRESS_A,
    localId: tunnel.remoteId,
    remoteId: tunnel.localId,
    networks: networks.map(({ local, remote }) => ({ local: remote, remote: local })),
  }
  return {
    a: configOf('a', { ...tunnel, ...changesOfA }),
    b: configOf('b', { ...mirrored, ...changesOfB }),
  }
}

export function configOf(name: string, ...tunnels: readonly TunnelConfig[]): Config {
  return { gateway: { name, control: '/nonexistent' }, tunnels }
}

export function pair(
  localStart: string,
  localEnd: string,
  remoteStart: string,
  remoteEnd: string,
): SelectorPair {
  return { local: range(localStart, localEnd), remote: range(remoteStart, remoteEnd) }
}

function range(start: string, end: string): TrafficSelector {
  return {
    family: start.includes(':') ? 6 : 4,
    protocol: 0,
    start: ip(start),
    end: ip(end),
    startPort: 0,
    endPort: 65_535,
  }
}

/** Changes of side b that leave the beginning to a. */
export const A_BEGINS: Partial<TunnelConfig> = { start: 'respond' }
