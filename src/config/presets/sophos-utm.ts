import type { Preset } from './preset.ts'

const SOPHOS_UTM =
  'https://docs.sophos.com/nsg/sophos-utm/utm/9.708 (Site-to-site VPN, IPsec, Policies)'

export const sophosUtm: Preset = {
  name: 'sophos-utm',
  title: 'Sophos UTM 9',
  values: [
    {
      key: 'phase1.lifetime',
      value: '2h10m',
      why: 'the default IKE SA lifetime, 7,800 s',
      source: SOPHOS_UTM,
    },
  ],
  confirm: ['the policy: algorithms, IPsec SA lifetime and PFS group'],
  habits: [{ text: 'Main mode only.', source: SOPHOS_UTM }],
}
