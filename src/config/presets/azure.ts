import type { Preset, PresetHabit, PresetValue } from './preset.ts'

const POLICY = 'https://learn.microsoft.com/azure/vpn-gateway/ipsec-ike-policy-howto'
const DEVICES = 'https://learn.microsoft.com/azure/vpn-gateway/vpn-gateway-about-vpn-devices'
const CRYPTO = 'https://learn.microsoft.com/azure/vpn-gateway/vpn-gateway-about-compliance-crypto'

const COMMON: readonly PresetValue[] = [
  { key: 'phase1.lifetime', value: '8h', why: 'fixed at 28,800 seconds', source: DEVICES },
  { key: 'phase2.lifetime', value: '7h30m', why: 'the default, 27,000 seconds', source: DEVICES },
  {
    key: 'phase2.volume',
    value: '102400000KB',
    why: 'the default, which Azure sends along',
    source: DEVICES,
  },
  {
    key: 'networks',
    value: 'any',
    why: 'a route-based gateway agrees on everything, unless UsePolicyBasedTrafficSelectors is on',
    source: DEVICES,
  },
  { key: 'dead-peer.probe-every', value: '15s', why: 'three within the 45 s', source: CRYPTO },
  {
    key: 'dead-peer.give-up-after',
    value: '45s',
    why: 'the default of the connection, 9 to 3,600 s',
    source: CRYPTO,
  },
  { key: 'interface.mtu', value: 1400, why: 'advised for every device', source: DEVICES },
]

const HABITS: readonly PresetHabit[] = [
  {
    text: 'With UsePolicyBasedTrafficSelectors Azure asks for pairs of prefixes: list them under networks.',
    source: DEVICES,
  },
  {
    text: 'With an APIPA address for BGP Azure never opens the session: our side must.',
    source: DEVICES,
  },
]

export const azure: Preset = {
  name: 'azure',
  title: 'Azure VPN gateway, route-based, with a custom IPsec/IKE policy',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes256-sha256-group14'],
      why: 'one combination of the custom policy: AES256, SHA256, DHGroup14',
      source: POLICY,
    },
    {
      key: 'phase2.propose',
      value: ['aes256gcm16'],
      why: 'GCMAES256 for encryption and integrity alike; Azure has no SHA-384 or SHA-512 for ESP',
      source: POLICY,
    },
    { key: 'phase2.pfs', value: 'group14', why: 'PFS2048 of the custom policy', source: POLICY },
    ...COMMON,
  ],
  confirm: [
    'that the connection in Azure has a custom policy with exactly these values: without one Azure offers group 2 only (preset: azure-default)',
    'that the connection was made with IKEv1',
  ],
  habits: [
    {
      text: 'A custom policy is one combination: Azure then sends and accepts that and nothing else.',
      source: POLICY,
    },
    ...HABITS,
  ],
}

export const azureDefault: Preset = {
  name: 'azure-default',
  title: 'Azure VPN gateway, route-based, without a custom policy (group 2, no PFS)',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes256-sha256-group2', 'aes256-sha1-group2'],
      why: 'the default policy has no other group; a custom policy has (preset: azure)',
      source: DEVICES,
    },
    {
      key: 'phase2.propose',
      value: ['aes256gcm16', 'aes256-sha256'],
      why: 'accepted by the default policy',
      source: DEVICES,
    },
    {
      key: 'phase2.pfs',
      value: 'none',
      why: 'Azure offers no PFS when it initiates',
      source: DEVICES,
    },
    ...COMMON,
  ],
  confirm: ['that the connection was made with IKEv1'],
  habits: HABITS,
}
