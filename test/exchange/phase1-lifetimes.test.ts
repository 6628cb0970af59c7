// What a responder that keeps an ISAKMP SA for less than was offered says of it (RFC 2407 §4.5.4, §4.6.3.1), and what it means to its peer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { NotifyType } from '#iana/isakmp'
import { lifetimeAttributes } from '#ikev1/attributes'
import { phase1Notify } from '#ikev1/notify'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { encode } from '#wire/codec'
import type { NotificationPayload } from '#wire/v1/payloads'
import { attributeList } from '#wire/v1/sa-payload'
import { assertUp, events, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const SUITES = [{ encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' }] as const
const A_DAY = { suites: SUITES, lifetime: { seconds: 86_400 } }
const AN_HOUR_OR_9_MB = { suites: SUITES, lifetime: { seconds: 3_600, kilobytes: 9_000 } }

for (const [ike, exchange, number] of [
  ['v1-main', 'main', 6],
  ['v1-aggressive', 'informational', 1],
] as const) {
  const of = (a: Pick<TunnelConfig, 'phase1'>, b: Pick<TunnelConfig, 'phase1'>) =>
    sites({ ike }, a, { ...A_BEGINS, ...b })

  test(`${ike}: a responder that keeps the SA for less says so in ${exchange} ${number}, and both keep that`, () => {
    const rehearsal = rehearseUp(of({ phase1: A_DAY }, { phase1: AN_HOUR_OR_9_MB }))
    assert.deepEqual(where(rehearsal), [`${exchange} ${number}`])
    for (const side of ['a', 'b'] as const) {
      const [sa] = snapshot(rehearsal, side).ikeSas
      const { seconds, kilobytes } = sa?.lifetime ?? {}
      assert.deepEqual({ seconds, kilobytes }, AN_HOUR_OR_9_MB.lifetime)
      assert.equal((sa?.expiresAt ?? 0) - (sa?.establishedAt ?? 0), 3_600_000)
    }
  })

  test(`${ike}: a responder that keeps the SA as long as asked says nothing`, () => {
    const rehearsal = rehearseUp(of({ phase1: AN_HOUR_OR_9_MB }, { phase1: A_DAY }))
    assert.deepEqual(where(rehearsal), [])
    assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.lifetime.seconds, 3_600)
  })

  test(`${ike}: the initiator renews in the time its responder said`, () => {
    const rehearsal = rehearseUp(of({ phase1: A_DAY }, { phase1: AN_HOUR_OR_9_MB }))
    const first = snapshot(rehearsal, 'a').ikeSas[0]?.initiatorSpi
    rehearsal.runFor(3_600_000)
    assertUp(rehearsal)
    const [closed] = events(rehearsal, 'a', 'ike-sa-closed')
    assert.deepEqual([closed?.initiatorSpi, closed?.why], [first, 'rekeyed'])
    assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.role, 'initiator')
  })
}

test('a volume that its responder said is used up: the SA is replaced before, and the tunnel stays', () => {
  const deadPeer = { probeEvery: 2_000, giveUpAfter: 20_000 }
  const small = { suites: SUITES, lifetime: { seconds: 86_400, kilobytes: 40 } }
  const of = sites({ deadPeer }, { phase1: A_DAY }, { ...A_BEGINS, phase1: small })
  const rehearsal = rehearse(of)
  rehearsal.runFor(400_000)
  assertUp(rehearsal)
  const closed = events(rehearsal, 'a', 'ike-sa-closed')
  assert.ok(closed.length > 0)
  assert.ok(closed.every(({ why }) => why === 'rekeyed'))
})

for (const [what, classes] of [
  ['the classes of phase 1', [11, 12]],
  ['those of the DOI', [1, 2]],
] as const) {
  test(`an initiator heeds what comes in an Informational behind phase 1, in ${what}`, () => {
    const { rehearsal, peer } = responderScene()
    peer.answerMainMode()
    peer.sendProtected('INFORMATIONAL', [told(peer.cookies(), classes, 1_800)])
    assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.lifetime.seconds, 1_800)
  })
}

test('some give no SPI, or the wrong one: what comes under the keys is about the SA they belong to', () => {
  const { rehearsal, peer } = responderScene()
  peer.answerMainMode()
  peer.sendProtected('INFORMATIONAL', [told(new Uint8Array(0), [11, 12], 1_800)])
  assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.lifetime.seconds, 1_800)
})

test('nobody makes an SA live longer than was agreed', () => {
  const { rehearsal, peer } = responderScene()
  peer.answerMainMode({ 6: [told(peer.cookies(), [11, 12], 999_999)] })
  peer.sendProtected('INFORMATIONAL', [told(peer.cookies(), [11, 12], 999_999)])
  assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.lifetime.seconds, 28_800)
})

test('data that are no attributes leave the SA as it is', () => {
  const { rehearsal, peer } = responderScene()
  const data = Uint8Array.of(1, 2, 3)
  peer.answerMainMode({ 6: [phase1Notify('RESPONDER-LIFETIME', peer.cookies(), data)] })
  assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.lifetime.seconds, 28_800)
})

function told(
  cookies: Uint8Array,
  [type, duration]: readonly [number, number],
  seconds: number,
): NotificationPayload {
  const data = encode(attributeList, lifetimeAttributes(type, duration, { seconds }))
  return phase1Notify('RESPONDER-LIFETIME', cookies, data)
}

/** The messages that say it, of phase 1 or under its keys alone. */
function where(rehearsal: Rehearsal): readonly string[] {
  const notifyType = NotifyType.number('RESPONDER-LIFETIME')
  return events(rehearsal, 'a', 'message')
    .filter(({ payloads }) =>
      payloads.some((one) => one.type === 'N' && one.notifyType === notifyType),
    )
    .map(({ exchange, number }) => `${exchange} ${number}`)
}
