import type { Config } from '#config/config'
import { type PresetReport, presetReport } from '#config/preset-report'

/** What each tunnel has from its preset. */
export function presetReports({ tunnels }: Config): readonly PresetReport[] {
  return tunnels.flatMap((tunnel) => presetReport(tunnel) ?? [])
}

/** One sentence for each preset in use. */
export function presetNotes(config: Config): readonly string[] {
  const reports = presetReports(config)
  return [...new Set(reports.map(({ preset }) => preset))].map((preset) => {
    const tunnels = reports.filter((report) => report.preset === preset)
    const names = tunnels.map(({ tunnel }) => tunnel)
    const who = names.length > MOST_NAMES ? `${names.length} tunnels` : names.join(', ')
    const questions = tunnels[0]?.confirm.length ?? 0
    return `${who}: preset ${preset} leaves ${questions} ${questions === 1 ? 'thing' : 'things'} to confirm with the peer: causeway explain preset ${preset}`
  })
}

const MOST_NAMES = 5
