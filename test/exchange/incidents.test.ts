// What happens to tunnels that work, as the engine tells it, and what is made of that.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Incidents } from '#diagnosis/incidents'
import { NotifyType, ProtocolId } from '#iana/isakmp'
import type { Event } from '#ike/events'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { assertUp, events, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'

test('CW-603: a renewal of phase 2 that the peer refuses is told as one, and the SA that works is kept', () => {
  const { rehearsal, peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  peer.answerQuick(quick1)
  const [child] = snapshot(rehearsal, 'a').childSas
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  const [renewal] = peer.receive()
  assert.ok(renewal !== undefined)
  const spi = peer
    .read(renewal)
    .flatMap((payload) =>
      payload.type === 'SA' ? payload.proposals.map((proposal) => proposal.spi) : [],
    )[0]
  assert.ok(spi !== undefined)
  peer.sendProtected('INFORMATIONAL', [
    {
      type: 'N',
      doi: 1,
      protocolId: ProtocolId.number('ESP'),
      spi,
      notifyType: NotifyType.number('NO-PROPOSAL-CHOSEN'),
      data: new Uint8Array(0),
    },
  ])
  // What it asks beside it stays unanswered.
  rehearsal.runFor(20_000)
  const failed = events(rehearsal, 'a', 'negotiation-failed').at(-1)
  assert.equal(failed?.failure.code, 'CW-603')
  assert.match(failed?.failure.summary ?? '', /rekey of phase 2 failed .*NO-PROPOSAL-CHOSEN/)
  const { state, childSas } = snapshot(rehearsal, 'a')
  assert.equal(state, 'up')
  assert.equal(childSas[0]?.inboundSpi, child?.inboundSpi)
})

test('CW-605: both sides that renew phase 2 at the same moment are told so, and carry on', () => {
  const rehearsal = rehearseUp()
  const from = rehearsal.gateways.a.events.length
  for (const side of ['a', 'b'] as const)
    rehearsal.command(side, { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  rehearsal.runFor(3_000)
  assert.ok(events(rehearsal, 'a', 'child-sa-established').length >= 3)
  assert.deepEqual(incidents(rehearsal, 'a', from), ['CW-605'])
  rehearsal.runFor(30_000)
  assertUp(rehearsal)
})

test('a renewal by one side alone is no incident', () => {
  const rehearsal = rehearseUp()
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  rehearsal.runFor(60_000)
  assert.deepEqual(incidents(rehearsal, 'a'), [])
  assert.deepEqual(incidents(rehearsal, 'b'), [])
})

test('CW-602: a peer that is gone is told once dead peer detection has run out', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  rehearsal.runFor(3_000)
  const from = rehearsal.gateways.a.events.length
  rehearsal.intercept = () => undefined
  rehearsal.runFor(90_000)
  assert.ok(incidents(rehearsal, 'a', from).includes('CW-602'))
})

/** Codes of what is made of a side's events; the time of each is not told, so they come a second apart. */
function incidents(rehearsal: Rehearsal, side: Side, from = 0): readonly string[] {
  const watch = new Incidents()
  const [tunnel] = rehearsal.gateways[side].config.tunnels
  assert.ok(tunnel !== undefined)
  const told = rehearsal.gateways[side].events.flatMap((event, i): readonly Event[] => {
    const found = watch.take(event, {
      now: i * 10,
      tunnel,
      heardAt: undefined,
      carriedAt: undefined,
      octetsOf: () => 0,
      clockText: String,
    })
    return i < from ? [] : found
  })
  return told.flatMap((event) => (event.kind === 'incident' ? [event.failure.code] : []))
}
