import { RequestRefused } from '#control/server'
import { matchesName } from '#policy/name-pattern'

/** The tunnels that names and globs (`*`, `?`) stand for, in the order of the configuration. @throws RequestRefused */
export function selectTunnels(
  patterns: readonly string[] | undefined,
  configured: readonly string[],
): readonly string[] {
  if (patterns === undefined) return configured
  const matched = new Set<string>()
  for (const pattern of patterns) {
    const found = configured.filter((name) => matchesName(pattern, name))
    if (found.length === 0) throw new RequestRefused('unknown-tunnel', unknown(pattern, configured))
    for (const name of found) matched.add(name)
  }
  return configured.filter((name) => matched.has(name))
}

function unknown(pattern: string, configured: readonly string[]): string {
  const what = /[*?]/.test(pattern) ? `no tunnel matches "${pattern}"` : `no tunnel "${pattern}"`
  if (configured.length === 0) return `${what}: the configuration has none`
  const shown = configured.slice(0, 12).join(', ')
  const rest = configured.length > 12 ? `, and ${configured.length - 12} more` : ''
  return `${what}; there are ${shown}${rest}`
}
