import { formatSelector, type SelectorPair, type TrafficSelector } from '#policy/traffic-selector'

/** An age or a wait in two units at most: `6d02h`, `3h11m`, `14m02s`, `41s`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const first = UNITS.findIndex(([, size]) => whole >= size)
  const [letter, size] = UNITS[first] ?? ['s', 1]
  const minor = UNITS[first + 1]
  const count = `${Math.floor(whole / size)}${letter}`
  const rest = minor === undefined ? 0 : Math.floor((whole % size) / minor[1])
  return minor === undefined || rest === 0
    ? count
    : `${count}${String(rest).padStart(2, '0')}${minor[0]}`
}

/** Seen from this gateway: `ours ↔ theirs`. */
export function pairText({ local, remote }: SelectorPair): string {
  return `${formatSelector(local)} ↔ ${formatSelector(remote)}`
}

/** Each network once: `10.2.0.0/16, 10.3.7.0/24 tcp/443`; a long list is cut. */
export function networksText(selectors: readonly TrafficSelector[]): string {
  const texts = [...new Set(selectors.map(formatSelector))]
  const rest = texts.length - MOST_NETWORKS
  const shown = texts.slice(0, MOST_NETWORKS).join(', ')
  return rest > 0 ? `${shown} and ${rest} more` : shown
}

const MOST_NETWORKS = 4

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
]
