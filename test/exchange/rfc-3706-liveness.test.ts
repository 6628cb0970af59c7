// RFC 3706: what shows that a peer lives, and what the gateway does when nothing does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NotifyType } from '#iana/isakmp'
import { phase1Notify } from '#ikev1/notify'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { establishedScene } from '../support/attack.ts'
import { events, rehearseUp, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { TUNNEL } from '../support/sites.ts'

test('while ESP comes from the peer it is alive, though every IKE message is lost', () => {
  const rehearsal = rehearseUp()
  rehearsal.intercept = () => undefined
  const sent = rehearsal.sent.length
  withTraffic(rehearsal, 120_000)
  assert.equal(snapshot(rehearsal, 'a').state, 'up')
  assert.equal(rehearsal.sent.length, sent, 'and nobody asks')
  assert.ok(rehearsal.now - (snapshot(rehearsal, 'a').peerAliveAt ?? 0) <= 1_000)
  rehearsal.runFor(60_000)
  assert.equal(snapshot(rehearsal, 'a').childSas.length, 0)
  assert.equal(events(rehearsal, 'a', 'ike-sa-closed')[0]?.why, 'dead-peer')
})

test('the operator can have the peer asked at once, and hears how long the answer took', () => {
  const rehearsal = rehearseUp()
  const before = events(rehearsal, 'a', 'peer-alive').length
  rehearsal.command('a', { kind: 'ask-peer', tunnel: TUNNEL })
  rehearsal.runFor(1_000)
  const answers = events(rehearsal, 'a', 'peer-alive').slice(before)
  assert.equal(answers.length, 1)
  assert.ok((answers[0]?.roundTrip ?? -1) >= 0)
  assert.equal(snapshot(rehearsal, 'a').state, 'up')
})

test('a tunnel that is down has nobody to ask', () => {
  const rehearsal = rehearseUp()
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(1_000)
  const sent = rehearsal.sent.length
  rehearsal.command('a', { kind: 'ask-peer', tunnel: TUNNEL })
  rehearsal.runFor(1_000)
  assert.equal(rehearsal.sent.length, sent)
})

test('a peer that answers nothing under the keys gets new ones, also when it does not know dead peer detection', () => {
  const { rehearsal, peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  peer.answerQuick(quick1)
  rehearsal.runFor(60_000)
  peer.receive()
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  rehearsal.runFor(45_000)
  assert.ok(peer.isAsked(), 'a new phase 1 is begun')
  assert.equal(snapshot(rehearsal, 'a').state, 'up', 'what still works is kept')
})

test('a peer that asks, though it did not say that it knows such questions, is watched once it has answered one', () => {
  for (const answers of [true, false]) {
    const { rehearsal, peer } = establishedScene()
    const ask = () =>
      peer.sendProtected('INFORMATIONAL', [
        phase1Notify('R-U-THERE', peer.cookies(), Uint8Array.of(0, 0, 0, 7)),
      ])
    const [, question] = ask().flatMap((received) =>
      peer.read(received).filter(({ type }) => type === 'N'),
    )
    assert.ok(question?.type === 'N' && question.notifyType === NotifyType.number('R-U-THERE'))
    assert.equal(ask().length, 1, 'it is asked once')
    if (answers)
      peer.sendProtected('INFORMATIONAL', [
        phase1Notify('R-U-THERE-ACK', peer.cookies(), question.data),
      ])
    rehearsal.runFor(60_000)
    const closed = events(rehearsal, 'b', 'ike-sa-closed').map(({ why }) => why)
    assert.deepEqual(closed, answers ? ['dead-peer'] : [])
  }
})

function withTraffic(rehearsal: Rehearsal, milliseconds: number): void {
  const end = rehearsal.now + milliseconds
  while (rehearsal.now < end) {
    for (const side of ['a', 'b'] as const) {
      const heard = [{ tunnel: TUNNEL, at: rehearsal.now }]
      rehearsal.input(side, { kind: 'traffic', heard })
    }
    rehearsal.runFor(1_000)
  }
}
