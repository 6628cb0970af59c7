import assert from 'node:assert/strict'
import type { Failure } from '#ike/events'
import { childNotify } from '#ikev1/notify'
import type { Rehearsal } from '#rehearsal/rehearsal'
import type { Payload, SaPayload } from '#wire/v1/payloads'
import { events } from './exchange.ts'
import type { Received } from './scripted-peer.ts'
import type { ScriptedResponder } from './scripted-responder.ts'

/** The first failure that side a tells of, which is of phase 2. */
export function failureOf(rehearsal: Rehearsal): Failure {
  const [failed] = events(rehearsal, 'a', 'negotiation-failed')
  assert.equal(failed?.phase, 2)
  return failed.failure
}

/** @returns what is asked next. */
export function refuse(
  peer: ScriptedResponder,
  quick1: Received,
  name: 'NO-PROPOSAL-CHOSEN' | 'INVALID-ID-INFORMATION',
): readonly Received[] {
  return refuseOffer(peer, peer.read(quick1), name)
}

/** A message can be read once: the next in its exchange is under another IV. */
export function refuseOffer(
  peer: ScriptedResponder,
  payloads: readonly Payload[],
  name: 'NO-PROPOSAL-CHOSEN' | 'INVALID-ID-INFORMATION',
): readonly Received[] {
  const offer = payloads.find((payload) => payload.type === 'SA')
  assert.ok(offer?.type === 'SA')
  return peer.sendProtected('INFORMATIONAL', [childNotify(name, spiOf(offer))])
}

function spiOf({ proposals }: SaPayload): Uint8Array {
  const [proposal] = proposals
  assert.ok(proposal !== undefined)
  return proposal.spi
}
