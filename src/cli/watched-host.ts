import type { WatchStatus } from '#control/status'
import { ageText } from './status-view.ts'

/** `ping 10.2.0.1 11 ms, 0 of 60 lost`. */
export function watchedText(
  { target, asked, lost, roundTrip, silentSince, answeredAt, unasked }: WatchStatus,
  at: string,
): string {
  const ping = `ping ${target}`
  if (unasked !== undefined) {
    return unasked === 'no-sa'
      ? `${ping} not sent: its network pair is not up`
      : `${ping} not sent: no address of this gateway is in the local network`
  }
  if (asked === 0) return `${ping} not answered yet`
  const count = `${lost} of ${asked} lost`
  if (answeredAt === undefined) return `${ping} never answered, ${count}`
  if (silentSince !== undefined) return `${ping} silent for ${ageText(silentSince, at)}, ${count}`
  return `${ping} ${millisecondsText(roundTrip ?? 0)}, ${count}`
}

function millisecondsText(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`
}
