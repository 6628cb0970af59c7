// What others' IKE daemons fell to before a peer had proved anything, tried here. The names are of the public advisories.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { NotifyType } from '#iana/isakmp'
import { phase1Notify } from '#ikev1/notify'
import type { Payload, SaPayload, TransformAttribute } from '#wire/v1/payloads'
import { assertServes, assertSurvived, establishedScene, scene } from '../support/attack.ts'
import { assertUp, events, rehearse, snapshot } from '../support/exchange.ts'
import { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'

const KEY_LENGTH = 14
const GROUP = 4
const AUTHENTICATION = 3

test('CVE-2009-0790: a dead-peer probe for an SA nobody knows, or that is gone, is dropped silently', () => {
  const before = scene()
  const probe = phase1Notify('R-U-THERE', before.peer.cookies(), new Uint8Array(4))
  before.peer.responderSpi = before.peer.crypto.random(8)
  assert.deepEqual(before.peer.sendOctets(before.peer.plain('INFORMATIONAL', [probe], 7)), [])
  assertSurvived(before)

  const after = establishedScene()
  const late = after.peer.protect('INFORMATIONAL', [probe], 'right', 9)
  after.rehearsal.command('b', { kind: 'down', tunnel: TUNNEL })
  after.peer.receive()
  assert.deepEqual(after.peer.sendOctets(late), [])
})

for (const [what, lengths] of [
  ['0', [0]],
  ['129', [129]],
  ['65535', [65_535]],
  ['missing', []],
  ['given twice', [128, 256]],
] as const) {
  test(`CVE-2011-3380: an AES key length ${what} is no proposal we take`, () => {
    const attacked = scene()
    refuses(
      attacked,
      withAttributes(attacked.peer.offer(), (all) => [
        ...all.filter(({ type }) => type !== KEY_LENGTH),
        ...lengths.map((value) => ({ form: 'short', type: KEY_LENGTH, value }) as const),
      ]),
    )
  })
}

test('CVE-2011-4073: a key agreement that ends after its SA was deleted finds nobody', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS), {
    answerDelay: { least: 5_000, most: 5_000 },
  })
  rehearsal.runFor(1_000)
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(20_000)
  assert.deepEqual(snapshot(rehearsal, 'a').ikeSas, [])
  rehearsal.command('a', { kind: 'up', tunnel: TUNNEL })
  rehearsal.runFor(60_000)
  assertUp(rehearsal)
})

test('CVE-2013-4564: datagrams of 0 to 27 octets, other versions, lengths that lie', () => {
  const attacked = scene()
  const { peer } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  for (let length = 0; length < 28; length++) {
    assert.deepEqual(peer.sendOctets(message.slice(0, length)), [], `${length} octets`)
  }
  for (const version of [0x00, 0x20, 0x30, 0xf0, 0xff]) {
    assert.deepEqual(peer.sendOctets(changed(message, 17, version)), [], `version ${version}`)
  }
  for (const length of [0, 27, message.length - 1, message.length + 1, 0xffff]) {
    const lying = message.slice()
    new DataView(lying.buffer).setUint32(24, length)
    assert.deepEqual(peer.sendOctets(lying), [], `length ${length}`)
  }
  assertSurvived(attacked)
})

test('CVE-2013-6466: message 1 without, with two, or with misplaced SA payloads', () => {
  const attacked = scene()
  const { peer } = attacked
  const sa = peer.offer()
  const vendor: Payload = { type: 'VID', data: peer.crypto.random(16) }
  for (const payloads of [[], [vendor], [sa, sa], [sa, vendor, sa]]) {
    assert.deepEqual(peer.sendOctets(peer.plain('IDENTITY-PROTECTION', payloads)), [])
  }
  assertSurvived(attacked)
})

