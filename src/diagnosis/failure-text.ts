import type { Position, TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { columnsOf, wrap } from './wrap.ts'

/** The line of the configuration that decides about this failure, or the nearest one above it. */
export function positionOf(
  { key }: { readonly key?: string | undefined },
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

export type FailureBlock = Omit<Failure, 'key'> & { readonly line?: Position }

/**
 * The block under a ladder: code and sentence with the certainty at the right margin, both values, evidence, remedy with the line of our
 * configuration, what to write to the peer's administrator, what else it could be, and where more is told.
 */
export function failureText(failure: FailureBlock, width = 80): readonly string[] {
  const { code, certainty, line } = failure
  const room = width - 2
  const [first = '', ...more] = wrap(failure.summary, room - code.length - 2 - certainty.length - 2)
  const head = `${code}  ${first}`
  const rows: readonly (readonly [string, readonly (string | undefined)[]])[] = [
    ['We have', [failure.ours]],
    ['Peer has', [failure.theirs]],
    ['Evidence', [failure.evidence]],
    ['Remedy', [failure.remedy]],
    ['Line', [line === undefined ? undefined : placeText(line)]],
    ['To the peer', [failure.forPeer === undefined ? undefined : `"${failure.forPeer}"`]],
    ['Or else', (failure.otherCauses ?? []).map((cause) => `– ${cause}`)],
    ['Find out', [failure.findOut]],
    ['More', [`causeway explain ${code}`]],
  ]
  return [
    `  ${head}${' '.repeat(Math.max(2, room - columnsOf(head) - certainty.length))}${certainty}`,
    ...more.map((text) => `  ${' '.repeat(code.length + 2)}${text}`),
    ...rows.flatMap(([label, texts]) => labelled(label, texts, room)),
  ]
}

/** `causeway.yaml:52:13`. */
export function placeText({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`
}

/** The same in one paragraph, behind the sentence: for a log, where the block would be too long. */
export function failureDetail(failure: FailureBlock): string {
  const { certainty, evidence, remedy, line, code } = failure
  const where = line === undefined ? '' : ` (${placeText(line)})`
  return `${certainty}. Evidence: ${evidence}. Remedy: ${remedy}${where}. More: causeway explain ${code}`
}

const LABEL_COLUMNS = 13

function labelled(
  label: string,
  texts: readonly (string | undefined)[],
  room: number,
): readonly string[] {
  const parts = texts.flatMap((text) =>
    text === undefined || text === '' ? [] : hanging(text, room - LABEL_COLUMNS),
  )
  return parts.map((part, index) => `  ${(index === 0 ? label : '').padEnd(LABEL_COLUMNS)}${part}`)
}

/** An item of a list goes on below its text, not below its dash. */
function hanging(text: string, room: number): readonly string[] {
  if (!text.startsWith('– ')) return wrap(text, room)
  return wrap(text.slice(2), room - 2).map((part, index) => `${index === 0 ? '– ' : '  '}${part}`)
}
