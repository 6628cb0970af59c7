import type { Preset } from './preset.ts'

const LIBRESWAN = 'https://github.com/libreswan/libreswan/tree/main/configs/d.ipsec.conf/conn'

const LIBRESWAN_SUITES = 'https://github.com/libreswan/libreswan/blob/main/lib/libswan/ike_info.c'

export const libreswan: Preset = {
  name: 'libreswan',
  title: 'libreswan',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes256-sha256-group14', 'aes256-sha512-group14', 'aes128-sha256-group14'],
      why: 'of the defaults of IKEv1 those with group 14, which PFS then takes, too',
      source: LIBRESWAN_SUITES,
    },
    { key: 'phase1.lifetime', value: '8h', why: 'ikelifetime', source: LIBRESWAN },
    { key: 'phase2.lifetime', value: '8h', why: 'ipsec-lifetime', source: LIBRESWAN },
    {
      key: 'phase2.pfs',
      value: 'group14',
      why: 'pfs is on, with the group of phase 1',
      source: LIBRESWAN,
    },
  ],
  confirm: [
    'ikev2=no in the connection: without it libreswan speaks IKEv2 only',
    'leftsubnet and rightsubnet: networks is the same, mirrored',
  ],
  habits: [
    {
      text: 'Dead peer detection is off unless dpddelay is set; ours works all the same.',
      source: LIBRESWAN,
    },
    {
      text: 'Group 2 is not built in since 5.5.',
      source: 'https://github.com/libreswan/libreswan/blob/main/CHANGES',
    },
  ],
}
