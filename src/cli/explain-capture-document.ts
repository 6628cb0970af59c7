import { formatEndpoint } from '#bytes/ip'
import { toJson } from '#control/json-octets'
import { capturedEvents } from '#diagnosis/captured-negotiation'
import { ladderDocument } from '#diagnosis/ladder'
import { payloadLines } from '#diagnosis/payload-text'
import type {
  CaptureFindings,
  ExplainCaptureOptions,
  JudgedConversation,
} from './explain-capture.ts'

/** What `explain FILE --json` prints. */
export function captureDocument(
  { conversations, flows, icmp, from, to, ...findings }: CaptureFindings,
  options: ExplainCaptureOptions,
): string {
  const document = {
    schema: 1,
    ...findings,
    from: dateText(from),
    to: dateText(to),
    conversations: conversations.map((one) => conversationDocument(one, options)),
    esp: flows.map(({ firstAt, lastAt, ...flow }) => ({
      ...flow,
      spi: flow.spi.toString(16).padStart(8, '0'),
      firstAt: dateText(firstAt),
      lastAt: dateText(lastAt),
    })),
    icmp: icmp.map(({ at, kind: _, ...one }) => ({ at: dateText(at), ...one })),
  }
  return JSON.stringify(JSON.parse(toJson(document)), null, 2)
}

function conversationDocument(
  { conversation, nat, verdict }: JudgedConversation,
  { payloads, hex }: ExplainCaptureOptions,
) {
  const { version, initiatorSpi, responderSpi, initiator, responder, fromStart, messages } =
    conversation
  const captured = capturedEvents(conversation, '')
  const told = ladderDocument(captured)
  const octetsOf = (octets: Uint8Array) => (hex === true ? { octets } : {})
  return {
    version,
    initiatorSpi,
    responderSpi,
    initiator: formatEndpoint(initiator),
    responder: formatEndpoint(responder),
    fromStart,
    nat,
    verdict,
    messages:
      version === 1
        ? captured.map(({ message, event }, index) => ({
            frame: message.frame,
            at: dateText(message.at),
            ...told[index],
            ...(event.note === undefined ? {} : { note: event.note }),
            ...(payloads === true ? { fields: event.payloads.map(payloadLines) } : {}),
            ...octetsOf(message.octets),
          }))
        : messages.map(({ frame, at, content, header, octets, repeat, fromInitiator }) => ({
            frame,
            at: dateText(at),
            fromInitiator,
            messageId: header.messageId,
            repeat,
            ...content,
            ...octetsOf(octets),
          })),
  }
}

function dateText(at: number): string | null {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}
