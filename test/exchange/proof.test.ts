// A tunnel is called proven when what first shows at a rekey has been tried, in its first minute.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import { assertUp, events, rehearse, snapshot } from '../support/exchange.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'

const PROOF: Partial<TunnelConfig> = { proof: 'on' }
const QUICK_MODE = ExchangeType.number('QUICK-MODE')
const MAIN_MODE = ExchangeType.number('IDENTITY-PROTECTION')

test('within a minute both phases are rekeyed once, the peer has answered and large packets have passed: the tunnel is proven', () => {
  const rehearsal = start()
  const [ikeSa] = snapshot(rehearsal, 'a').ikeSas
  const [child] = snapshot(rehearsal, 'a').childSas
  assert.deepEqual(snapshot(rehearsal, 'a').proof, { seen: [] })
  rehearsal.runFor(57_000)
  assertUp(rehearsal)
  const { proof, ikeSas, childSas } = snapshot(rehearsal, 'a')
  assert.deepEqual(
    new Set(proof?.seen),
    new Set([
      'peer-answered',
      'phase-2-rekeyed',
      'phase-1-rekeyed',
      'full-size-packet',
      'full-size-packet-sent',
    ]),
  )
  assert.ok(proof?.provenAt !== undefined && proof.provenAt < 60_000)
  assert.equal(events(rehearsal, 'a', 'tunnel-proven').length, 1)
  assert.notEqual(ikeSas.at(-1)?.initiatorSpi, ikeSa?.initiatorSpi)
  assert.notEqual(childSas.at(-1)?.inboundSpi, child?.inboundSpi)
})

test('once proven, nothing more is rekeyed before its time', () => {
  const rehearsal = start()
  rehearsal.runFor(60_000)
  const before = snapshot(rehearsal, 'a').rekeys
  rehearsal.runFor(600_000)
  assert.deepEqual([before, snapshot(rehearsal, 'a').rekeys], [2, 2])
})

test('only the side that began proves, and only where it is asked for', () => {
  const both = rehearse(sites(PROOF, {}, A_BEGINS))
  both.runFor(60_000)
  assert.equal(snapshot(both, 'b').proof, undefined)
  assert.deepEqual(events(both, 'b', 'tunnel-proven'), [])
  const neither = rehearse(sites({}, {}, A_BEGINS))
  neither.runFor(60_000)
  assert.equal(snapshot(neither, 'a').rekeys, 0)
  assert.equal(snapshot(neither, 'a').proof, undefined)
})

test('no packet is lost while a tunnel proves itself', () => {
  const rehearsal = start()
  for (let at = 3_000; at < 60_000; at += 100) {
    rehearsal.at(at, () => {
      rehearsal.sendData('a', { tunnel: TUNNEL, pair: 0 })
      rehearsal.sendData('b', { tunnel: TUNNEL, pair: 0 })
    })
  }
  rehearsal.runFor(60_000)
  assert.equal(rehearsal.traffic.opened, rehearsal.traffic.sent)
})

for (const [phase, exchangeType] of [
  [2, QUICK_MODE],
  [1, MAIN_MODE],
] as const) {
  test(`a rekey of phase ${phase} that fails is told as CW-603, and the SA that works is kept`, () => {
    const rehearsal = start()
    const [child] = snapshot(rehearsal, 'a').childSas
    rehearsal.intercept = ({ octets }) =>
      decodeHeader(octets).exchangeType === exchangeType ? undefined : octets
    rehearsal.runFor(90_000)
    const { proof, state, childSas, lastFailure } = snapshot(rehearsal, 'a')
    assert.equal(state, 'up')
    assert.equal(proof?.provenAt, undefined)
    assert.equal(proof?.failure?.code, 'CW-603')
    assert.match(proof?.failure?.summary ?? '', new RegExp(`rekey of phase ${phase} failed`))
    if (phase === 2) assert.equal(childSas[0]?.inboundSpi, child?.inboundSpi)
    assert.equal(lastFailure?.code, 'CW-603')
    const told = events(rehearsal, 'a', 'negotiation-failed')
    assert.deepEqual(
      told.map(({ failure }) => failure.code),
      ['CW-603'],
      'once, and not tried again before its time',
    )
  })
}

test('a tunnel that goes down before it is proven begins to prove itself anew', () => {
  const rehearsal = start()
  rehearsal.runFor(5_000)
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(5_000)
  assert.equal(snapshot(rehearsal, 'a').proof, undefined)
  rehearsal.command('a', { kind: 'up', tunnel: TUNNEL })
  rehearsal.runFor(60_000)
  assert.ok(snapshot(rehearsal, 'a').proof?.provenAt !== undefined)
})

test('where nothing inside answers, the proof says what it could not show, and does not hang', () => {
  const rehearsal = start()
  rehearsal.path.inside = 'is silent'
  rehearsal.runFor(60_000)
  const { proof, path } = snapshot(rehearsal, 'a')
  assert.deepEqual([proof?.provenAt, proof?.unshown], [undefined, ['full-size-packet']])
  assert.ok(proof?.seen.includes('full-size-packet-sent'), 'the peer itself acknowledges')
  assert.deepEqual([path?.by, path?.shown], ['liveness', 'outwards'])
  assert.equal(events(rehearsal, 'a', 'proof-incomplete').length, 1)
  assert.deepEqual(events(rehearsal, 'a', 'tunnel-proven'), [])
})

test('where nobody answers large packets at all, neither is shown', () => {
  const rehearsal = start()
  rehearsal.path.inside = 'is silent'
  rehearsal.path.width = 400
  rehearsal.runFor(60_000)
  const { proof, path } = snapshot(rehearsal, 'a')
  assert.deepEqual(proof?.unshown, ['full-size-packet', 'full-size-packet-sent'])
  assert.deepEqual([path?.shown, path?.blackHole], ['nothing', false], 'nothing is concluded')
})

test('what could not be shown at first completes the proof when it is', () => {
  const rehearsal = start()
  rehearsal.path.inside = 'is silent'
  rehearsal.runFor(60_000)
  rehearsal.path.inside = 'answers'
  rehearsal.runFor(600_000)
  assert.ok(snapshot(rehearsal, 'a').proof?.provenAt !== undefined)
  assert.equal(events(rehearsal, 'a', 'tunnel-proven').length, 1)
})

function start(): Rehearsal {
  const rehearsal = rehearse(sites({}, PROOF, A_BEGINS))
  rehearsal.runFor(1_000)
  assertUp(rehearsal)
  return rehearsal
}
