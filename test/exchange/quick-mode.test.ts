import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import type { EspSuite } from '#policy/proposal'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { assertUp, events, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { A_BEGINS, pair, sites } from '../support/sites.ts'

const lifetime = { seconds: 3_600 }
const gcm: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: false }
const cbc: EspSuite = { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: false }

for (const pfs of ['none', 'modp2048', 'modp3072', 'ecp256', 'curve25519'] as const) {
  for (const suite of [gcm, cbc]) {
    test(`carries traffic with ${suite.encryption}, PFS ${pfs}`, () => {
      const rehearsal = rehearseUp(
        sites({ phase2: { suites: [suite], pfs, lifetime } }, {}, A_BEGINS),
      )
      const [child] = snapshot(rehearsal, 'b').childSas
      assert.deepEqual(child?.suite, suite)
      assert.equal(child?.pfs, pfs)
      for (const side of ['a', 'b'] as const)
        rehearsal.sendData(side, { tunnel: 'berlin-paris', pair: 0 })
      rehearsal.runFor(100)
      assert.equal(rehearsal.traffic.opened, 2)
    })
  }
}

test('sets up a Child SA for each network pair, under one IKE SA', () => {
  const networks = [
    pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255'),
    pair('10.1.0.7', '10.1.0.7', '10.3.0.0', '10.3.0.255'),
    pair('2001:db8:1::', '2001:db8:1::ffff', '2001:db8:2::5', '2001:db8:2::9'),
  ]
  const rehearsal = rehearseUp(sites({ networks }, {}, A_BEGINS))
  assert.equal(snapshot(rehearsal, 'a').childSas.length, 3)
  assert.equal(snapshot(rehearsal, 'a').ikeSas.length, 1)
  assert.deepEqual(snapshot(rehearsal, 'b').childSas[2]?.selectors.local, networks[2]?.remote)
})

test('carries one protocol and port only where the pair says so', () => {
  const [wide] = [pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')]
  const networks = [
    {
      local: { ...wide.local, protocol: 6 },
      remote: { ...wide.remote, protocol: 6, startPort: 443, endPort: 443 },
    },
  ]
  const rehearsal = rehearseUp(sites({ networks }, {}, A_BEGINS))
  assert.deepEqual(rehearsal.gateways.b.dataPlane.inbound[0]?.selectors, {
    local: networks[0]?.remote,
    remote: networks[0]?.local,
  })
})

test('the responder opens its inbound SA with message 2 and sends only after message 3', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  let quick = 0
  rehearsal.intercept = ({ octets }) => {
    if (octets[18] === QUICK_MODE) quick++
    // Message 3 never arrives.
    return quick >= 3 && octets[18] === QUICK_MODE ? undefined : octets
  }
  rehearsal.runFor(800)
  assert.equal(rehearsal.gateways.b.dataPlane.inbound.length, 1)
  assert.equal(rehearsal.gateways.b.dataPlane.outbound.length, 0)
  rehearsal.intercept = ({ octets }) => octets
  rehearsal.runFor(20_000)
  assertUp(rehearsal)
})

test('other networks: refused with INVALID-ID-INFORMATION, and both sides know', () => {
  const networks = [pair('10.2.0.0', '10.2.0.255', '10.1.0.0', '10.1.255.255')]
  const rehearsal = refused({ networks })
  assert.equal(failureCode(rehearsal, 'b'), 'CW-401')
  assert.equal(failureCode(rehearsal, 'a'), 'CW-401')
})

test('other algorithms: refused with NO-PROPOSAL-CHOSEN, and both sides know', () => {
  const rehearsal = refused({ phase2: { suites: [cbc], pfs: 'modp2048', lifetime } })
  assert.equal(failureCode(rehearsal, 'b'), 'CW-404')
  assert.equal(failureCode(rehearsal, 'a'), 'CW-404')
})

for (const pfs of ['none', 'ecp256'] as const) {
  test(`PFS ${pfs} on one side and modp2048 on the other: refused, and the responder names it`, () => {
    const rehearsal = refused({ phase2: { suites: [gcm], pfs, lifetime } })
    assert.equal(failureCode(rehearsal, 'b'), 'CW-405')
  })
}

test('the shorter lifetime of the two is used by both', () => {
  const phase2 = { suites: [gcm], pfs: 'none', lifetime: { seconds: 600 } } as const
  const rehearsal = rehearseUp(
    sites({ phase2: { ...phase2, lifetime } }, {}, { start: 'respond', phase2 }),
  )
  assert.equal(snapshot(rehearsal, 'b').childSas[0]?.lifetime.seconds, 600)
})

test('the first packet brings a tunnel up that starts on traffic', () => {
  const rehearsal = rehearse(sites({}, { start: 'on-traffic' }, { start: 'respond' }))
  rehearsal.runFor(5_000)
  assert.equal(rehearsal.sent.length, 0)
  rehearsal.sendData('a', { tunnel: 'berlin-paris', pair: 0 })
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
})

const QUICK_MODE = 32

/** Phase 1 comes up, the Child SA does not. */
function refused(changesOfB: Partial<TunnelConfig>): Rehearsal {
  const rehearsal = rehearse(sites({}, {}, { start: 'respond', ...changesOfB }))
  rehearsal.runFor(5_000)
  for (const side of ['a', 'b'] as const) {
    assert.equal(snapshot(rehearsal, side).ikeSas.length, 1)
    assert.equal(snapshot(rehearsal, side).childSas.length, 0)
    assert.equal(rehearsal.gateways[side].dataPlane.inbound.length, 0)
    assert.equal(rehearsal.gateways[side].dataPlane.outbound.length, 0)
  }
  return rehearsal
}

function failureCode(rehearsal: Rehearsal, side: Side): string | undefined {
  return events(rehearsal, side, 'negotiation-failed')[0]?.failure.code
}
