import type { MessageEvent } from '#ike/events'
import { Ladder, type TimedEvent } from './ladder.ts'
import { payloadLines } from './payload-text.ts'
import { wrap } from './wrap.ts'

export type ExplainedOptions = {
  readonly columns: number
  /** Every payload with every field. */
  readonly payloads?: boolean
  /** The octets of a message as they were on the wire, where they are to be shown. */
  readonly octetsOf?: (event: MessageEvent) => Uint8Array | undefined
}

/** A negotiation message by message, each with what it achieved, and on request with all that it holds. */
export function explainedLines(
  events: readonly TimedEvent[],
  { columns, payloads = false, octetsOf }: ExplainedOptions,
): readonly string[] {
  const ladder = new Ladder({ columns, explain: true })
  const lines: string[] = []
  const said = new Set<string>()
  let shown: MessageEvent | undefined
  const finish = () => {
    const finished = ladder.flush()
    // What was explained once needs no second explanation.
    const explanation = `${shown?.exchange} ${finished.slice(1).join()}`
    const again = shown?.exchange === 'informational' && said.has(explanation)
    said.add(explanation)
    lines.push(...(again ? finished.slice(0, 1) : finished))
    if (shown === undefined || finished.length === 0) return
    if (payloads && shown.repeat === 0) lines.push(...detailLines(shown, columns))
    const octets = octetsOf?.(shown)
    if (octets !== undefined) lines.push(...hexLines(octets))
  }
  for (const timed of events) {
    if (timed.event.kind !== 'message') {
      lines.push(...ladder.add(timed))
      continue
    }
    finish()
    lines.push(...ladder.add(timed))
    shown = timed.event
  }
  finish()
  return lines
}

/** Octets sixteen a line, as hex dumps show them. */
export function hexLines(octets: Uint8Array): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at < octets.length; at += 16) {
    const row = [...octets.subarray(at, at + 16)]
    const digits = row.map((octet) => octet.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((octet) =>
      octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.',
    )
    lines.push(
      `${INDENT}${at.toString(16).padStart(4, '0')}  ${digits.padEnd(47)}  ${text.join('')}`,
    )
  }
  return lines
}

const INDENT = '    '
const DETAIL_INDENT = ' '.repeat(11)

function detailLines({ payloads, note }: MessageEvent, columns: number): readonly string[] {
  const lines = payloads.flatMap(payloadLines)
  if (payloads.length === 0 && note !== undefined) lines.push(note)
  return lines.flatMap((line) => {
    const inner = DETAIL_INDENT + /^ */.exec(line)?.[0]
    const [first = '', ...more] = wrap(line, Math.max(30, columns - inner.length - 4))
    return [inner + first, ...more.map((text) => `${inner}    ${text}`)]
  })
}
