import type { CapturedMessage, Conversation } from '#capture/conversation'
import type { EspFlow } from '#capture/esp-flows'
import type { NatFinding } from '#capture/nat-finding'
import { capturedEvents } from '#diagnosis/captured-negotiation'
import { explainedLines, hexLines } from '#diagnosis/explained-ladder'
import { failureText } from '#diagnosis/failure-text'
import type { TimedEvent } from '#diagnosis/ladder'
import { wrap } from '#diagnosis/wrap'
import type { MessageEvent } from '#ike/events'
import { grouped, longOctets } from './amounts.ts'
import type {
  CaptureFindings,
  ExplainCaptureOptions,
  JudgedConversation,
} from './explain-capture.ts'
import type { Terminal } from './terminal.ts'

export function captureLines(
  findings: CaptureFindings,
  options: ExplainCaptureOptions,
  terminal: Terminal,
): readonly string[] {
  const { conversations, flows, oneWay, icmp, problem } = findings
  const { columns } = terminal
  const shown = conversations.slice(0, MOST_SHOWN)
  const lines = [...wrap(headText(findings), columns)]
  if (problem !== undefined) lines.push(`! ${problem}`)
  if (findings.cut > 0)
    lines.push(`! ${findings.cut} IKE messages are cut: capture whole packets (tcpdump -s 0)`)
  const first = new Map<string, string>()
  for (const [index, one] of shown.entries()) {
    const name = `IKE SA ${index + 1}`
    const cause = causeOf(one)
    const before = cause === undefined ? undefined : first.get(cause)
    if (cause !== undefined && before === undefined) first.set(cause, name)
    const again = before !== undefined && options.payloads !== true && options.hex !== true
    lines.push(
      '',
      ...(again
        ? [titleOf(one, name), `✗ as ${before}`]
        : conversationLines(one, name, options, terminal)),
    )
  }
  if (conversations.length > MOST_SHOWN)
    lines.push('', `and ${conversations.length - MOST_SHOWN} more IKE SAs (--json has them all)`)
  if (flows.length > 0) lines.push('', 'ESP', ...flows.slice(0, MOST_SHOWN).flatMap(flowLines))
  if (findings.espBeyond > 0) lines.push(`  and ${findings.espBeyond} packets of further SAs`)
  for (const failure of oneWay) lines.push('', ...failureText(failure, columns))
  const told = new Set(
    icmp.map(
      ({ from, type, code, port }) =>
        `ICMP from ${from}: type ${type} code ${code}, UDP ${port} cannot be reached`,
    ),
  )
  if (told.size > 0) lines.push('', ...[...told].slice(0, MOST_SHOWN))
  return [...lines, ...sealedLines(findings, options, columns)]
}

const MOST_SHOWN = 50

/** Attempt after attempt fails for one cause, which is told once. */
function causeOf({ verdict }: JudgedConversation): string | undefined {
  return verdict?.kind === 'failed'
    ? `${verdict.failure.code} ${verdict.failure.summary}`
    : undefined
}

function titleOf(
  { conversation: { initiator, responder } }: JudgedConversation,
  name: string,
): string {
  return `${name}  ${initiator.address} → ${responder.address}  IKEv1`
}

