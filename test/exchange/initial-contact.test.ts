// INITIAL-CONTACT (RFC 2407 §4.6.3.3) from a peer that has lost nothing: strongSwan sends it where it renews phase 1 as the server of XAUTH.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '#bytes/hex'
import { NotifyType } from '#iana/isakmp'
import { phase1Notify } from '#ikev1/notify'
import { ownVendorIds } from '#ikev1/vendor-ids'
import { establishedScene, type Scene } from '../support/attack.ts'
import { events, snapshot } from '../support/exchange.ts'
import { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const NO_PFS = {
  suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
  pfs: 'none',
  lifetime: { seconds: 3_600 },
} as const
const R_U_THERE = NotifyType.number('R-U-THERE')

test('a peer that still answers under the old keys keeps what it has', () => {
  const scene = withChild()
  const { rehearsal, peer } = scene
  const renewed = renews(scene)
  assert.equal(answers(peer), 1)
  rehearsal.runFor(5_000)
  assert.equal(snapshot(rehearsal, 'b').childSas.length, 1)
  assert.deepEqual(events(rehearsal, 'b', 'child-sa-closed'), [])
  assert.ok(
    snapshot(rehearsal, 'b').ikeSas.some(({ initiatorSpi }) => initiatorSpi === spiOf(renewed)),
  )
})

test('a lost question is asked again', () => {
  const scene = withChild()
  const { rehearsal, peer } = scene
  renews(scene)
  peer.receive()
  rehearsal.runFor(1_000)
  assert.equal(answers(peer), 1)
  rehearsal.runFor(5_000)
  assert.deepEqual(events(rehearsal, 'b', 'child-sa-closed'), [])
})

test('one that does not answer has lost them, and they go', () => {
  const scene = withChild()
  const { rehearsal } = scene
  renews(scene)
  rehearsal.runFor(3_000)
  assert.deepEqual(snapshot(rehearsal, 'b').childSas, [])
  assert.deepEqual(
    events(rehearsal, 'b', 'child-sa-closed').map(({ why }) => why),
    ['peer-restarted'],
  )
})

test('an answer from before it said so proves nothing', () => {
  const scene = withChild()
  const { rehearsal, peer } = scene
  rehearsal.runFor(10_000)
  assert.equal(answers(peer), 1)
  renews(scene)
  rehearsal.runFor(3_000)
  assert.deepEqual(snapshot(rehearsal, 'b').childSas, [])
})

test('a peer that knows no such questions is believed at once', () => {
  const scene = withChild([])
  renews(scene)
  assert.deepEqual(snapshot(scene.rehearsal, 'b').childSas, [])
})

/** Main and Quick mode; `vendorIds` say that the peer knows dead peer detection. */
function withChild(vendorIds?: ReturnType<typeof ownVendorIds>): Scene {
  const of = sites({ phase2: NO_PFS }, {}, A_BEGINS)
  const scene = establishedScene(of, { 1: vendorIds ?? vendorIdsOf(of) })
  const { peer } = scene
  const { sa, nonce, ids } = peer.quick1()
  const messageId = peer.freshMessageId()
  const [message2] = peer.sendProtected('QUICK-MODE', [sa, nonce, ...ids], 'right', messageId)
  assert.ok(message2 !== undefined && nonce.type === 'NONCE')
  const answered = peer.read(message2).find((one) => one.type === 'NONCE')
  assert.ok(answered !== undefined)
  peer.sendQuick3(messageId, nonce.data, answered.data)
  assert.equal(snapshot(scene.rehearsal, 'b').childSas.length, 1)
  return scene
}

/** Another Main mode of the same peer, which says in message 5 that it is the first. */
function renews({ rehearsal, of, peer }: Scene): ScriptedPeer {
  const renewed = new ScriptedPeer(rehearsal, peer.tunnel, 98)
  renewed.receive()
  const cookies = new Uint8Array(16)
  renewed.mainMode({ 1: vendorIdsOf(of), 5: [phase1Notify('INITIAL-CONTACT', cookies)] })
  return renewed
}

/** Acknowledges what it was asked under its keys; @returns how many questions. */
function answers(peer: ScriptedPeer): number {
  const spi = spiOf(peer)
  const questions = peer
    .receive()
    .filter(({ header }) => header.exchangeType === 5 && toHex(header.initiatorSpi) === spi)
    .flatMap((received) => peer.read(received))
    .filter((one) => one.type === 'N')
    .filter(({ notifyType }) => notifyType === R_U_THERE)
  for (const { data } of questions.slice(-1)) {
    peer.sendProtected('INFORMATIONAL', [phase1Notify('R-U-THERE-ACK', peer.cookies(), data)])
  }
  return questions.length
}

function spiOf({ initiatorSpi }: ScriptedPeer): string {
  return toHex(initiatorSpi)
}

function vendorIdsOf({ a }: ReturnType<typeof sites>): ReturnType<typeof ownVendorIds> {
  const [tunnel] = a.tunnels
  assert.ok(tunnel !== undefined)
  return ownVendorIds(tunnel)
}
