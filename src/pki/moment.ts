/** Milliseconds since 1970-01-01T00:00:00Z: the date is an argument everywhere in here, never a clock. */
export type Moment = number

/** `2026-11-23 14:02 UTC`. */
export function formatMoment(moment: Moment): string {
  const { year, month, day, hour, minute } = civil(moment)
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)} UTC`
}

/** UTCTime until 2049 and GeneralizedTime from 2050 (RFC 5280 §4.1.2.5): which one, and its text. */
export function timeText(moment: Moment): { readonly utc: boolean; readonly text: string } {
  const { year, month, day, hour, minute, second } = civil(moment)
  const rest = `${two(month)}${two(day)}${two(hour)}${two(minute)}${two(second)}Z`
  if (year < 1950 || year >= 2050)
    return { utc: false, text: `${String(year).padStart(4, '0')}${rest}` }
  return { utc: true, text: `${two(year % 100)}${rest}` }
}

/** Only the forms DER allows (RFC 5280 §4.1.2.5.1, §4.1.2.5.2). @returns undefined for any other. */
export function parseTimeText(text: string): Moment | undefined {
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number)
  const fullYear = match[1]?.length === 4 ? year : year + (year < 50 ? 2000 : 1900)
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= 31
  if (!isDate || hour > 23 || minute > 59 || second > 59) return undefined
  const seconds = hour * 3600 + minute * 60 + second
  return (daysFromCivil(fullYear, month, day) * 86_400 + seconds) * 1000
}

export const DAY = 86_400_000

function civil(
  moment: Moment,
): Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number> {
  const days = Math.floor(moment / DAY)
  const seconds = Math.floor((moment - days * DAY) / 1000)
  // The calendar repeats every 400 years, 146 097 days; years are counted from March, so that leap days come last.
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
  }
}

function daysFromCivil(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
