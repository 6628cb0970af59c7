import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  initiatorEvents,
  refusedEvents,
  responderEvents,
} from '../../test/support/ladder-samples.ts'
import { Ladder, ladderDocument, ladderLines } from './ladder.ts'
import { columnsOf } from './wrap.ts'

test('shows a whole negotiation as its initiator saw it', () => {
  assert.deepEqual(ladderLines(initiatorEvents), [
    'paris  203.0.113.10 → 198.51.100.7  IKEv1 Main mode, pre-shared key',
    '  Phase 1, first exchange: agree on algorithms',
    '    1 →  aes256-sha256-group14, 8h                        120 B',
    '    2 ←  accepted                                         +11 ms   strongSwan',
    '  Phase 1, second exchange: Diffie-Hellman, look for NAT',
    '    3 →  public value, nonce                              356 B',
    '    4 ←  public value, nonce                              +12 ms   no NAT',
    '  Phase 1, third exchange: prove identity (encrypted from here)',
    '    5 →  I am 203.0.113.10                                 92 B',
    '    6 ←  I am 198.51.100.7, hash correct                  +11 ms',
    '  Phase 2: what traffic, which keys',
    '    1 →  10.1.0.0/16 ↔ 10.2.0.0/16, aes256gcm16, group14  412 B',
    '    2 ←  accepted                                         +13 ms',
    '    3 →  confirmed                                         76 B',
  ])
})

test('shows it as its responder saw it, with the choice and why', () => {
  assert.deepEqual(ladderLines(responderEvents), [
    'paris  203.0.113.10 ← 198.51.100.7  IKEv1 Main mode, pre-shared key',
    '  Phase 1, first exchange: agree on algorithms',
    '    1 ←  aes256-sha1-group2, aes256-sha256-group14, 8h    160 B    strongSwan',
    '    2 →  chooses aes256-sha256-group14, number 2 of 2     104 B',
    '  Phase 1, second exchange: Diffie-Hellman, look for NAT',
    '    3 ←  public value, nonce                              +11 ms   NAT at peer',
    '    4 →  public value, nonce                              356 B',
    '  Phase 1, third exchange: prove identity (encrypted from here)',
    '    5 ←  I am 198.51.100.7, hash correct                  +12 ms',
    '    6 →  I am 203.0.113.10                                 76 B',
    '  Phase 2: what traffic, which keys',
    '    1 ←  10.1.0.0/16 ↔ 10.2.0.0/16, aes256gcm16, group14  +11 ms',
    '    2 →  accepted                                         396 B',
    '    3 ←  confirmed                                        +11 ms',
  ])
})

test('shows retransmissions and a refusal nobody can vouch for', () => {
  assert.deepEqual(ladderLines(refusedEvents), [
    'paris  203.0.113.10 → 198.51.100.7  IKEv1 Main mode, pre-shared key',
    '  Phase 1, first exchange: agree on algorithms',
    '    1 →  aes256-sha256-group14, 8h                        120 B',
    '    1 →  sent again (once)                                +4.0 s',
    '      ←  NO-PROPOSAL-CHOSEN (unauthenticated)             +14 ms',
  ])
})

test('counts retransmissions that bring the same refusal again', () => {
  const [first, , refusal] = refusedEvents
  assert.ok(first?.event.kind === 'message' && refusal !== undefined)
  const { event } = first
  const repeats = [1, 2, 3, 4].flatMap((repeat) => [
    { at: repeat * 1_000, event: { ...event, repeat } },
    { at: repeat * 1_000 + 14, event: { ...refusal.event } },
  ])
  const lines = ladderLines([first, { at: 14, event: { ...refusal.event } }, ...repeats])
  assert.deepEqual(lines.slice(3), [
    '      ←  NO-PROPOSAL-CHOSEN (unauthenticated)             +14 ms',
    '    1 →  sent again (4 times)                             +4.0 s',
    '      ←  NO-PROPOSAL-CHOSEN (unauthenticated)             +14 ms',
  ])
})

test('a retransmission that brings nothing, or something new, keeps its line', () => {
  const [first, , refusal] = refusedEvents
  assert.ok(first?.event.kind === 'message' && refusal !== undefined)
  const { event } = first
  const again = (repeat: number) => ({ at: repeat * 1_000, event: { ...event, repeat } })
  const lines = ladderLines([first, again(1), again(2), refusal, again(3)])
  assert.equal(lines.filter((line) => line.includes('sent again')).length, 3)
})

test('a title too long for the line goes on in the next', () => {
  const named = initiatorEvents.map(({ at, event }) => ({
    at,
    event: 'tunnel' in event ? { ...event, tunnel: 'branch-office-of-lyon' } : event,
  })) as typeof initiatorEvents
  assert.deepEqual(ladderLines(named).slice(0, 2), [
    'branch-office-of-lyon  203.0.113.10 → 198.51.100.7',
    '    IKEv1 Main mode, pre-shared key',
  ])
})

test('explains what each message achieved, where asked to', () => {
  const lines = ladderLines(initiatorEvents, { explain: true })
  assert.ok(
    lines.includes(
      '           in clear; both sides use aes256-sha256-group14 (the only set offered)',
    ),
  )
  assert.ok(
    lines.includes('           encrypted; both sides have proven who they are: phase 1 is done'),
  )
})

test('gives the same lines however they are asked for, and keeps them within 80 columns', () => {
  const whole = ladderLines(responderEvents)
  const ladder = new Ladder()
  const live = responderEvents.flatMap((event) => [...ladder.add(event)])
  assert.deepEqual([...live, ...ladder.flush()], whole)
  const wide = [...ladderLines(initiatorEvents, { explain: true }), ...whole].filter(
    (line) => columnsOf(line) > 80,
  )
  assert.deepEqual(wide, [])
})

test('flushed early, it loses no message and repeats none', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 11, maxLength: 11 }), (flushes) => {
      const ladder = new Ladder()
      const lines = initiatorEvents.flatMap((event, index) => [
        ...ladder.add(event),
        ...(flushes[index] === true ? ladder.flush() : []),
      ])
      const arrows = [...lines, ...ladder.flush()].filter((line) => /^ {4}[ \d] [→←]/.test(line))
      assert.equal(arrows.length, 9)
    }),
  )
})

test('gives machines every message with what it carried', () => {
  const messages = ladderDocument(initiatorEvents)
  assert.equal(messages.length, 9)
  assert.deepEqual(messages[1], {
    exchange: 'main',
    number: 2,
    direction: 'received',
    from: '198.51.100.7:500',
    to: '203.0.113.10:500',
    octets: 104,
    encrypted: false,
    repeat: 0,
    payloads: ['SA', 'VID'],
    carried: 'accepted',
    achieved: 'both sides use aes256-sha256-group14 (the only set offered) from here on',
  })
  assert.deepEqual(
    messages.map(({ encrypted }) => encrypted),
    [false, false, false, false, true, true, true, true, true],
  )
})
