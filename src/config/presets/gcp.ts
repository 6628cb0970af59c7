import type { Preset } from './preset.ts'

const CIPHERS =
  'https://docs.cloud.google.com/network-connectivity/docs/vpn/concepts/supported-ike-ciphers'
const ADVANCED = 'https://cloud.google.com/compute/docs/vpn/advanced'

export const gcp: Preset = {
  name: 'gcp',
  title: 'Google Cloud VPN with IKEv1',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes128-sha1-group2'],
      why: 'all that Google has for IKEv1; weak, and better only with IKEv2',
      source: CIPHERS,
    },
    { key: 'phase1.lifetime', value: '10h10m', why: 'documented as 36,600 s', source: CIPHERS },
    {
      key: 'phase2.propose',
      value: ['aes128-sha1'],
      why: 'all that Google has for IKEv1',
      source: CIPHERS,
    },
    {
      key: 'phase2.pfs',
      value: 'group2',
      why: 'PFS is required, with the group of phase 1',
      source: CIPHERS,
    },
    { key: 'phase2.lifetime', value: '3h', why: 'documented as 10,800 s', source: CIPHERS },
    {
      key: 'networks',
      value: 'any',
      why: 'one Child SA carries everything: one pair for each network fails',
      source: ADVANCED,
    },
  ],
  confirm: ['that the tunnel in Google Cloud was made with IKEv1, and is route-based'],
  habits: [
    {
      text: 'Where its networks are listed, IKEv1 takes one pair: write exactly that pair under networks.',
      source: ADVANCED,
    },
  ],
}
