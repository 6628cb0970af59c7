import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { assertUp, events, rehearseUp, snapshot } from '../support/exchange.ts'
import { A_BEGINS, pair, sites, TUNNEL } from '../support/sites.ts'

const BOTH: readonly Side[] = ['a', 'b']

for (const side of BOTH) {
  const other = side === 'a' ? 'b' : 'a'

  test(`down on side ${side} ends everything on both, and says why`, () => {
    const rehearsal = rehearseUp()
    rehearsal.command(side, { kind: 'down', tunnel: TUNNEL })
    rehearsal.runFor(1_000)
    assert.deepEqual(installed(rehearsal), [0, 0, 0, 0])
    assert.equal(snapshot(rehearsal, side).state, 'stopped')
    assert.equal(events(rehearsal, side, 'ike-sa-closed')[0]?.why, 'operator')
    assert.equal(events(rehearsal, other, 'ike-sa-closed')[0]?.why, 'peer-deleted')
  })

  test(`up on side ${side} after down brings it back`, () => {
    const rehearsal = rehearseUp()
    rehearsal.command(side, { kind: 'down', tunnel: TUNNEL })
    rehearsal.runFor(20_000)
    rehearsal.command(side, { kind: 'up', tunnel: TUNNEL })
    rehearsal.runFor(60_000)
    assertUp(rehearsal)
  })

  test(`shutdown of side ${side} takes the SAs of the other down too`, () => {
    const rehearsal = rehearseUp()
    rehearsal.command(side, { kind: 'shutdown' })
    rehearsal.runFor(1_000)
    assert.deepEqual(installed(rehearsal), [0, 0, 0, 0])
  })

  test(`side ${side} restarts without a word: the other’s old SAs go, and traffic flows again`, () => {
    const rehearsal = rehearseUp(sites())
    const [old] = snapshot(rehearsal, other).childSas
    rehearsal.restart(side)
    rehearsal.runFor(90_000)
    assertUp(rehearsal)
    assert.ok(
      !rehearsal.gateways[other].dataPlane.inbound.some(({ spi }) => spi === old?.inboundSpi),
    )
    assert.deepEqual(installed(rehearsal), [1, 1, 1, 1])
  })
}

test('INITIAL-CONTACT from a restarted initiator ends the old SAs as soon as it does not answer under their keys', () => {
  const rehearsal = rehearseUp()
  rehearsal.restart('a')
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
  assert.equal(events(rehearsal, 'b', 'ike-sa-closed')[0]?.why, 'peer-restarted')
  assert.deepEqual(installed(rehearsal), [1, 1, 1, 1])
})

test('a peer that falls silent is found dead within the time configured, and the SAs go', () => {
  const rehearsal = rehearseUp()
  rehearsal.network.conditions = { ...rehearsal.network.conditions, partitioned: true }
  rehearsal.runFor(45_000)
  assert.equal(events(rehearsal, 'a', 'ike-sa-closed')[0]?.why, 'dead-peer')
  assert.deepEqual(installed(rehearsal), [0, 0, 0, 0])
})

test('and is taken up again when it comes back', () => {
  const rehearsal = rehearseUp()
  const { conditions } = rehearsal.network
  rehearsal.network.conditions = { ...conditions, partitioned: true }
  rehearsal.runFor(100_000)
  rehearsal.network.conditions = conditions
  rehearsal.runFor(120_000)
  assertUp(rehearsal)
})

test('a living peer is never taken for dead, with or without traffic', () => {
  const rehearsal = rehearseUp()
  rehearsal.runFor(1_200_000)
  assert.deepEqual(events(rehearsal, 'a', 'ike-sa-closed'), [])
  assertUp(rehearsal)
})

test('the same configuration again changes nothing', () => {
  const rehearsal = rehearseUp()
  const before = snapshot(rehearsal, 'a')
  const datagrams = rehearsal.sent.length
  rehearsal.configure('a', structuredCopy(rehearsal))
  rehearsal.runFor(1_000)
  assert.deepEqual(snapshot(rehearsal, 'a'), before)
  assert.equal(rehearsal.sent.length, datagrams)
  assert.deepEqual(events(rehearsal, 'a', 'configured').at(-1)?.unchanged, [TUNNEL])
})

test('a network pair more: the others keep their SAs', () => {
  const first = pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')
  const second = pair('10.1.0.0', '10.1.255.255', '10.3.0.0', '10.3.0.255')
  const rehearsal = rehearseUp(sites({ networks: [first] }, {}, A_BEGINS))
  const wider = sites({ networks: [first, second] }, {}, A_BEGINS)
  rehearsal.configure('b', wider.b)
  rehearsal.configure('a', wider.a)
  rehearsal.runFor(120_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'a').childSas.length, 2)
})

test('a tunnel taken out of the configuration is closed and forgotten', () => {
  const rehearsal = rehearseUp()
  const { gateway } = rehearsal.gateways.a.config
  rehearsal.configure('a', { gateway, tunnels: [] })
  rehearsal.runFor(1_000)
  assert.deepEqual(rehearsal.gateways.a.snapshot(rehearsal.now), [])
  assert.deepEqual(installed(rehearsal), [0, 0, 0, 0])
})

function structuredCopy(rehearsal: Rehearsal): Rehearsal['gateways']['a']['config'] {
  const { gateway, tunnels } = rehearsal.gateways.a.config
  return { gateway: { ...gateway }, tunnels: tunnels.map((tunnel) => ({ ...tunnel })) }
}

/** Inbound and outbound SAs of a, then of b. */
function installed({ gateways }: Rehearsal): readonly number[] {
  return BOTH.flatMap((side) => [
    gateways[side].dataPlane.inbound.length,
    gateways[side].dataPlane.outbound.length,
  ])
}