function headText({ file, frames, used, from, to, damaged }: CaptureFindings): string {
  const began = new Date(from)
  const time = Number.isNaN(began.getTime())
    ? ''
    : `, from ${began.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const broken = damaged === 0 ? '' : `, ${damaged} of them no readable IKE message`
  return `${file}: ${used} of ${frames} frames are IKE or ESP${broken}; ${((to - from) / 1_000).toFixed(1)} s${time}`
}

function conversationLines(
  judged: JudgedConversation,
  name: string,
  options: ExplainCaptureOptions,
  terminal: Terminal,
): readonly string[] {
  const { conversation, nat, verdict } = judged
  if (conversation.version !== 1) return otherVersionLines(conversation, name, options)
  const captured = capturedEvents(conversation, name)
  const octets = new Map<MessageEvent, Uint8Array>(
    captured.map(({ event, message }) => [event, message.octets]),
  )
  const lines = explainedLines(withNat(captured, nat), {
    columns: terminal.columns,
    payloads: options.payloads === true,
    ...(options.hex === true ? { octetsOf: (event) => octets.get(event) } : {}),
  })
  const left = captured.length - lines.filter((line) => /^ {4}. [→←] /.test(line)).length
  return [
    ...(lines.length === 0
      ? [`${name}  ${conversation.initiator.address} → ${conversation.responder.address}  IKEv1`]
      : lines),
    ...(left > 0 ? [`    and ${left} Informational ${left === 1 ? 'message' : 'messages'}`] : []),
    ...(conversation.beyond > 0 ? [`    and ${conversation.beyond} more messages`] : []),
    ...verdictLines(verdict, terminal),
  ]
}

/** Told behind message 4, where both ends know it. */
function withNat(
  captured: readonly TimedEvent[],
  nat: NatFinding | undefined,
): readonly TimedEvent[] {
  if (nat === undefined) return captured
  const after = captured.findLastIndex(
    ({ event }) =>
      event.kind === 'message' &&
      event.repeat === 0 &&
      event.payloads.some(({ type }) => type === 'NAT-D'),
  )
  const at = captured[after]?.at ?? 0
  const { initiator: local, responder: remote } = nat
  return captured.toSpliced(after + 1, 0, {
    at,
    event: { kind: 'nat-detected', tunnel: '', local, remote },
  })
}

function verdictLines(
  verdict: JudgedConversation['verdict'],
  { columns, style }: Terminal,
): readonly string[] {
  if (verdict === undefined) return []
  if (verdict.kind === 'up') return [`${style('green', '✓')} ${verdict.text}`]
  if (verdict.kind === 'undecided') return wrap(`– ${verdict.text}`, columns)
  return [`${style('red', '✗')} does not come up`, '', ...failureText(verdict.failure, columns)]
}

/** Of IKEv2, what stands in clear. */
function otherVersionLines(
  { initiator, responder, version, messages }: Conversation,
  name: string,
  { hex }: ExplainCaptureOptions,
): readonly string[] {
  const title = version === 2 ? 'IKEv2, named as far as it stands in clear' : 'another version'
  const lines = [`${name}  ${initiator.address} → ${responder.address}  ${title}`]
  for (const message of messages) {
    lines.push(...otherVersionMessage(message))
    if (hex === true) lines.push(...hexLines(message.octets))
  }
  return lines
}

function otherVersionMessage(message: CapturedMessage): readonly string[] {
  const { fromInitiator, content, header, octets, repeat } = message
  const arrow = fromInitiator ? '→' : '←'
  const again = repeat === 0 ? '' : `, sent again (${repeat})`
  const head = `    ${String(header.messageId).padStart(2)} ${arrow}  `
  if (content.version !== 2)
    return [`${head}${content.version === 'unknown' ? content.problem : ''}`]
  const { exchange, request, payloads, encrypted, problem } = content
  const said = encrypted ? [...payloads.slice(0, -1), 'encrypted'] : payloads
  const more = problem === undefined ? '' : ` (${problem})`
  const text = `${exchange} ${request ? 'request' : 'response'}: ${said.join(', ')}${more}, ${octets.length} B${again}`
  const [first = '', ...rest] = wrap(text, 80 - head.length)
  return [head + first, ...rest.map((line) => ' '.repeat(head.length) + line)]
}

function flowLines(flow: EspFlow): readonly string[] {
  const { spi, source, destination, udp, packets, octets, firstAt, lastAt } = flow
  const { firstSequence, lastSequence, missing, repeated } = flow
  const lost = missing === 0 ? 'none missing' : `${missing} missing`
  const again = repeated === 0 ? '' : `, ${repeated} repeated`
  return [
    `  ${spi.toString(16).padStart(8, '0')}  ${source} → ${destination}${udp ? '  in UDP 4500' : ''}`,
    `            ${grouped(packets)} ${packets === 1 ? 'packet' : 'packets'}, ${longOctets(octets)}, ${((lastAt - firstAt) / 1_000).toFixed(1)} s, sequence ${firstSequence}–${lastSequence}, ${lost}${again}`,
  ]
}

function sealedLines(
  { sealed }: CaptureFindings,
  { keys }: ExplainCaptureOptions,
  columns: number,
): readonly string[] {
  if (sealed === 0 || keys !== undefined) return []
  const text = `${sealed} messages are encrypted. With the keys of the gateway they open: --keys DIR, written by "causeway capture --decrypt" or "causeway run --wireshark-keys". A pre-shared key opens none of them: the key of phase 1 also comes from Diffie-Hellman, which a capture does not tell.`
  return ['', ...wrap(text, columns)]
}
