import type { Preset } from './preset.ts'

const SWANCTL = 'https://github.com/strongswan/strongswan/blob/master/src/swanctl/swanctl.opt'

export const strongswan: Preset = {
  name: 'strongswan',
  title: 'strongSwan with swanctl.conf',
  values: [
    { key: 'phase1.lifetime', value: '4h', why: 'rekey_time of a connection', source: SWANCTL },
    { key: 'phase2.lifetime', value: '1h', why: 'rekey_time of a child', source: SWANCTL },
  ],
  confirm: [
    'proposals and esp_proposals; a group at the end of esp_proposals is PFS',
    'local_ts and remote_ts of each child: networks is the same, mirrored',
  ],
  habits: [
    {
      text: 'Dead peer detection is off unless dpd_delay is set; ours works all the same.',
      source: SWANCTL,
    },
    {
      text: 'A connection with version 0 initiates IKEv2: have version = 1 written.',
      source: SWANCTL,
    },
  ],
}
