import type { Preset } from './preset.ts'

const PFSENSE =
  'https://github.com/pfsense/docs/blob/master/source/vpn/ipsec/ipsec-troubleshooting.rst'

const PFSENSE_VALUES = [
  { key: 'phase1.lifetime', value: '8h', why: 'the documented life time', source: PFSENSE },
  { key: 'phase2.lifetime', value: '1h', why: 'the documented life time', source: PFSENSE },
] as const

const PFSENSE_CONFIRM = [
  'the algorithms of phase 1 and phase 2, and the PFS key group',
  'tunnel mode (then networks is the same, mirrored) or routed VTI (then networks: any)',
] as const

const PFSENSE_HABITS = [
  {
    text: 'Behind a NAT "My IP address" sends the private address: peer-id: {sends: ADDRESS}.',
    source: PFSENSE,
  },
] as const

export const pfsense: Preset = {
  name: 'pfsense',
  title: 'pfSense',
  values: PFSENSE_VALUES,
  confirm: PFSENSE_CONFIRM,
  habits: PFSENSE_HABITS,
}

export const opnsense: Preset = {
  name: 'opnsense',
  title: 'OPNsense (strongSwan, as pfSense)',
  values: PFSENSE_VALUES,
  confirm: PFSENSE_CONFIRM,
  habits: PFSENSE_HABITS,
}
