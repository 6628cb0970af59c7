import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { assertUp, events, rehearseUp, snapshot } from '../support/exchange.ts'
import { A_BEGINS, pair, sites, TUNNEL } from '../support/sites.ts'

const BOTH: readonly Side[] = ['a', 'b']

test('phase 2 is replaced before it expires, and no packet is lost', () => {
  const rehearsal = rehearseUp(sites(lifetimes(3_600, 120), {}, A_BEGINS))
  const [first] = snapshot(rehearsal, 'a').childSas
  carryTraffic(rehearsal, 600_000)
  assertUp(rehearsal)
  assert.notEqual(snapshot(rehearsal, 'a').childSas.find(isActive)?.inboundSpi, first?.inboundSpi)
  assert.ok(snapshot(rehearsal, 'a').rekeys >= 4, `${snapshot(rehearsal, 'a').rekeys} rekeys`)
  assert.equal(snapshot(rehearsal, 'a').ikeSas.length, 1)
})

test('phase 1 is replaced before it expires, Child SAs stay, and no packet is lost', () => {
  const rehearsal = rehearseUp(sites(lifetimes(120, 3_600), {}, A_BEGINS))
  const [ikeSa] = snapshot(rehearsal, 'a').ikeSas
  carryTraffic(rehearsal, 600_000)
  assertUp(rehearsal)
  assert.notEqual(snapshot(rehearsal, 'a').ikeSas[0]?.initiatorSpi, ikeSa?.initiatorSpi)
})

test('both phases with short lifetimes, both sides eager, several pairs: no packet is lost', () => {
  const networks = [
    pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255'),
    pair('10.1.0.0', '10.1.255.255', '10.3.0.0', '10.3.0.255'),
  ]
  const rehearsal = rehearseUp(sites({ ...lifetimes(300, 90), networks }))
  carryTraffic(rehearsal, 1_200_000)
  assertUp(rehearsal)
})

test('a lifetime that only one side has short is kept by both', () => {
  const rehearsal = rehearseUp(
    sites(lifetimes(3_600, 3_600), {}, { ...A_BEGINS, ...lifetimes(200, 100) }),
  )
  carryTraffic(rehearsal, 600_000)
  assertUp(rehearsal)
  assert.ok(snapshot(rehearsal, 'b').rekeys >= 4)
})

for (const side of BOTH) {
  for (const phase of [1, 2] as const) {
    test(`side ${side} may ask for a rekey of phase ${phase} at any time`, () => {
      const rehearsal = rehearseUp()
      const before = spis(rehearsal, phase)
      rehearsal.command(side, { kind: 'rekey', tunnel: TUNNEL, phase })
      carryTraffic(rehearsal, 20_000)
      settle(rehearsal)
      assert.notDeepEqual(spis(rehearsal, phase), before)
    })
  }
}

for (const phase of [1, 2] as const) {
  test(`both sides rekey phase ${phase} at the same moment: they end with the same SAs`, () => {
    const rehearsal = rehearseUp()
    for (const side of BOTH) rehearsal.command(side, { kind: 'rekey', tunnel: TUNNEL, phase })
    carryTraffic(rehearsal, 20_000)
    settle(rehearsal)
  })
}

test('a rekey that the network swallows is tried again before the SA expires', () => {
  const rehearsal = rehearseUp(sites(lifetimes(3_600, 300), {}, A_BEGINS))
  const { conditions } = rehearsal.network
  const rekeyAt = snapshot(rehearsal, 'a').childSas[0]?.rekeyAt ?? 0
  rehearsal.runUntil(rekeyAt - 1_000)
  rehearsal.network.conditions = { ...conditions, partitioned: true }
  rehearsal.runFor(8_000)
  rehearsal.network.conditions = conditions
  carryTraffic(rehearsal, 120_000)
  settle(rehearsal)
  assert.equal(events(rehearsal, 'a', 'ike-sa-closed').length, 0)
})

test('a thousand rekeys leave nothing behind', () => {
  const rehearsal = rehearseUp(sites(lifetimes(3_600, 60), {}, A_BEGINS))
  rehearsal.runFor(1_000 * 60_000)
  for (const side of BOTH) {
    assert.ok(snapshot(rehearsal, side).childSas.length <= 2)
    assert.ok(snapshot(rehearsal, side).ikeSas.length <= 2)
    assert.ok(rehearsal.gateways[side].dataPlane.inbound.length <= 2)
  }
  assert.ok(snapshot(rehearsal, 'a').rekeys >= 1_000)
})

function lifetimes(phase1: number, phase2: number): Partial<TunnelConfig> {
  const { a } = sites()
  const [tunnel] = a.tunnels
  if (tunnel === undefined) throw new Error('no tunnel')
  return {
    phase1: { ...tunnel.phase1, lifetime: { seconds: phase1 } },
    phase2: { ...tunnel.phase2, lifetime: { seconds: phase2 } },
  }
}

/** A packet for each pair, both ways, four times a second; each must be opened. */
function carryTraffic(rehearsal: Rehearsal, duration: number): void {
  const { sent, opened } = rehearsal.traffic
  const end = rehearsal.now + duration
  for (let at = rehearsal.now; at < end; at += 250) {
    rehearsal.at(at, () => {
      for (const side of BOTH) {
        rehearsal.gateways[side].config.tunnels[0]?.networks.forEach((_, index) => {
          rehearsal.sendData(side, { tunnel: TUNNEL, pair: index })
        })
      }
    })
  }
  rehearsal.runUntil(end + 1_000)
  assert.ok(rehearsal.traffic.sent > sent)
  assert.equal(rehearsal.traffic.opened - opened, rehearsal.traffic.sent - sent, 'packets opened')
}

/** Old SAs may drain for a while; then both sides hold the same. */
function settle(rehearsal: Rehearsal): void {
  rehearsal.runFor(60_000)
  assertUp(rehearsal)
  for (const side of BOTH) {
    assert.equal(snapshot(rehearsal, side).childSas.filter(isActive).length, 1)
    assert.equal(snapshot(rehearsal, side).ikeSas.length, 1)
  }
}

function spis(rehearsal: Rehearsal, phase: 1 | 2): readonly unknown[] {
  const { ikeSas, childSas } = snapshot(rehearsal, 'a')
  if (phase === 1) return ikeSas.map(({ initiatorSpi }) => initiatorSpi)
  return childSas.filter(isActive).map(({ inboundSpi }) => inboundSpi)
}

function isActive({ state }: { readonly state: string }): boolean {
  return state === 'active'
}
