import { RequestRefused } from '#control/server'

/** The tunnels that names and globs (`*`, `?`) stand for, in the order of the configuration. @throws RequestRefused */
export function selectTunnels(
  patterns: readonly string[] | undefined,
  configured: readonly string[],
): readonly string[] {
  if (patterns === undefined) return configured
  const matched = new Set<string>()
  for (const pattern of patterns) {
    const found = configured.filter((name) => matches(pattern, name))
    if (found.length === 0) throw new RequestRefused('unknown-tunnel', unknown(pattern, configured))
    for (const name of found) matched.add(name)
  }
  return configured.filter((name) => matched.has(name))
}

function matches(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name
  // One pass with one point to return to: no pattern takes more than pattern × name steps.
  let [p, n, star, mark] = [0, 0, -1, 0]
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++
      mark = n
    } else if (pattern[p] === '?' || pattern[p] === name[n]) {
      p++
      n++
    } else if (star >= 0) {
      p = star + 1
      n = ++mark
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

function unknown(pattern: string, configured: readonly string[]): string {
  const what = /[*?]/.test(pattern) ? `no tunnel matches "${pattern}"` : `no tunnel "${pattern}"`
  if (configured.length === 0) return `${what}: the configuration has none`
  const shown = configured.slice(0, 12).join(', ')
  const rest = configured.length > 12 ? `, and ${configured.length - 12} more` : ''
  return `${what}; there are ${shown}${rest}`
}
