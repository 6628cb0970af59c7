import type { Preset } from './preset.ts'

const IPSEC = 'https://help.mikrotik.com/docs/spaces/ROS/pages/11993097/IPsec'

export const mikrotik: Preset = {
  name: 'mikrotik',
  title: 'MikroTik RouterOS',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes128-sha1-group14'],
      why: 'the stronger half of the default profile, aes-128, sha1, modp1024 and modp2048',
      source: IPSEC,
    },
    { key: 'phase1.lifetime', value: '1d', why: 'the default of the profile', source: IPSEC },
    {
      key: 'phase2.propose',
      value: ['aes256-sha1', 'aes192-sha1', 'aes128-sha1'],
      why: 'the default proposal',
      source: IPSEC,
    },
    { key: 'phase2.lifetime', value: '30m', why: 'the default of the proposal', source: IPSEC },
    {
      key: 'dead-peer.probe-every',
      value: '8s',
      why: 'dpd-interval of the profile',
      source: IPSEC,
    },
    {
      key: 'dead-peer.give-up-after',
      value: '32s',
      why: 'four times dpd-interval',
      source: IPSEC,
    },
  ],
  confirm: [
    'pfs-group of the proposal: modp1024 unless changed, which is too weak; have pfs-group=modp2048 set, or write phase2.pfs: group2',
    'the addresses of each policy: networks is the same, mirrored, a pair for each policy',
  ],
  habits: [
    {
      text: 'A key that begins with 0x is read as hexadecimal.',
      source: IPSEC,
    },
    {
      text: 'A masquerade rule before the policy takes the packets away: the networks must be accepted ahead of it.',
      source: IPSEC,
    },
  ],
}