test('CVE-2013-6466: message 3 without, or with two, KE and nonce payloads; the right one still serves', () => {
  const attacked = scene()
  const { peer } = attacked
  peer.responderSpi = peer.sendMessage1()[0]?.header.responderSpi.slice() ?? peer.responderSpi
  const ke: Payload = { type: 'KE', data: peer.agreement.generateKeyPair('modp2048').publicValue }
  const nonce: Payload = { type: 'NONCE', data: peer.crypto.random(32) }
  for (const payloads of [[], [ke], [nonce], [ke, ke, nonce], [ke, nonce, nonce]]) {
    assert.deepEqual(peer.sendOctets(peer.plain('IDENTITY-PROTECTION', payloads)), [])
  }
  assert.equal(peer.sendOctets(peer.plain('IDENTITY-PROTECTION', [nonce, ke])).length, 1)
  assertServes(attacked)
})

test('CVE-2013-6076, CVE-2016-1287, CVE-2016-10396: fragments of no SA are not put together, kept or answered', () => {
  const attacked = scene()
  const { peer } = attacked
  for (let number = 0; number < 256; number++) {
    const data = peer.crypto.random(number % 3)
    const flags = number === 0 ? 1 : 0
    const fragment: Payload = { type: 'FRAGMENT', id: 1, number, flags, data }
    const octets = peer.plain('IDENTITY-PROTECTION', [fragment])
    assert.deepEqual(peer.sendOctets(octets), [])
  }
  assertSurvived(attacked)
})

for (const exchange of ['QUICK-MODE', 'INFORMATIONAL', 'TRANSACTION', 'NEW-GROUP-MODE'] as const) {
  test(`CVE-2014-2338: ${exchange} before phase 1 is done changes nothing`, () => {
    const attacked = scene()
    const { peer } = attacked
    peer.responderSpi = peer.sendMessage1()[0]?.header.responderSpi.slice() ?? peer.responderSpi
    const { sa, nonce, ke, ids } = peer.quick1()
    const octets = peer.plain(
      exchange,
      [{ type: 'HASH', data: new Uint8Array(32) }, sa, nonce, ...ke, ...ids],
      5,
    )
    assert.deepEqual(peer.sendOctets(octets), [])
    assert.deepEqual(peer.sendOctets(changed(octets, 19, 1)), [], 'marked as encrypted')
    assertSurvived(attacked)
  })
}

test('CVE-2014-9221: no group but the configured ones, whatever its number', () => {
  const attacked = scene()
  for (const group of [0, 1, 2, 5, 13, 15, 22, 255, 256, 1_025, 32_768, 65_535]) {
    const offer = withAttributes(attacked.peer.offer(), (all) => replaced(all, GROUP, group))
    refuses(attacked, offer)
  }
})

test('CVE-2014-9221, CVE-2015-3240, CVE-2023-41913: a public value of a wrong length, or zero, ends phase 1 and no more', () => {
  for (const octets of [0, 1, 255, 257, 512, 60_000]) {
    const attacked = scene()
    const { peer } = attacked
    peer.responderSpi = peer.sendMessage1()[0]?.header.responderSpi.slice() ?? peer.responderSpi
    const answers = peer.sendOctets(
      peer.plain('IDENTITY-PROTECTION', [
        { type: 'KE', data: new Uint8Array(octets) },
        { type: 'NONCE', data: peer.crypto.random(32) },
      ]),
    )
    assert.ok(!answers.some(({ header }) => header.exchangeType === MAIN_MODE), `${octets} octets`)
    assertSurvived(attacked)
  }
})

test('CVE-2015-3204, CVE-2015-3991: every payload number in every place of message 1', () => {
  const attacked = scene()
  const { peer } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [
    { type: 'VID', data: peer.crypto.random(16) },
    peer.offer(),
    { type: 'VID', data: peer.crypto.random(16) },
  ])
  for (const place of [16, 28, 48, message.length - 20]) {
    for (let number = 0; number < 256; number++) peer.sendOctets(changed(message, place, number))
  }
  assert.deepEqual(snapshot(attacked.rehearsal, 'b').ikeSas, [])
  attacked.rehearsal.runFor(60_000)
  assertSurvived(attacked)
})

