import type { Preset } from './preset.ts'

/** Not verified: nothing of its defaults could be read at the maker's. Questions alone. */
export const draytek: Preset = {
  name: 'draytek',
  title: 'DrayTek Vigor (not verified: it sets nothing, and says what to ask)',
  values: [],
  confirm: [
    'IKE phase 1 mode (Main), proposal and key lifetime, under IKE advanced settings',
    'IKE phase 2 proposal and key lifetime, and Perfect Forward Secrecy (then write phase2.pfs; else pfs none)',
    'Local ID: empty in Main mode',
    'its TCP/IP network settings: networks is the same, mirrored',
  ],
  habits: [],
}
