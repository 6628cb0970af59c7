import type { CapturedMessage, Conversation } from '#capture/conversation'
import type { MessageEvent } from '#ike/events'
import type { TimedEvent } from './ladder.ts'

/** An IKEv1 conversation as its initiator would tell it. @param name stands where a tunnel's name does. */
export function capturedEvents(
  conversation: Conversation,
  name: string,
): readonly (TimedEvent & { readonly event: MessageEvent; readonly message: CapturedMessage })[] {
  return conversation.messages.flatMap((message) => {
    const event = eventOf(message, conversation, name)
    return event === undefined ? [] : [{ at: message.at, event, message }]
  })
}

function eventOf(
  { content, ...message }: CapturedMessage,
  { initiatorSpi, responderSpi }: Conversation,
  tunnel: string,
): MessageEvent | undefined {
  if (content.version !== 1) return undefined
  const { fromInitiator, source, destination, header, octets, encrypted, repeat } = message
  const { exchange, role, number, payloads = [], sealed } = content
  const [local, remote] = fromInitiator ? [source, destination] : [destination, source]
  return {
    kind: 'message',
    tunnel,
    direction: fromInitiator ? 'sent' : 'received',
    exchange,
    role,
    number,
    messageId: header.messageId,
    initiatorSpi,
    responderSpi,
    local,
    remote,
    octets: octets.length,
    encrypted,
    repeat,
    payloads,
    ...(sealed === undefined ? {} : { note: sealed }),
  }
}