test('CVE-2015-4047: unknown attributes make a transform unacceptable, not the gateway unwell', () => {
  const attacked = scene()
  for (const attribute of [
    { form: 'short', type: 16_384, value: 1 },
    { form: 'long', type: 16_384, value: new Uint8Array(0) },
    { form: 'long', type: 32_767, value: new Uint8Array(1_000) },
  ] as const) {
    refuses(
      attacked,
      withAttributes(attacked.peer.offer(), (all) => [...all, attribute]),
    )
  }
})

test('CVE-2016-5391: a transform that lacks an algorithm is none we take', () => {
  const attacked = scene()
  for (const type of [1, 2, AUTHENTICATION, GROUP]) {
    refuses(
      attacked,
      withAttributes(attacked.peer.offer(), (all) => all.filter((one) => one.type !== type)),
    )
  }
})

test('CVE-2020-1763: an encrypted Informational for unknown cookies is dropped, and said in the log', () => {
  const attacked = scene()
  const { peer, rehearsal } = attacked
  peer.responderSpi = peer.crypto.random(8)
  const noise: Payload = { type: 'HASH', data: peer.crypto.random(32) }
  const octets = changed(peer.plain('INFORMATIONAL', [noise], 3), 19, 1)
  assert.deepEqual(peer.sendOctets(octets), [])
  assert.equal(events(rehearsal, 'b', 'dropped').at(-1)?.reason, 'unknown-sa')
  assertSurvived(attacked)
})

test('CVE-2022-23094, CVE-2023-30570: Aggressive mode is not answered, nor what follows it', () => {
  const attacked = scene()
  const { peer } = attacked
  const payloads: Payload[] = [
    peer.offer(),
    { type: 'KE', data: peer.agreement.generateKeyPair('modp2048').publicValue },
    { type: 'NONCE', data: peer.crypto.random(32) },
    { type: 'ID', idType: 2, protocolId: 0, port: 0, data: Uint8Array.of(0x61) },
  ]
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(peer.sendOctets(peer.plain('AGGRESSIVE', payloads)), [])
    peer.responderSpi = peer.crypto.random(8)
  }
  assertSurvived(attacked)
})

test('CVE-2025-20253: payload, proposal and transform lengths of 0 to 3 end the reading', () => {
  const attacked = scene()
  const { peer } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  for (const place of [30, 42, 50]) {
    for (const length of [0, 1, 2, 3]) {
      const octets = changed(changed(message, place, 0), place + 1, length)
      assert.deepEqual(peer.sendOctets(octets), [], `length ${length} at ${place}`)
    }
  }
  assertSurvived(attacked)
})

test('CVE-2025-20182, CVE-2024-46670: a first message cut at every octet, and with every octet one up or down', () => {
  const attacked = scene()
  const { peer, rehearsal } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  for (let at = 0; at < message.length; at++) {
    const cut = message.slice(0, at)
    if (at >= 28) new DataView(cut.buffer).setUint32(24, at)
    assert.deepEqual(peer.sendOctets(cut), [], `cut at ${at}`)
    for (const step of [1, 255]) peer.sendOctets(changed(message, at, (message[at] ?? 0) + step))
  }
  rehearsal.runFor(60_000)
  assertSurvived(attacked)
})

test('CVE-2025-9242: an identity of 65,000 octets in message 5 is one that does not match', () => {
  const attacked = scene()
  const beside: Payload = {
    type: 'ID',
    idType: 2,
    protocolId: 0,
    port: 0,
    data: new Uint8Array(60_000),
  }
  assert.throws(() => attacked.peer.mainMode({ 5: [beside] }), /no message 6/)
  assertSurvived(attacked)
})

test('CVE-2016-5361: a responder answers each first message once, unasked never, and hardly more than it got', () => {
  const attacked = scene()
  const { peer, rehearsal } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  const [answer, ...more] = peer.sendOctets(message)
  assert.equal(more.length, 0)
  assert.ok((answer?.octets.length ?? 0) < 3 * message.length)
  rehearsal.runFor(120_000)
  assert.deepEqual(peer.receive(), [])
  assertSurvived(attacked)
})

