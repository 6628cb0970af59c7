import { DAY, formatMoment, type Moment } from './moment.ts'

/** Expiry is warned of this long ahead. */
const EXPIRY_WARNING: number = 30 * DAY

/** Whether it has expired, or will so soon that somebody should renew it. */
export function isEnding(notAfter: Moment, now: Moment): boolean {
  return notAfter - now < EXPIRY_WARNING
}

/** `expires in 19 days (2026-12-12)`, `expired on 2026-12-12`. */
export function expiryText(notAfter: Moment, now: Moment): string {
  const day = dayText(notAfter)
  return notAfter < now ? `expired on ${day}` : `expires ${leftText(notAfter, now)} (${day})`
}

/** `in 19 days`, `in 1 day`, `today`. */
export function leftText(notAfter: Moment, now: Moment): string {
  const days = Math.floor((notAfter - now) / DAY)
  if (days === 0) return 'today'
  return days === 1 ? 'in 1 day' : `in ${days} days`
}

/** `2026-12-12`, in UTC. */
export function dayText(moment: Moment): string {
  return formatMoment(moment).slice(0, 10)
}
