import type { TunnelConfig } from './config.ts'
import { presetNamed } from './presets/catalog.ts'

/** What a tunnel has from its preset rather than from its own lines. */
export type PresetReport = {
  readonly tunnel: string
  readonly preset: string
  readonly values: readonly { readonly key: string; readonly value: string }[]
  /** What the preset leaves open, to be agreed with the peer. */
  readonly confirm: readonly string[]
}

/** @returns undefined for a tunnel without a preset. */
export function presetReport({ name, preset, positions }: TunnelConfig): PresetReport | undefined {
  const found = preset === undefined ? undefined : presetNamed(preset)
  const at = positions.preset
  if (found === undefined || at === undefined) return undefined
  const values = found.values.flatMap(({ key, value }) => {
    const place = positions[key]
    // What comes from the preset stands where the preset is named.
    const isOurs =
      place !== undefined &&
      place.file === at.file &&
      place.line === at.line &&
      place.column === at.column
    return isOurs ? [{ key, value: shownValue(value) }] : []
  })
  return { tunnel: name, preset: found.name, values, confirm: found.confirm }
}

/** A value of a preset as the file would have it. */
export function shownValue(value: string | number | readonly string[]): string {
  return typeof value === 'object' ? `[${value.join(', ')}]` : String(value)
}
