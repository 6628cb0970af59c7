import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ToldEvent } from '#control/schema'
import type { Event, MessageEvent } from '#ike/events'
import type { Payload } from '#wire/v1/payloads'
import { message, quickSa } from '../../test/support/ladder-samples.ts'
import { withoutRepeatedAttempts } from './repeated-attempts.ts'

const refusal: Payload = {
  type: 'N',
  doi: 1,
  protocolId: 3,
  notifyType: 14,
  spi: new Uint8Array(4),
  data: new Uint8Array(0),
}
const [proposal] = quickSa.proposals
assert.ok(proposal !== undefined)

test('of attempts that ask for the same and are refused each time, the last is left', () => {
  const events = [asked(1, 3), refused(11), asked(2, 3), refused(12), asked(3, 3), refused(13)]
  assert.deepEqual(idsOf(events), [3, 13])
})

test('what was answered stays, and what asks for another pair, or with other algorithms', () => {
  const other = { ...quickSa, proposals: [{ ...proposal, transforms: [] }] }
  const events = [
    asked(1, 2),
    message('quick', 2, 'received', 188, [], { messageId: 1 }),
    asked(2, 3),
    refused(12),
    message('quick', 1, 'sent', 652, [other, network(3)], { messageId: 3 }),
    refused(13),
    asked(4, 2),
  ]
  assert.deepEqual(idsOf(events), [1, 1, 2, 12, 3, 13, 4])
})

test('what is no message stays, and an informational message that refuses nothing', () => {
  const liveness = message('informational', 1, 'received', 92, [], { messageId: 20 })
  const warning: Event = { kind: 'warning', tunnel: 'paris', text: 'x' }
  const events = [asked(1, 3), liveness, asked(2, 3)]
  assert.deepEqual(idsOf(events), [20, 2])
  assert.equal(withoutRepeatedAttempts(told([warning])).length, 1)
})

/** Each attempt has an SPI of its own. */
function asked(messageId: number, net: number): MessageEvent {
  const spi = Uint8Array.of(0, 0, 0, messageId)
  const offer = { ...quickSa, proposals: [{ ...quickSa.proposals[0], spi }] } as Payload
  return message('quick', 1, 'sent', 188, [offer, network(net)], { messageId })
}

function refused(messageId: number): MessageEvent {
  return message('informational', 1, 'received', 92, [refusal], { messageId })
}

function network(net: number): Payload {
  const data = Uint8Array.of(10, net, 0, 0, 255, 255, 0, 0)
  return { type: 'ID', idType: 4, protocolId: 0, port: 0, data }
}

function told(events: readonly Event[]): readonly ToldEvent[] {
  return events.map((event, index) => ({
    sequence: index + 1,
    at: '2026-11-23T12:00:00.000Z',
    event,
  }))
}

function idsOf(events: readonly MessageEvent[]): readonly number[] {
  return withoutRepeatedAttempts(told(events)).flatMap(({ event }) =>
    event.kind === 'message' ? [event.messageId] : [],
  )
}
