import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { Config, TunnelConfig } from '#config/config'
import type { TrafficSelector } from '#policy/traffic-selector'

/** A tunnel as the reader would give it; `overrides` say what matters to the test. */
export function sampleTunnel(name: string, overrides: Partial<TunnelConfig> = {}): TunnelConfig {
  const address = ip('203.0.113.10')
  const peer = overrides.peer ?? ip('198.51.100.7')
  return {
    name,
    ike: 'v1-main',
    local: address,
    peer,
    localId: { kind: 'address', address },
    remoteId:
      peer === 'any' || peer === 'unresolved'
        ? { kind: 'fqdn', name: 'branch' }
        : { kind: 'address', address: peer },
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
    networks: [
      { local: network('10.1.0.0', '10.1.255.255'), remote: network('10.2.0.0', '10.2.255.255') },
    ],
    start: 'always',
    encapsulation: 'auto',
    replayWindow: 256,
    deadPeer: { probeEvery: 10_000, giveUpAfter: 30_000 },
    interfaceName: `cw-${name}`,
    probeV2: false,
    secondLook: true,
    positions: {
      '': { file: 'causeway.yaml', line: 10, column: 3 },
      phase1: { file: 'causeway.yaml', line: 12, column: 13 },
    },
    ...overrides,
  }
}

export function sampleConfig(...tunnels: readonly TunnelConfig[]): Config {
  return { gateway: { name: 'gw-berlin', control: '/run/causeway.sock' }, tunnels }
}

function network(start: string, end: string): TrafficSelector {
  return { family: 4, protocol: 0, start: ip(start), end: ip(end), startPort: 0, endPort: 0xffff }
}
