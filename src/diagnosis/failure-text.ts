import type { Position, TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { wrap } from './wrap.ts'

/** The line of the configuration that decides about this failure, or the nearest one above it. */
export function positionOf(
  { key }: Pick<Failure, 'key'>,
  { name, positions }: Pick<TunnelConfig, 'name' | 'positions'>,
): Position | undefined {
  const steps = key === undefined || key === '' ? [] : key.split('.')
  for (let length = steps.length; length > 0; length--) {
    const path = steps.slice(0, length).join('.')
    const found = positions[path] ?? positions[`tunnels.${name}.${path}`]
    if (found !== undefined) return found
  }
  return positions[''] ?? positions[`tunnels.${name}`]
}

export type FailureBlock = Pick<
  Failure,
  'code' | 'summary' | 'ours' | 'theirs' | 'evidence' | 'certainty' | 'remedy'
> & { readonly line?: Position }

const LABEL_COLUMNS = 13

/**
 * The block under a ladder: code and sentence with the certainty at the right margin, both values, evidence, remedy and the
 * line of our configuration.
 */
export function failureText(failure: FailureBlock, width = 80): readonly string[] {
  const { code, certainty, line } = failure
  const room = width - 2
  const [first = '', ...more] = wrap(failure.summary, room - code.length - 2 - certainty.length - 2)
  const head = `${code}  ${first}`
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['We have', failure.ours],
    ['Peer has', failure.theirs],
    ['Evidence', failure.evidence],
    ['Remedy', failure.remedy],
    ['Line', line === undefined ? undefined : `${line.file}:${line.line}:${line.column}`],
  ]
  return [
    `  ${head}${' '.repeat(Math.max(2, room - head.length - certainty.length))}${certainty}`,
    ...more.map((text) => `  ${' '.repeat(code.length + 2)}${text}`),
    ...rows.flatMap(([label, text]) =>
      text === undefined || text === '' ? [] : labelled(label, text, room),
    ),
  ]
}

function labelled(label: string, text: string, room: number): readonly string[] {
  return wrap(text, room - LABEL_COLUMNS).map(
    (part, index) => `  ${(index === 0 ? label : '').padEnd(LABEL_COLUMNS)}${part}`,
  )
}
