// A peer that refuses one Quick mode may forget others it has accepted (strongSwan): a second look and a rekey keep out of each other's way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import { events, prepare, snapshot } from '../support/exchange.ts'
import { A_BEGINS, pair, sites, TUNNEL } from '../support/sites.ts'

const BOTH_HAVE = pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')
const ONLY_A_HAS = pair('10.1.0.0', '10.1.255.255', '10.9.0.0', '10.9.255.255')

test('a rekey that comes due during a second look begins when the look has ended', () => {
  const { rehearsal, answersAgain } = looking()
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  rehearsal.runFor(1_000)
  assert.deepEqual(renewed(rehearsal), [])
  answersAgain()
  rehearsal.runFor(3_500)
  assert.deepEqual(
    rehearsal.gateways.a.events
      .filter((event) => event.kind === 'negotiation-failed' || isRenewal(event))
      .map(({ kind }) => kind)
      .slice(0, 2),
    ['negotiation-failed', 'child-sa-established'],
  )
})

test('a second look that takes long does not hold the rekey for long', () => {
  const { rehearsal } = looking()
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  rehearsal.runFor(6_000)
  assert.deepEqual(failed(rehearsal), [])
  assert.equal(renewed(rehearsal).length, 1)
})

test('a second look is not begun shortly before a rekey: what was refused is told as it came', () => {
  const rehearsal = refusing({ phase2: { ...PHASE2, lifetime: { seconds: 20 } } })
  rehearsal.start()
  rehearsal.runFor(5_000)
  assert.ok(failed(rehearsal).length > 0)
  for (const { failure } of failed(rehearsal))
    assert.doesNotMatch(failure.evidence, /asked beside it/)
})

for (const secondLook of ['on', 'off'] as const) {
  test(`second-look: ${secondLook} is heeded at once, under the ISAKMP SA there is`, () => {
    const rehearsal = refusing({ secondLook: secondLook === 'off' })
    rehearsal.start()
    rehearsal.runFor(3_000)
    const [before] = snapshot(rehearsal, 'a').ikeSas
    const { gateway, tunnels } = rehearsal.gateways.a.config
    const changed = tunnels.map((one) => ({ ...one, secondLook: secondLook === 'on' }))
    rehearsal.configure('a', { gateway, tunnels: changed })
    const earlier = quickModes(rehearsal)
    rehearsal.command('a', { kind: 'up', tunnel: TUNNEL })
    rehearsal.runFor(1_000)
    assert.equal(quickModes(rehearsal) - earlier > 1, secondLook === 'on')
    assert.deepEqual(snapshot(rehearsal, 'a').ikeSas, [before])
  })
}

const PHASE2: TunnelConfig['phase2'] = {
  suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
  pfs: 'none',
  lifetime: { seconds: 3_600 },
}

/** The second of A's network pairs is refused by B. */
function refusing(changes: Partial<TunnelConfig> = {}): Rehearsal {
  const both = { phase2: PHASE2, ...changes }
  const { a } = sites({ ...both, networks: [BOTH_HAVE, ONLY_A_HAS] })
  const { b } = sites({ ...both, networks: [BOTH_HAVE] }, {}, A_BEGINS)
  return prepare({ a, b })
}

/** A second look at that refusal is under way, and B answers none of its questions. */
function looking() {
  const rehearsal = refusing()
  let refusals = 0
  rehearsal.intercept = ({ side, octets }) => {
    const { exchangeType } = decodeHeader(octets)
    if (side !== 'b' || exchangeType !== ExchangeType.number('INFORMATIONAL')) return octets
    refusals++
    return refusals === 1 ? octets : undefined
  }
  rehearsal.start()
  rehearsal.runFor(3_000)
  assert.ok(refusals > 1, 'questions were asked')
  const answersAgain = () => {
    rehearsal.intercept = ({ octets }) => octets
  }
  return { rehearsal, answersAgain }
}

/** That A has begun. */
function quickModes(rehearsal: Rehearsal): number {
  return events(rehearsal, 'a', 'message').filter(
    ({ exchange, direction, number }) =>
      exchange === 'quick' && direction === 'sent' && number === 1,
  ).length
}

function failed(rehearsal: Rehearsal) {
  return events(rehearsal, 'a', 'negotiation-failed')
}

function renewed(rehearsal: Rehearsal) {
  return rehearsal.gateways.a.events.filter(isRenewal)
}

function isRenewal(event: Rehearsal['gateways']['a']['events'][number]): boolean {
  return event.kind === 'child-sa-established' && event.rekeyOf !== undefined
}
