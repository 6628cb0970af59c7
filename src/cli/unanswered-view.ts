import type { TunnelStatus, UnansweredStatus } from '#control/status'
import { type FailureBlock, failureText } from '#diagnosis/failure-text'
import { type Unanswered, unansweredText } from '#diagnosis/unanswered-text'
import { wrap } from '#diagnosis/wrap'
import { standingFailures } from './standing-failure.ts'

/** A message without an answer, and the verdict that stands until one comes; what to write to the peer is said when it is final. */
export function unansweredLines(
  message: Unanswered & { readonly failure: FailureBlock },
  columns: number,
): readonly string[] {
  const { forPeer: _, ...failure } = message.failure
  const text = `${unansweredText(message)}. Should none come:`
  return [
    ...wrap(`${text.slice(0, 1).toUpperCase()}${text.slice(1)}`, columns - 2).map(
      (line) => `  ${line}`,
    ),
    ...failureText(failure, columns),
  ]
}

/** Of a tunnel those whose meaning is not told already, by an attempt before. */
export function newlyUnanswered(
  tunnel: TunnelStatus,
  at: string,
): readonly (UnansweredStatus & Unanswered)[] {
  const known = standingFailures(tunnel).map(({ failure }) => failure.code)
  const now = Date.parse(at)
  return (tunnel.unanswered ?? [])
    .filter(({ failure }) => !known.includes(failure.code))
    .map((message) => ({
      ...message,
      waited: now - Date.parse(message.since),
      remaining: Date.parse(message.until) - now,
    }))
}
