// What other makers' gateways do that the RFCs allow, or that they have always done: none of it may cost the tunnel.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '#bytes/hex'
import { NotifyType } from '#iana/isakmp'
import { messageIdOctets } from '#ikev1/keys'
import { selectorToPayload } from '#wire/v1/id-payload'
import type { Payload } from '#wire/v1/payloads'
import { vendorIdOctets } from '#wire/v1/vendor-id'
import { establishedScene, scene } from '../support/attack.ts'
import { assertUp, events, rehearse, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { pair, sites, TUNNEL } from '../support/sites.ts'

const DPD: Payload = { type: 'VID', data: vendorIdOctets('dpd') }

for (const message of [1, 3, 5] as const) {
  test(`a vendor ID for dead peer detection counts in message ${message} too: routers of Cisco send it late`, () => {
    const { rehearsal, peer } = scene()
    peer.mainMode({ [message]: [DPD] })
    const told = snapshot(rehearsal, 'b')
    assert.equal(told.ikeSas.length, 1)
    peer.receive()
    rehearsal.runFor(60_000)
    const probes = peer
      .receive()
      .flatMap((one) => peer.read(one))
      .filter((payload) => payload.type === 'N' && payload.notifyType === R_U_THERE)
    assert.ok(probes.length > 0, 'the peer is asked whether it is there')
  })
}

test('a responder’s own, shorter lifetimes beside the ones it let stand are kept to', () => {
  const { rehearsal, peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  peer.answerQuick(quick1, (payloads, spi) => [
    ...payloads,
    {
      type: 'N',
      doi: 1,
      protocolId: ESP,
      spi,
      notifyType: NotifyType.number('RESPONDER-LIFETIME'),
      // 900 s in the short form; 4,608,000 KB in the long one.
      data: fromHex('80010001 80020384 80010002 00020004 00465000'.replaceAll(' ', '')),
    },
  ])
  const [child] = snapshot(rehearsal, 'a').childSas
  assert.deepEqual(child?.lifetime, { seconds: 900, kilobytes: 4_608_000 })
  assert.ok(child.expiresAt <= rehearsal.now + 900_000)
  const [habit] = events(rehearsal, 'a', 'peer-habit')
  assert.match(habit?.text ?? '', /keeps phase 2 for 15m or 4,608,000 KB, where we have 1h/)
})

test('a lifetime notify that holds no attributes, or is not about ESP, changes nothing', () => {
  for (const [protocolId, data] of [
    [ESP, 'ffffff'],
    [ESP, ''],
    [1, '8001000180020384'],
  ] as const) {
    const { rehearsal, peer } = responderScene()
    const [quick1] = peer.answerMainMode()
    assert.ok(quick1 !== undefined)
    const notifyType = NotifyType.number('RESPONDER-LIFETIME')
    peer.answerQuick(quick1, (payloads, spi) => [
      ...payloads,
      { type: 'N', doi: 1, protocolId, spi, notifyType, data: fromHex(data) },
    ])
    assert.equal(snapshot(rehearsal, 'a').childSas[0]?.lifetime.seconds, 3_600)
  }
})

test('a transform that asks for something we do not know is refused by that name', () => {
  const { rehearsal, peer } = scene()
  const [proposal] = peer.offer().proposals
  const [transform] = proposal?.transforms ?? []
  assert.ok(proposal !== undefined && transform !== undefined)
  const gssapi = { form: 'long', type: 16_384, value: Uint8Array.of(1, 2, 3) } as const
  const asked = { ...transform, attributes: [...transform.attributes, gssapi] }
  peer.sendMessage1({ ...peer.offer(), proposals: [{ ...proposal, transforms: [asked] }] })
  const [failed] = events(rehearsal, 'b', 'negotiation-failed')
  assert.equal(failed?.failure.theirs, 'aes256-sha256-group14 with unknown attribute 16384')
})

test('a peer that closes phase 1 whenever we ask for networks is asked ever more rarely', () => {
  const { rehearsal, peer } = responderScene()
  const times: number[] = []
  while (rehearsal.now < 900_000) {
    if (!peer.isAsked()) {
      rehearsal.runFor(500)
      continue
    }
    times.push(rehearsal.now)
    peer.answerMainMode()
    peer.sendProtected('INFORMATIONAL', [
      { type: 'D', doi: 1, protocolId: ISAKMP, spis: [peer.cookies()] },
    ])
  }
  assert.ok(times.length > 10 && times.length < 40, `${times.length} attempts in 15 minutes`)
  assert.ok((times.at(-1) ?? 0) - (times.at(-2) ?? 0) > 20_000)
})

test('an attempt that the peer’s own has overtaken is no failure', () => {
  const rehearsal = rehearse(sites({}, {}, { start: 'on-traffic' }))
  // Side a is not heard at first, so b comes up by itself; what a repeats since then is answered by nobody.
  const lost = new Set<string>()
  rehearsal.intercept = ({ side, octets }) => {
    const cookie = octets.subarray(0, 8).join()
    if (side === 'a' && rehearsal.now < 5_000) lost.add(cookie)
    return lost.has(cookie) ? undefined : octets
  }
  rehearsal.runFor(4_000)
  rehearsal.command('b', { kind: 'up', tunnel: TUNNEL })
  rehearsal.runFor(60_000)
  assertUp(rehearsal)
  assert.deepEqual(events(rehearsal, 'a', 'negotiation-failed'), [])
  assert.equal(snapshot(rehearsal, 'a').failures, 0)
})

test('status says nothing of a next try, or of a peer last heard, where there is none', () => {
  const { rehearsal, peer } = scene()
  peer.sendMessage1()
  assert.equal(snapshot(rehearsal, 'b').peerAliveAt, undefined)
  peer.mainMode()
  peer.sendProtected('INFORMATIONAL', [
    { type: 'D', doi: 1, protocolId: ISAKMP, spis: [peer.cookies()] },
  ])
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 0)
  assert.equal(snapshot(rehearsal, 'b').retryAt, undefined)
})

test('an answer to Quick mode that fits nothing we asked for is told at once, not as silence', () => {
  const { rehearsal, peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  const other = selectorToPayload(pair('10.9.0.0', '10.9.255.255', '10.2.0.0', '10.2.0.1').local)
  peer.answerQuick(quick1, (payloads) =>
    payloads.map((payload) => (payload.type === 'ID' ? other : payload)),
  )
  const [failed] = events(rehearsal, 'a', 'negotiation-failed')
  assert.equal(failed?.failure.code, 'CW-404')
  assert.match(failed.failure.summary, /networks we did not ask for/)
  assert.equal(snapshot(rehearsal, 'a').childSas.length, 0)
  assert.equal(rehearsal.gateways.a.dataPlane.inbound.length, 0)
})

test('a peer that began Quick mode and never confirmed it is not said to have been silent', () => {
  const { rehearsal, peer } = establishedScene()
  const { sa, nonce, ids, ke } = peer.quick1()
  peer.sendProtected('QUICK-MODE', [sa, nonce, ...ke, ...ids])
  rehearsal.runFor(40_000)
  const [failed] = events(rehearsal, 'b', 'negotiation-failed')
  assert.match(failed?.failure.summary ?? '', /never confirmed/)
  assert.equal(rehearsal.gateways.b.dataPlane.inbound.length, 0)
})

test('INVALID-SPI under the keys ends the Child SA it names, and no Quick mode under way', () => {
  for (const where of ['spi', 'data'] as const) {
    const { rehearsal, peer } = responderScene()
    const [quick1] = peer.answerMainMode()
    assert.ok(quick1 !== undefined)
    peer.answerQuick(quick1)
    const [child] = snapshot(rehearsal, 'a').childSas
    assert.ok(child !== undefined)
    const none = new Uint8Array(0)
    const spi = messageIdOctets(child.outboundSpi)
    peer.sendProtected('INFORMATIONAL', [
      {
        type: 'N',
        doi: 1,
        protocolId: ESP,
        notifyType: NotifyType.number('INVALID-SPI'),
        spi: where === 'spi' ? spi : none,
        data: where === 'data' ? spi : none,
      },
    ])
    assert.deepEqual(snapshot(rehearsal, 'a').childSas, [])
    rehearsal.runFor(3_000)
    assert.ok(peer.receive().some(({ header }) => header.exchangeType === QUICK_MODE))
  }
})

const R_U_THERE = 36136
const QUICK_MODE = 32
const ISAKMP = 1
const ESP = 3
