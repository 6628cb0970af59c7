import type { Preset } from './preset.ts'

const SONICWALL =
  'https://www.sonicwall.com/support/technical-documentation/docs/nsm-admin_guide_saas (VPN, global settings)'

const SONICWALL_MANUAL = 'SonicOS Enhanced administrator’s guide, VPN, Proposals: Life Time'

export const sonicwall: Preset = {
  name: 'sonicwall',
  title: 'SonicWall',
  values: [
    { key: 'phase1.lifetime', value: '8h', why: 'the default, 28,800 s', source: SONICWALL_MANUAL },
    { key: 'phase2.lifetime', value: '8h', why: 'the default, 28,800 s', source: SONICWALL_MANUAL },
    { key: 'dead-peer.probe-every', value: '1m', why: 'its interval', source: SONICWALL },
    { key: 'dead-peer.give-up-after', value: '3m', why: 'three missed', source: SONICWALL },
  ],
  confirm: [
    'the algorithms of both phases, and Enable Perfect Forward Secrecy',
    'that Exchange is Main Mode: newer releases make policies for IKEv2',
    'the Peer IKE ID and Local IKE ID: IPv4 address unless changed',
  ],
  habits: [],
}
