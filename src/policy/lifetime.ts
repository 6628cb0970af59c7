import { type TextProblem, textProblem } from './text-problem.ts'

/** Reads `8h`, `30m`, `3h12m`, `1d 6h`, `90 seconds`, `3600`. @returns seconds. */
export function parseDuration(text: string): number | TextProblem {
  const plain = text.trim().toLowerCase()
  if (/^\d{1,12}$/.test(plain)) return Number(plain)
  const parts = [...plain.matchAll(/(\d{1,9})\s*([a-z]+)\s*/g)]
  const whole = parts.map(([part]) => part).join('')
  if (parts.length === 0 || whole !== plain) return notADuration(text)
  let seconds = 0
  for (const [, count, unit] of parts) {
    const size = UNITS.get(unit ?? '')
    if (size === undefined) return notADuration(text, `${unit}`)
    seconds += Number(count) * size
  }
  return seconds
}

/** `8h`, `3h12m`, `1d6h`, `45s`: exact to the second, without the units that are zero. */
export function formatDuration(seconds: number): string {
  let left = Math.max(0, Math.round(seconds))
  let text = ''
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / size)
    if (count > 0) text += `${count}${unit}`
    left -= count * size
  }
  return text === '' ? '0s' : text
}

/** Reads `unlimited`, `100GB`, `4608000 KB`, `4608000`. @returns kilobytes of 1,024 octets, undefined for no limit. */
export function parseVolume(
  text: string,
): { readonly kilobytes: number | undefined } | TextProblem {
  const plain = text.trim().toLowerCase()
  if (plain === 'unlimited' || plain === 'none') return { kilobytes: undefined }
  const match = /^(\d{1,12})\s*([a-z]*)$/.exec(plain)
  const size = VOLUMES.get(match?.[2] ?? '')
  if (match === null || size === undefined)
    return textProblem(text, `"${text}" is not an amount of data`, {
      hints: ['written for example 100GB, 4608000KB, unlimited'],
    })
  return { kilobytes: Number(match[1]) * size }
}

function notADuration(text: string, unit?: string): TextProblem {
  const message =
    unit === undefined
      ? `"${text}" is not a length of time`
      : `"${text}" is not a length of time: there is no unit "${unit}"`
  return textProblem(unit ?? text, message, { hints: ['written for example 8h, 30m, 1h30m, 3600'] })
}

const UNITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    s: 1,
    sec: 1,
    second: 1,
    seconds: 1,
    m: 60,
    min: 60,
    minute: 60,
    minutes: 60,
    h: 3_600,
    hour: 3_600,
    hours: 3_600,
    d: 86_400,
    day: 86_400,
    days: 86_400,
  }),
)

/** In kilobytes; a bare number is what IKEv1 itself counts in. */
const VOLUMES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    '': 1,
    k: 1,
    kb: 1,
    kib: 1,
    m: 1_024,
    mb: 1_024,
    mib: 1_024,
    g: 1_048_576,
    gb: 1_048_576,
    gib: 1_048_576,
    t: 1_073_741_824,
    tb: 1_073_741_824,
    tib: 1_073_741_824,
  }),
)
