import { toJson } from '#control/json-octets'
import type { ToldEvent } from '#control/schema'
import type { MessageEvent } from '#ike/events'

/**
 * The events without the attempts at a network pair that were made again later, word for word, and led to nothing either time: a pair that is
 * refused is tried every minute, and each try looks like the last.
 */
export function withoutRepeatedAttempts(events: readonly ToldEvent[]): readonly ToldEvent[] {
  const attempts = new Map<number, string>()
  const answered = new Set<number>()
  for (const { event } of events) {
    if (event.kind !== 'message' || event.exchange !== 'quick') continue
    if (event.number === 1) attempts.set(event.messageId, wishIn(event))
    else answered.add(event.messageId)
  }
  const last = new Map([...attempts].map(([messageId, wish]) => [wish, messageId]))
  const isRepeated = ({ messageId }: MessageEvent): boolean => {
    const wish = attempts.get(messageId)
    return wish !== undefined && !answered.has(messageId) && last.get(wish) !== messageId
  }
  let dropping = false
  return events.filter(({ event }) => {
    if (event.kind !== 'message') return true
    // The refusal has a Message ID of its own; it stands right behind what it refuses.
    dropping = event.exchange === 'quick' ? isRepeated(event) : dropping && isRefusal(event)
    return !dropping
  })
}

function isRefusal({ exchange, payloads }: MessageEvent): boolean {
  return exchange === 'informational' && payloads.some(({ type }) => type === 'N')
}

/** What is asked for, without what is new each time. */
function wishIn({ role, payloads }: MessageEvent): string {
  return `${role} ${toJson(payloads.flatMap(lastingPart))}`
}

function lastingPart(payload: MessageEvent['payloads'][number]): readonly unknown[] {
  if (payload.type === 'ID') return [payload]
  if (payload.type !== 'SA') return []
  return payload.proposals.map(({ spi: _, ...proposal }) => proposal)
}
