import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '#ike/events'
import { Journal } from './journal.ts'

const warning = (tunnel: string, text: string): Event => ({ kind: 'warning', tunnel, text })
const at = new Date(0)

test('keeps the last events of each tunnel, in order', () => {
  const journal = new Journal({ entries: 2, octets: 1000 })
  journal.append(at, warning('quiet', 'once'))
  for (const text of ['1', '2', '3']) journal.append(at, warning('noisy', text))
  const told = journal.entries().map(({ event }) => (event.kind === 'warning' ? event.text : ''))
  assert.deepEqual(told, ['once', '2', '3'])
  assert.deepEqual(
    journal.entries(['noisy']).map(({ sequence }) => sequence),
    [3, 4],
  )
})

test('bounds the octets of messages it holds', () => {
  const journal = new Journal({ entries: 100, octets: 1000 })
  for (let number = 1; number <= 5; number++) {
    journal.append(at, { ...message, number, octets: 400 })
  }
  assert.equal(journal.entries().length, 2)
})

test('lets signs of life push out each other before they push out a negotiation', () => {
  const journal = new Journal({ entries: 40, octets: 1_000_000 })
  journal.append(at, { ...message, number: 1 })
  for (let i = 0; i < 1_000; i++) {
    journal.append(at, { ...message, exchange: 'informational' })
    journal.append(at, { kind: 'peer-alive', tunnel: 'paris', roundTrip: 1 })
  }
  const [first, ...others] = journal.entries()
  assert.equal(first?.event.kind === 'message' && first.event.exchange, 'main')
  assert.equal(others.length, 10)
})

test('forgets tunnels that are configured no more', () => {
  const journal = new Journal()
  journal.append(at, warning('paris', 'x'))
  journal.append(at, warning('rome', 'x'))
  journal.append(at, { kind: 'configured', added: [], changed: [], removed: [], unchanged: [] })
  journal.keepOnly(['rome'])
  assert.deepEqual(
    journal.entries().map(({ event }) => event.kind),
    ['warning', 'configured'],
  )
})

const end = { address: '192.0.2.1' as never, port: 500 }
const message: Extract<Event, { kind: 'message' }> = {
  kind: 'message',
  tunnel: 'paris',
  direction: 'sent',
  exchange: 'main',
  role: 'initiator',
  number: 1,
  messageId: 0,
  initiatorSpi: '',
  responderSpi: '',
  local: end,
  remote: end,
  octets: 100,
  encrypted: false,
  repeat: 0,
  payloads: [],
}
