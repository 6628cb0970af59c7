// RFC 3706: what shows that a peer lives, and what the gateway does when nothing does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rehearsal } from '#rehearsal/rehearsal'
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
