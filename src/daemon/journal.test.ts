import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '#ike/events'
import { Journal } from './journal.ts'

const warning = (tunnel: string, text: string): Event => ({ kind: 'warning', tunnel, text })
const at = new Date(0)

test('keeps the last events of each tunnel, in order', () => {
  const journal = new Journal({ others: 2 })
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
  const journal = new Journal({ octets: 1000 })
  for (let number = 1; number <= 5; number++) {
    journal.append(at, { ...message, number, octets: 400 })
  }
  assert.equal(journal.entries().length, 2)
})

test('keeps 200 messages of a tunnel, whatever else happens in it', () => {
  const journal = new Journal()
  for (let number = 1; number <= 300; number++) journal.append(at, { ...message, number })
  for (let i = 0; i < 1_000; i++) {
    journal.append(at, { ...message, exchange: 'informational' })
    journal.append(at, { kind: 'peer-alive', tunnel: 'paris', roundTrip: 1 })
    journal.append(at, warning('paris', `${i}`))
    const remote = end
    const detail = 'stray'
    journal.append(at, { kind: 'dropped', tunnel: 'paris', remote, reason: 'malformed', detail })
  }
  const messages = journal
    .entries()
    .flatMap(({ event }) => (event.kind === 'message' && event.exchange === 'main' ? [event] : []))
  assert.equal(messages.length, 200)
  assert.equal(messages[0]?.number, 101)
})

test('keeps how a failure began that then repeats itself all night', () => {
  const journal = new Journal()
  const fail = (code: string): Event => ({
    kind: 'negotiation-failed',
    tunnel: 'paris',
    phase: 1,
    failure: { code, summary: '', evidence: '', certainty: 'certain', remedy: '' },
  })
  journal.append(at, { ...message, number: 2 })
  journal.append(at, fail('CW-301'))
  for (let i = 0; i < 500; i++) {
    journal.append(at, message)
    journal.append(at, fail('CW-101'))
  }
  const [first, second] = journal.entries()
  assert.equal(first?.event.kind === 'message' && first.event.number, 2)
  assert.equal(second?.event.kind === 'negotiation-failed' && second.event.failure.code, 'CW-301')
  const sequences = journal.entries().map(({ sequence }) => sequence)
  assert.equal(new Set(sequences).size, sequences.length)
})

test('keeps how a network pair began to fail, however often another one is rekeyed', () => {
  const journal = new Journal()
  const fail: Event = {
    kind: 'negotiation-failed',
    tunnel: 'paris',
    phase: 2,
    pair: 1,
    failure: { code: 'CW-404', summary: '', evidence: '', certainty: 'certain', remedy: '' },
  }
  const works = (pair: number) =>
    ({
      kind: 'child-sa-established',
      tunnel: 'paris',
      childSa: { child: { tunnel: 'paris', pair } },
    }) as Event
  const firstKept = () => journal.entries().find(({ event }) => event.kind === fail.kind)?.sequence
  journal.append(at, fail)
  for (let i = 0; i < 500; i++) {
    journal.append(at, works(0))
    journal.append(at, fail)
  }
  assert.equal(firstKept(), 1)
  journal.append(at, works(1))
  for (let i = 0; i < 500; i++) journal.append(at, fail)
  assert.notEqual(firstKept(), 1)
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
