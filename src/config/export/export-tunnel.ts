import type { TunnelConfig } from '../config.ts'
import { PRESET_NAMES } from '../presets/catalog.ts'
import { exportCiscoAsa, exportCiscoIos } from './cisco.ts'
import { exportAws, exportAzure } from './clouds.ts'
import type { Exported } from './exported.ts'
import { type FarEnd, farEnd } from './far-end.ts'
import { exportNetbox, exportPfsense, exportText } from './forms.ts'
import { exportFortigate } from './fortigate.ts'
import { exportJuniperSrx } from './juniper-srx.ts'
import { exportMikrotik } from './mikrotik.ts'
import { exportPaloAlto } from './palo-alto.ts'
import { exportLibreswan, exportStrongswanIpsec, exportSwanctl } from './swan.ts'

/** What `--for` takes. */
export const EXPORT_TARGETS = [
  'cisco-ios',
  'cisco-asa',
  'strongswan-swanctl',
  'strongswan-ipsec',
  'libreswan',
  'fortigate',
  'juniper-srx',
  'palo-alto',
  'mikrotik',
  'pfsense',
  'aws',
  'azure',
  'netbox',
  'text',
] as const

export type ExportTarget = (typeof EXPORT_TARGETS)[number]

export type TunnelExport = {
  readonly target: ExportTarget
  readonly tunnel: string
  /** The configuration with what must be done by hand in its comments. */
  readonly text: string
  readonly byHand: readonly string[]
}

/** The configuration of the other end of a tunnel of ours. */
export function exportTunnel(
  tunnel: TunnelConfig,
  target: ExportTarget,
  options: { readonly showSecrets: boolean },
): TunnelExport {
  const far = farEnd(tunnel, options)
  const exported = EXPORTERS[target](far)
  const byHand = [...far.byHand, ...exported.byHand]
  return { target, tunnel: tunnel.name, text: textOf(far, exported, byHand), byHand }
}

/** The target a preset speaks of, where there is one. */
export function targetOfPreset(preset: string | undefined): ExportTarget | undefined {
  if (preset === undefined || !PRESET_NAMES.includes(preset)) return undefined
  const alike: Readonly<Record<string, ExportTarget>> = {
    'azure-default': 'azure',
    opnsense: 'pfsense',
    strongswan: 'strongswan-swanctl',
  }
  return alike[preset] ?? EXPORT_TARGETS.find((target) => target === preset)
}

const EXPORTERS: Readonly<Record<ExportTarget, (far: FarEnd) => Exported>> = {
  'cisco-ios': exportCiscoIos,
  'cisco-asa': exportCiscoAsa,
  'strongswan-swanctl': exportSwanctl,
  'strongswan-ipsec': exportStrongswanIpsec,
  libreswan: exportLibreswan,
  fortigate: exportFortigate,
  'juniper-srx': exportJuniperSrx,
  'palo-alto': exportPaloAlto,
  mikrotik: exportMikrotik,
  pfsense: exportPfsense,
  aws: exportAws,
  azure: exportAzure,
  netbox: exportNetbox,
  text: exportText,
}

function textOf(far: FarEnd, { comment, lines }: Exported, byHand: readonly string[]): string {
  if (comment === undefined) {
    const steps =
      byHand.length === 0 || lines[0]?.startsWith('{') === true
        ? []
        : ['', 'By hand', ...byHand.map((step) => `  - ${step}`)]
    return `${[...lines, ...steps].join('\n')}\n`
  }
  const head = [
    `Your end of the IPsec tunnel "${far.name}" with ${far.remote}, made by causeway export.`,
    ...(byHand.length === 0 ? [] : ['By hand:', ...byHand.map((step) => `- ${step}`)]),
  ]
  return `${[...head.flatMap((line) => commented(comment, line)), ...lines].join('\n')}\n`
}

function commented(mark: string, text: string): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= 78)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`${mark} ${lines.length > 0 && text.startsWith('- ') ? '  ' : ''}${word}`)
  }
  return lines
}
