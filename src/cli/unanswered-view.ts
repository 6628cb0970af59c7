import type { NetworkStatus, TunnelStatus, UnansweredStatus } from '#control/status'
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

/** Another message that means the same: no more than what it is for. */
export function alikeText(
  { pair }: Pick<UnansweredStatus, 'pair'>,
  networks: readonly NetworkStatus[],
): string {
  const found = pair === undefined ? undefined : networks[pair]
  if (found === undefined) return 'the same for another message'
  return `the same for ${found.local} ↔ ${found.remote}`
}

export function alikeLines(code: string, text: string, columns: number): readonly string[] {
  const indent = ' '.repeat(code.length + 4)
  return wrap(text, columns - indent.length).map((line, index) =>
    index === 0 ? `  ${code}  ${line}` : `${indent}${line}`,
  )
}

/** The first message of those that mean the same, and the texts of the others. */
export type NewlyUnanswered = {
  readonly message: UnansweredStatus & Unanswered
  readonly alike: readonly string[]
}

/** Of a tunnel those whose meaning is not told already, by an attempt before. */
export function newlyUnanswered(tunnel: TunnelStatus, at: string): readonly NewlyUnanswered[] {
  const known = standingFailures(tunnel).map(({ failure }) => failure.code)
  const now = Date.parse(at)
  const waiting = (tunnel.unanswered ?? []).filter(({ failure }) => !known.includes(failure.code))
  const codes = new Set(waiting.map(({ failure }) => failure.code))
  return [...codes].flatMap((code) => {
    const [first, ...others] = waiting.filter(({ failure }) => failure.code === code)
    if (first === undefined) return []
    const message = {
      ...first,
      waited: now - Date.parse(first.since),
      remaining: Date.parse(first.until) - now,
    }
    return [{ message, alike: others.map((other) => alikeText(other, tunnel.networks)) }]
  })
}