test('CVE-2018-0131, CVE-2017-17305, CVE-2018-8753, CVE-2018-9129: RSA encryption and every other way to authenticate is refused like any unknown one', () => {
  const attacked = scene()
  for (const method of [0, 2, 3, 4, 5, 6, 7, 8, 64_221, 65_001, 65_535]) {
    const offer = withAttributes(attacked.peer.offer(), (all) =>
      replaced(all, AUTHENTICATION, method),
    )
    refuses(attacked, offer)
  }
})

test('20,000 first messages with forged cookies: half-open SAs stay few, and the real peer connects', () => {
  const attacked = scene()
  const { rehearsal, peer } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  for (let i = 0; i < 20_000; i++) {
    const octets = message.slice()
    octets.set(peer.crypto.random(8))
    rehearsal.inject('b', octets, peer.remote, peer.local)
  }
  const answered = rehearsal.sent.filter(({ side }) => side === 'b').length
  assert.ok(answered < 2_000, `${answered} answered`)
  assert.ok(events(rehearsal, 'b', 'dropped').some(({ reason }) => reason === 'admission'))
  assertSurvived(attacked)
})

test('20,000 first messages from addresses nobody configured get no answer and keep no state', () => {
  const attacked = scene()
  const { rehearsal, peer } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  for (let i = 0; i < 20_000; i++) {
    const address = ip(`192.0.2.${i % 250}`)
    rehearsal.inject('b', message, peer.remote, { address, port: 500 + (i % 1_000) })
  }
  assert.deepEqual(rehearsal.sent, [])
  assertSurvived(attacked)
})

for (const name of [
  'NO-PROPOSAL-CHOSEN',
  'AUTHENTICATION-FAILED',
  'PAYLOAD-MALFORMED',
  'INVALID-COOKIE',
] as const) {
  test(`a clear ${name} that anyone can send does not end a negotiation`, () => {
    const rehearsal = rehearse(sites({}, {}, A_BEGINS))
    rehearsal.runFor(15)
    const [first] = rehearsal.sent
    assert.ok(first !== undefined)
    const forger = new ScriptedPeer(rehearsal, sites().a.tunnels[0] ?? fail())
    forger.initiatorSpi.set(first.octets.subarray(0, 8))
    const octets = forger.plain('INFORMATIONAL', [phase1Notify(name, forger.cookies())], 1)
    rehearsal.inject('a', octets, first.local, first.remote)
    rehearsal.runFor(3_000)
    assertUp(rehearsal)
    assert.equal(NotifyType.has(NotifyType.number(name)), true)
  })
}

test('our own first message sent back to us is no peer', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  const [first] = rehearsal.sent
  assert.ok(first !== undefined)
  rehearsal.inject('a', first.octets, first.local, first.remote)
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'a').ikeSas.length, 1)
})

const MAIN_MODE = 2

function fail(): never {
  throw new Error('no tunnel')
}

/** The offer leads to no message 2: at most to a notify. */
function refuses(attacked: ReturnType<typeof scene>, offer: SaPayload): void {
  const answers = attacked.peer.sendMessage1(offer)
  assert.deepEqual(
    answers.filter(({ header }) => header.exchangeType === MAIN_MODE),
    [],
  )
  assert.ok(answers.length <= 1)
  assert.deepEqual(snapshot(attacked.rehearsal, 'b').ikeSas, [])
}

function withAttributes(
  offer: SaPayload,
  change: (all: readonly TransformAttribute[]) => readonly TransformAttribute[],
): SaPayload {
  const proposals = offer.proposals.map((proposal) => ({
    ...proposal,
    transforms: proposal.transforms.map((one) => ({ ...one, attributes: change(one.attributes) })),
  }))
  return { ...offer, proposals }
}

function replaced(
  all: readonly TransformAttribute[],
  type: number,
  value: number,
): readonly TransformAttribute[] {
  return all.map((one) => (one.type === type ? { form: 'short', type, value } : one))
}

function changed(octets: Uint8Array, at: number, value: number): Uint8Array {
  const copy = octets.slice()
  copy[at] = value
  return copy
}
