import type { Preset } from './preset.ts'

const IKE_PROFILE =
  'https://docs.paloaltonetworks.com/network-security/ipsec-vpn/administration (Define IKE Crypto Profiles)'
const IPSEC_PROFILE =
  'https://docs.paloaltonetworks.com/network-security/ipsec-vpn/administration (Define IPSec Crypto Profiles)'

export const paloAlto: Preset = {
  name: 'palo-alto',
  title: 'Palo Alto Networks PAN-OS',
  values: [
    {
      key: 'phase1.lifetime',
      value: '8h',
      why: 'the default of an IKE crypto profile',
      source: IKE_PROFILE,
    },
    {
      key: 'phase2.lifetime',
      value: '1h',
      why: 'the default of an IPsec crypto profile',
      source: IPSEC_PROFILE,
    },
    {
      key: 'networks',
      value: 'any',
      why: 'a tunnel without Proxy IDs is 0.0.0.0/0 on both sides',
      source: IPSEC_PROFILE,
    },
  ],
  confirm: [
    'the crypto profiles: the factory profile "default" is aes128-sha1-group2 with PFS group 2, which RFC 8247 advises against; have a profile with aes256, sha256 and group 14 made',
    'Proxy IDs: where they are set, list the same pairs mirrored under networks',
  ],
  habits: [
    {
      text: 'NAT traversal is a checkbox of the IKE gateway, off by default.',
      source: IKE_PROFILE,
    },
  ],
}
