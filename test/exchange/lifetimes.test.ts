// Lifetimes in seconds and in kilobytes (RFC 2407 §4.5), and what the peer's mean for ours.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { SaAttribute } from '#iana/ipsec-doi'
import { NotifyType } from '#iana/isakmp'
import { lifetimeAttributes } from '#ikev1/attributes'
import { childNotify } from '#ikev1/notify'
import { encode } from '#wire/codec'
import type { Payload } from '#wire/v1/payloads'
import { attributeList } from '#wire/v1/sa-payload'
import { assertUp, events, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const PHASE1: TunnelConfig['phase1'] = {
  suites: [{ encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' }],
  lifetime: { seconds: 28_800 },
}
const PHASE2: TunnelConfig['phase2'] = {
  suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
  pfs: 'modp2048',
  lifetime: { seconds: 3_600 },
}

test('both sides keep a Child SA for the smaller of two volumes, and the data plane hears of it', () => {
  const of = sites(
    {},
    { phase2: { ...PHASE2, lifetime: { seconds: 3_600, kilobytes: 200_000 } } },
    { ...A_BEGINS, phase2: { ...PHASE2, lifetime: { seconds: 3_600, kilobytes: 100_000 } } },
  )
  const rehearsal = rehearseUp(of)
  for (const side of ['a', 'b'] as const) {
    assert.equal(snapshot(rehearsal, side).childSas[0]?.lifetime.kilobytes, 100_000)
    const { inbound, outbound } = rehearsal.gateways[side].dataPlane
    for (const { volume } of [...inbound, ...outbound]) {
      assert.equal(volume?.hard, 102_400_000)
      assert.ok((volume?.soft ?? 0) >= 81_920_000 && (volume?.soft ?? 0) < 102_400_000)
    }
  }
})

test('the initiator replaces a Child SA before the responder would, by volume as by time', () => {
  const lifetime = { seconds: 3_600, kilobytes: 100_000 }
  const rehearsal = rehearseUp(sites({ phase2: { ...PHASE2, lifetime } }, {}, A_BEGINS))
  const soft = (side: 'a' | 'b') =>
    rehearsal.gateways[side].dataPlane.outbound[0]?.volume?.soft ?? 0
  assert.ok(soft('a') < soft('b'))
})

test('a volume that is nearly used up rekeys, one that is used up ends the Child SA', () => {
  const rehearsal = rehearseUp(sites({}, {}, A_BEGINS))
  const [first] = snapshot(rehearsal, 'a').childSas
  assert.ok(first !== undefined)
  const expired = { kind: 'sa-expired', direction: 'outbound', spi: first.outboundSpi } as const
  rehearsal.input('a', { ...expired, hard: false })
  rehearsal.runFor(2_000)
  const renewed = snapshot(rehearsal, 'a').childSas.find(({ state }) => state === 'active')
  assert.notEqual(renewed?.inboundSpi, first.inboundSpi)
  rehearsal.input('a', { ...expired, hard: true })
  rehearsal.runFor(15_000)
  const left = snapshot(rehearsal, 'b').childSas.map(({ inboundSpi }) => inboundSpi)
  assert.ok(!left.includes(first.outboundSpi))
  assertUp(rehearsal)
})

test('where little is left of a volume, the next SA takes over before the peer had its second to install it', () => {
  const rehearsal = rehearseUp(sites({}, {}, A_BEGINS))
  const [first] = snapshot(rehearsal, 'a').childSas
  assert.ok(first !== undefined)
  const near = {
    kind: 'sa-expired',
    direction: 'outbound',
    spi: first.outboundSpi,
    hard: false,
  } as const
  const sending = () => rehearsal.gateways.a.dataPlane.outbound.map(({ spi }) => spi)
  rehearsal.input('a', near)
  rehearsal.runFor(500)
  const renewed = snapshot(rehearsal, 'a').childSas.find(({ state }) => state === 'active')
  assert.notEqual(renewed?.outboundSpi, first.outboundSpi)
  assert.deepEqual(sending(), [first.outboundSpi])
  rehearsal.input('a', near)
  assert.deepEqual(sending(), [first.outboundSpi, renewed?.outboundSpi])
})

test('a responder that keeps a Child SA for less says so in message 2', () => {
  const of = sites(
    {},
    {},
    { ...A_BEGINS, phase2: { ...PHASE2, lifetime: { seconds: 900, kilobytes: 70_000 } } },
  )
  const rehearsal = rehearseUp(of)
  assert.equal(responderLifetimes(rehearsal).length, 1)
  assert.deepEqual(snapshot(rehearsal, 'a').childSas[0]?.lifetime, {
    seconds: 900,
    kilobytes: 70_000,
  })
})

test('a responder that keeps a Child SA as long as asked says nothing of it', () => {
  const of = sites({}, { phase2: { ...PHASE2, lifetime: { seconds: 900 } } }, A_BEGINS)
  const rehearsal = rehearseUp(of)
  assert.deepEqual(responderLifetimes(rehearsal), [])
  assert.equal(snapshot(rehearsal, 'b').childSas[0]?.lifetime.seconds, 900)
})

test('an ISAKMP SA is replaced when its volume is nearly used up, before it is spent', () => {
  const lifetime = { seconds: 28_800, kilobytes: 40 }
  const deadPeer = { probeEvery: 2_000, giveUpAfter: 20_000 }
  const of = sites({ phase1: { ...PHASE1, lifetime }, deadPeer }, {}, A_BEGINS)
  const rehearsal = rehearse(of)
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.lifetime.kilobytes, 40)
  const [first] = snapshot(rehearsal, 'a').ikeSas
  rehearsal.runFor(400_000)
  assertUp(rehearsal)
  const closed = events(rehearsal, 'a', 'ike-sa-closed')
  assert.ok(closed.some(({ initiatorSpi }) => initiatorSpi === first?.initiatorSpi))
  assert.ok(closed.every(({ why }) => why === 'rekeyed'))
  assert.deepEqual(events(rehearsal, 'a', 'negotiation-failed'), [])
})

function responderLifetimes(rehearsal: ReturnType<typeof rehearse>): readonly Payload[] {
  const number = NotifyType.number('RESPONDER-LIFETIME')
  return events(rehearsal, 'a', 'message')
    .filter(({ exchange, number: place }) => exchange === 'quick' && place === 2)
    .flatMap(({ payloads }) => payloads)
    .filter((one) => one.type === 'N' && one.notifyType === number)
}

test('a peer that names a shorter time of a Child SA behind Quick mode is heeded, and a longer one changes nothing', () => {
  const { rehearsal, peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  let spi = new Uint8Array(0)
  peer.answerQuick(quick1, (payloads, own) => {
    spi = own.slice()
    return payloads
  })
  const say = (seconds: number, of: Uint8Array) => {
    const type = SaAttribute.number('SA Life Type')
    const duration = SaAttribute.number('SA Life Duration')
    const data = encode(attributeList, lifetimeAttributes(type, duration, { seconds }))
    peer.sendProtected('INFORMATIONAL', [{ ...childNotify('RESPONDER-LIFETIME', of), data }])
    const [child] = snapshot(rehearsal, 'a').childSas
    assert.ok(child !== undefined)
    return child
  }
  const before = say(7_200, spi)
  assert.equal(before.lifetime.seconds, 3_600)
  assert.equal(say(600, Uint8Array.of(1, 2, 3, 4)).lifetime.seconds, 3_600)
  const { lifetime, rekeyAt, expiresAt, establishedAt } = say(600, spi)
  assert.deepEqual([lifetime.seconds, expiresAt - establishedAt], [600, 600_000])
  assert.ok(rekeyAt < expiresAt)
})
