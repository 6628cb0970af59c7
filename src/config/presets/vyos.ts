import type { Preset } from './preset.ts'

const VYOS =
  'https://github.com/vyos/vyos-documentation/blob/master/docs/configuration/vpn/ipsec.rst'

export const vyos: Preset = {
  name: 'vyos',
  title: 'VyOS',
  values: [
    { key: 'phase1.lifetime', value: '8h', why: 'lifetime of an ike-group', source: VYOS },
    { key: 'phase2.lifetime', value: '1h', why: 'lifetime of an esp-group', source: VYOS },
    { key: 'dead-peer.probe-every', value: '30s', why: 'interval of the ike-group', source: VYOS },
    { key: 'dead-peer.give-up-after', value: '2m', why: 'timeout of the ike-group', source: VYOS },
  ],
  confirm: [
    'the algorithms of ike-group and esp-group: AES-128 with SHA-1 where none is set',
    'pfs of the esp-group: the group of the ike-group unless another is set',
  ],
  habits: [],
}
