// A peer whose address changes (`peer-moves: allow`): called at the address that is written, taken from wherever it calls.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { Identity } from '#policy/identity'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { assertUp, events, rehearseUp, snapshot } from '../support/exchange.ts'
import { ADDRESS_A, sites, TUNNEL } from '../support/sites.ts'

const MOVED = ip('192.0.2.77')
const branch: Identity = { kind: 'fqdn', name: 'branch.example' }
const MOVES = { peerMoves: 'allow' } as const

test('it is served where it calls from, and what it left at its old address goes', () => {
  const rehearsal = moved(MOVES)
  rehearsal.runFor(15_000)
  assertUp(rehearsal)
  const { ikeSas } = snapshot(rehearsal, 'b')
  assert.deepEqual(
    ikeSas.map(({ remote }) => remote.address),
    [MOVED],
  )
})

test('phase 1 is renewed where it is, and not where it was', () => {
  const rehearsal = moved(MOVES)
  rehearsal.runFor(15_000)
  rehearsal.command('b', { kind: 'rekey', tunnel: TUNNEL, phase: 1 })
  rehearsal.runFor(15_000)
  assertUp(rehearsal)
  const [renewed] = snapshot(rehearsal, 'b').ikeSas
  assert.deepEqual([renewed?.role, renewed?.remote.address], ['initiator', MOVED])
})

test('once all is lost it is called at its address again', () => {
  const rehearsal = moved({ ...MOVES, start: 'always' })
  rehearsal.runFor(15_000)
  const { a } = tunnels()
  rehearsal.configure('a', a)
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(120_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.remote.address, ADDRESS_A)
})

test('without it a call from elsewhere is nobody’s', () => {
  const rehearsal = moved({})
  rehearsal.runFor(3_000)
  assert.ok(events(rehearsal, 'b', 'dropped').some(({ reason }) => reason === 'unknown-peer'))
  assert.ok(snapshot(rehearsal, 'b').ikeSas.every(({ remote }) => remote.address === ADDRESS_A))
})

function tunnels(changesOfB: Partial<TunnelConfig> = {}) {
  const ike = 'v1-aggressive'
  return sites({ ike }, { localId: branch }, { start: 'respond', remoteId: branch, ...changesOfB })
}

/** a has called from its address, dies, and calls again from another. */
function moved(changesOfB: Partial<TunnelConfig>): Rehearsal {
  const of = tunnels(changesOfB)
  const rehearsal = rehearseUp(of)
  const [tunnel] = of.a.tunnels
  assert.ok(tunnel !== undefined)
  rehearsal.gateways.a.config = { ...of.a, tunnels: [{ ...tunnel, local: MOVED }] }
  rehearsal.restart('a')
  return rehearsal
}
