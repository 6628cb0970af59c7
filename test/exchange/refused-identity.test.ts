import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { Doi, ProtocolId } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { phase1Notify } from '#ikev1/notify'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { events, rehearse, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, configOf, pair, sites } from '../support/sites.ts'

// Main mode whose keys are right, and one side does not want the identity of the other.

const OTHER = { kind: 'address', address: ip('192.0.2.1') } as const

test('CW-303: the responder hears that the initiator refuses its identity, and keeps no SA', () => {
  const rehearsal = rehearse(sites({}, { remoteId: OTHER }, A_BEGINS))
  rehearsal.runFor(5_000)
  assertRefused(rehearsal, 'b', /AUTHENTICATION-FAILED in answer to message 6/)
  assert.match(failureOf(rehearsal, 'b').summary, /has our key but refuses our identity 198\.51/)
})

for (const word of ['AUTHENTICATION-FAILED', 'INVALID-ID-INFORMATION'] as const) {
  test(`CW-303: an initiator that stays in phase 1 says ${word}, under an IV of the Message ID alone`, () => {
    const { rehearsal, peer } = initiatorScene()
    peer.stayInPhase1()
    peer.sendProtected('INFORMATIONAL', [phase1Notify(word, peer.cookies())])
    assertRefused(rehearsal, 'b', new RegExp(`${word} in answer to message 6`))
  })
}

test('CW-303: an initiator that only deletes the SA in answer to message 6 says it, too', () => {
  const { rehearsal, peer } = initiatorScene()
  peer.sendProtected('INFORMATIONAL', [deleteOf(peer)])
  assertRefused(rehearsal, 'b', /deleted the ISAKMP SA in answer to message 6/)
  const { certainty, otherCauses = [] } = failureOf(rehearsal, 'b')
  assert.equal(certainty, 'very likely')
  assert.doesNotMatch(otherCauses.join('; '), /closed by hand/)
})

test('CW-303: of a delete some seconds after message 6 it is no more than possible, and closing by hand is, too', () => {
  const { rehearsal, peer } = initiatorScene()
  rehearsal.runFor(5_000)
  peer.sendProtected('INFORMATIONAL', [deleteOf(peer)])
  assertRefused(rehearsal, 'b', /deleted the ISAKMP SA in answer to message 6/)
  const { certainty, otherCauses } = failureOf(rehearsal, 'b')
  assert.deepEqual([certainty, otherCauses?.[0]], ['possible', 'closed by hand there'])
})

test('CW-303: a word of it some seconds after message 6 is no hand', () => {
  const { rehearsal, peer } = initiatorScene()
  rehearsal.runFor(5_000)
  peer.sendProtected('INFORMATIONAL', [phase1Notify('AUTHENTICATION-FAILED', peer.cookies())])
  assertRefused(rehearsal, 'b', /AUTHENTICATION-FAILED in answer to message 6/)
  assert.equal(failureOf(rehearsal, 'b').certainty, 'very likely')
})

test('a peer that deletes the SA long after, or after another word, does not refuse who we are', () => {
  const late = initiatorScene()
  late.rehearsal.runFor(40_000)
  late.peer.sendProtected('INFORMATIONAL', [deleteOf(late.peer)])
  const alive = initiatorScene()
  alive.peer.sendProtected('INFORMATIONAL', [
    phase1Notify('R-U-THERE', alive.peer.cookies(), Uint8Array.of(0, 0, 0, 7)),
  ])
  alive.peer.sendProtected('INFORMATIONAL', [deleteOf(alive.peer)])
  for (const { rehearsal } of [late, alive]) {
    assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
    assert.deepEqual(snapshot(rehearsal, 'b').ikeSas, [])
  }
})

test('CW-303: so does a responder that refuses message 5', () => {
  const { rehearsal, peer } = responderScene()
  peer.refuseMessage5(phase1Notify('INVALID-ID-INFORMATION', new Uint8Array(0)))
  assertRefused(rehearsal, 'a', /INVALID-ID-INFORMATION in answer to message 5/)
})

test('a notify after something else under the keys is not about who we are', () => {
  const { rehearsal, peer } = initiatorScene()
  peer.sendProtected('INFORMATIONAL', [
    phase1Notify('R-U-THERE', peer.cookies(), Uint8Array.of(0, 0, 0, 7)),
  ])
  peer.sendProtected('INFORMATIONAL', [phase1Notify('INVALID-ID-INFORMATION', peer.cookies())])
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
})

test('nor is one while Quick modes of ours are under way, of whichever of them it speaks', () => {
  const { rehearsal, peer } = initiatorScene({
    start: 'always',
    networks: [
      pair('10.2.0.0', '10.2.255.255', '10.1.0.0', '10.1.255.255'),
      pair('10.4.0.0', '10.4.255.255', '10.3.0.0', '10.3.255.255'),
    ],
  })
  rehearsal.runFor(8_000)
  assert.equal(events(rehearsal, 'b', 'message').filter(isQuickMode).length >= 2, true)
  peer.sendProtected('INFORMATIONAL', [phase1Notify('INVALID-ID-INFORMATION', peer.cookies())])
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 1)
})

function deleteOf(peer: ScriptedPeer) {
  const protocolId = ProtocolId.number('ISAKMP')
  return { type: 'D', doi: Doi.number('IPSEC'), protocolId, spis: [peer.cookies()] } as const
}

function isQuickMode({ exchange }: { readonly exchange: string }): boolean {
  return exchange === 'quick'
}

/** Side b has answered the Main mode of a scripted initiator. */
function initiatorScene(changes: Partial<TunnelConfig> = A_BEGINS): {
  rehearsal: Rehearsal
  peer: ScriptedPeer
} {
  const of = sites({}, {}, changes)
  const [tunnel] = of.a.tunnels
  assert.ok(tunnel !== undefined)
  const rehearsal = rehearse({ a: configOf('a'), b: of.b })
  const peer = new ScriptedPeer(rehearsal, tunnel)
  peer.mainMode()
  return { rehearsal, peer }
}

function assertRefused(rehearsal: Rehearsal, side: Side, evidence: RegExp): void {
  const failure = failureOf(rehearsal, side)
  assert.equal(failure.code, 'CW-303')
  assert.match(failure.evidence, evidence)
  assert.deepEqual(snapshot(rehearsal, side).ikeSas, [])
}

function failureOf(rehearsal: Rehearsal, side: Side): Failure {
  const failed = events(rehearsal, side, 'negotiation-failed').at(-1)
  assert.ok(failed !== undefined, `side ${side} tells of a failure`)
  return failed.failure
}
