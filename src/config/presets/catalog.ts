import { aws } from './aws.ts'
import { azure, azureDefault } from './azure.ts'
import { checkpoint } from './checkpoint.ts'
import { ciscoAsa, ciscoIos } from './cisco.ts'
import { draytek } from './draytek.ts'
import { fortigate } from './fortigate.ts'
import { gcp } from './gcp.ts'
import { juniperSrx } from './juniper-srx.ts'
import { libreswan } from './libreswan.ts'
import { mikrotik } from './mikrotik.ts'
import { oci } from './oci.ts'
import { paloAlto } from './palo-alto.ts'
import { opnsense, pfsense } from './pfsense.ts'
import type { Preset } from './preset.ts'
import { sonicwall } from './sonicwall.ts'
import { sophosUtm } from './sophos-utm.ts'
import { strongswan } from './strongswan.ts'
import { vyos } from './vyos.ts'

/** All presets, by name. */
export const PRESETS: readonly Preset[] = [
  aws,
  azure,
  azureDefault,
  checkpoint,
  ciscoAsa,
  ciscoIos,
  draytek,
  fortigate,
  gcp,
  juniperSrx,
  libreswan,
  mikrotik,
  oci,
  opnsense,
  paloAlto,
  pfsense,
  sonicwall,
  sophosUtm,
  strongswan,
  vyos,
]

export const PRESET_NAMES: readonly string[] = PRESETS.map(({ name }) => name)

export function presetNamed(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name)
}
