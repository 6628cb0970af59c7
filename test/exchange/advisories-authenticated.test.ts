// What others' IKE daemons fell to at the hands of a peer that knows the key, or of someone playing messages back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Crypto } from '#crypto/port'
import { Doi, ProtocolId } from '#iana/isakmp'
import { phase1Notify } from '#ikev1/notify'
import { ownVendorIds } from '#ikev1/vendor-ids'
import type { DeletePayload, Payload, SaPayload } from '#wire/v1/payloads'
import {
  assertServes,
  assertUntouched,
  establishedScene,
  type Scene,
  scene,
} from '../support/attack.ts'
import { assertUp, newEngine, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'

for (const hash of ['wrong', 'none', 'last'] as const) {
  test(`CVE-2019-10155: Informational messages whose HASH is ${hash} are ignored`, () => {
    const attacked = withChild()
    const { peer } = attacked
    const cookies = peer.cookies()
    for (const payload of [
      deleteOf('ISAKMP', cookies),
      deleteOf('ESP', outboundSpi(attacked)),
      phase1Notify('R-U-THERE', cookies, Uint8Array.of(0, 0, 0, 1)),
      phase1Notify('INITIAL-CONTACT', cookies),
    ]) {
      assert.deepEqual(peer.sendProtected('INFORMATIONAL', [payload], hash), [])
    }
    assertUntouched(attacked, 1)
  })
}

test('the same messages with the right HASH do what they say', () => {
  const attacked = withChild()
  attacked.peer.sendProtected('INFORMATIONAL', [deleteOf('ESP', outboundSpi(attacked))])
  assert.equal(snapshot(attacked.rehearsal, 'b').childSas.length, 0)
  attacked.peer.sendProtected('INFORMATIONAL', [deleteOf('ISAKMP', attacked.peer.cookies())])
  assert.equal(snapshot(attacked.rehearsal, 'b').ikeSas.length, 0)
})

test('a delete in clear for SAs that stand is ignored', () => {
  const attacked = withChild()
  const { peer } = attacked
  for (const payload of [
    deleteOf('ISAKMP', peer.cookies()),
    deleteOf('ESP', outboundSpi(attacked)),
  ]) {
    assert.deepEqual(peer.sendOctets(peer.plain('INFORMATIONAL', [payload], 77)), [])
  }
  assertUntouched(attacked, 1)
})

test('CVE-2023-38711: every kind of identity in Quick mode that names no addresses is refused', () => {
  for (let idType = 0; idType < 256; idType++) {
    if (ADDRESS_TYPES.includes(idType)) continue
    const attacked = establishedScene()
    const { sa, nonce, ke } = attacked.peer.quick1()
    const id: Payload = {
      type: 'ID',
      idType,
      protocolId: 0,
      port: 0,
      data: new TextEncoder().encode('site-a.example'),
    }
    const answers = attacked.peer.sendProtected('QUICK-MODE', [sa, nonce, ...ke, id, id])
    assert.ok(!answers.some(({ header }) => header.exchangeType === QUICK_MODE), `type ${idType}`)
    assertUntouched(attacked, 0)
  }
})

test('CVE-2023-23009: malformed addresses in Quick mode identities are refused', () => {
  for (const [idType, octets] of [
    [1, 0],
    [1, 3],
    [1, 16],
    [4, 4],
    [4, 7],
    [4, 9],
    [7, 5],
    [5, 4],
    [8, 31],
    [4, 60_000],
  ] as const) {
    const attacked = establishedScene()
    const { sa, nonce, ke } = attacked.peer.quick1()
    const id = { type: 'ID', idType, protocolId: 0, port: 0, data: new Uint8Array(octets) } as const
    const answers = attacked.peer.sendProtected('QUICK-MODE', [sa, nonce, ...ke, id, id])
    assert.ok(!answers.some(({ header }) => header.exchangeType === QUICK_MODE))
    assertUntouched(attacked, 0)
  }
})

test('CVE-2023-38712: two deletes in one message, deletes with other payloads, deletes twice', () => {
  for (const payloadsOf of [
    ({ peer }: Scene) => [deleteOf('ISAKMP', peer.cookies()), deleteOf('ISAKMP', peer.cookies())],
    ({ peer }: Scene) => [
      deleteOf('ISAKMP', peer.cookies()),
      phase1Notify('R-U-THERE', peer.cookies(), new Uint8Array(4)),
    ],
    (one: Scene) => [deleteOf('ESP', outboundSpi(one), outboundSpi(one))],
    (one: Scene) => [
      deleteOf('ESP', outboundSpi(one)),
      deleteOf('ISAKMP', one.peer.cookies()),
      deleteOf('ESP', outboundSpi(one)),
    ],
  ]) {
    const attacked = withChild()
    attacked.peer.sendProtected('INFORMATIONAL', payloadsOf(attacked))
    attacked.rehearsal.runFor(1_000)
    assert.ok(snapshot(attacked.rehearsal, 'b').childSas.length <= 1)
    assertServes(attacked)
  }
})

test('CVE-2023-38712: deletes with no SPI, hundreds of SPIs, or SPIs of another size change nothing', () => {
  const attacked = withChild()
  for (const payload of [
    deleteOf('ESP'),
    deleteOf('ISAKMP'),
    deleteOf('ESP', ...Array.from({ length: 256 }, () => new Uint8Array(4))),
    deleteOf('ESP', new Uint8Array(8)),
    deleteOf('ISAKMP', new Uint8Array(4)),
    deleteOf('AH', outboundSpi(attacked)),
  ]) {
    attacked.peer.sendProtected('INFORMATIONAL', [payload])
  }
  assertUntouched(attacked, 1)
})

test('CVE-2024-3652: every ESP transform number without integrity or key length', () => {
  for (let id = 0; id < 256; id++) {
    const attacked = establishedScene()
    const { sa, nonce, ke, ids } = attacked.peer.quick1()
    const offer = withTransform(sa, id)
    const answers = attacked.peer.sendProtected('QUICK-MODE', [offer, nonce, ...ke, ...ids])
    assert.ok(!answers.some(({ header }) => header.exchangeType === QUICK_MODE), `transform ${id}`)
    assertUntouched(attacked, 0)
  }
})

test('CVE-2020-16088: another peer’s identity under the right key is refused, and the right one under another key', () => {
  const name = { kind: 'fqdn', name: 'other-peer.example' } as const
  const pretender = scene(sites({}, { localId: name }, A_BEGINS))
  assert.throws(() => pretender.peer.mainMode(), /no message 6/)
  assert.deepEqual(snapshot(pretender.rehearsal, 'b').ikeSas, [])
})

test('CVE-2013-6466: Quick mode message 1 without each of its payloads, or with one twice', () => {
  const attacked = establishedScene()
  const { sa, nonce, ke, ids } = attacked.peer.quick1()
  for (const payloads of [
    [],
    [nonce, ...ke, ...ids],
    [sa, ...ke, ...ids],
    [sa, nonce, ...ids],
    [sa, nonce, ...ke, ids[0]!],
    [sa, sa, nonce, ...ke, ...ids],
    [sa, nonce, nonce, ...ke, ...ids],
    [sa, nonce, ...ke, ...ke, ...ids],
    [sa, nonce, ...ke, ...ids, ...ids],
    [nonce, sa, ...ke, ...ids].reverse(),
  ]) {
    const answers = attacked.peer.sendProtected('QUICK-MODE', payloads)
    assert.ok(!answers.some(({ header }) => header.exchangeType === QUICK_MODE))
  }
  assertUntouched(attacked, 0)
})

test('Quick mode without a key exchange where PFS is configured is refused', () => {
  const attacked = establishedScene()
  const { nonce, ids } = attacked.peer.quick1()
  const { phase2, networks, mode } = attacked.peer.tunnel
  assert.ok(networks.length > 0 && mode === 'tunnel' && phase2.pfs !== 'none')
  const sa = withoutGroup(attacked.peer.quick1().sa)
  const answers = attacked.peer.sendProtected('QUICK-MODE', [sa, nonce, ...ids])
  assert.ok(!answers.some(({ header }) => header.exchangeType === QUICK_MODE))
  assertUntouched(attacked, 0)
})

test('message ID 0 begins no Quick mode and no Informational exchange', () => {
  const attacked = establishedScene()
  const { sa, nonce, ke, ids } = attacked.peer.quick1()
  const quick = attacked.peer.sendProtected('QUICK-MODE', [sa, nonce, ...ke, ...ids], 'right', 0)
  assert.deepEqual(quick, [])
  const gone = deleteOf('ISAKMP', attacked.peer.cookies())
  attacked.peer.sendProtected('INFORMATIONAL', [gone], 'right', 0)
  assertUntouched(attacked, 0)
})

test('a dead-peer probe is answered once, and not again when it is played back', () => {
  const of = sites({}, {}, A_BEGINS)
  const vendorIds = of.a.tunnels.flatMap(ownVendorIds)
  const attacked = establishedScene(of, { 1: vendorIds })
  const probe = phase1Notify('R-U-THERE', attacked.peer.cookies(), Uint8Array.of(0, 0, 0, 9))
  const octets = attacked.peer.protect('INFORMATIONAL', [probe], 'right', 1_234)
  assert.equal(attacked.peer.sendOctets(octets).length, 1)
  for (let i = 0; i < 5; i++) assert.deepEqual(attacked.peer.sendOctets(octets), [])
})

test('a Quick mode played back makes no second Child SA, before it is done or long after', () => {
  const attacked = establishedScene()
  const { sa, nonce, ke, ids } = attacked.peer.quick1()
  const octets = attacked.peer.protect('QUICK-MODE', [sa, nonce, ...ke, ...ids], 'right', 4_321)
  const [first] = attacked.peer.sendOctets(octets)
  const [again] = attacked.peer.sendOctets(octets)
  assert.deepEqual(again?.octets ?? first?.octets, first?.octets)
  assert.equal(attacked.rehearsal.gateways.b.dataPlane.inbound.length, 1)
  attacked.rehearsal.runFor(120_000)
  attacked.peer.sendOctets(octets)
  assert.ok(attacked.rehearsal.gateways.b.dataPlane.inbound.length <= 1)
})

test('everything both sides ever said, played back to both: not one SA more or less', () => {
  const rehearsal = rehearseUp()
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  rehearsal.runFor(60_000)
  const before = { a: snapshot(rehearsal, 'a'), b: snapshot(rehearsal, 'b') }
  const said = [...rehearsal.sent]
  for (let round = 0; round < 3; round++) {
    for (const { side, octets, local, remote } of said) {
      rehearsal.inject(side === 'a' ? 'b' : 'a', octets, remote, local)
      // To its own sender, too.
      rehearsal.inject(side, octets, local, remote)
    }
    rehearsal.runFor(2_000)
  }
  assertUp(rehearsal)
  for (const side of ['a', 'b'] as const) {
    assert.deepEqual(snapshot(rehearsal, side).childSas, before[side].childSas)
    assert.deepEqual(
      snapshot(rehearsal, side).ikeSas.map(({ initiatorSpi }) => initiatorSpi),
      before[side].ikeSas.map(({ initiatorSpi }) => initiatorSpi),
    )
  }
})

test('CVE-2018-10811: cryptography that fails at any step costs a negotiation, never the gateway', () => {
  for (let call = 1; call < 80; call++) {
    const rehearsal = rehearse(sites({}, {}, A_BEGINS), {
      newEngine: (crypto) => newEngine(failingOnce(crypto, call)),
    })
    rehearsal.runFor(200_000)
    assertUp(rehearsal)
  }
})

const QUICK_MODE = 32
/** ID_IPV4_ADDR, _SUBNET, IPV6 and ranges (RFC 2407 §4.6.2.1). */
const ADDRESS_TYPES = [1, 4, 5, 6, 7, 8]

/** Main mode and one Quick mode, done. */
function withChild(): Scene {
  const made = establishedScene()
  const { peer } = made
  const { sa, nonce, ke, ids } = peer.quick1()
  const id = peer.freshMessageId()
  const [message2] = peer.sendProtected('QUICK-MODE', [sa, nonce, ...ke, ...ids], 'right', id)
  assert.ok(message2 !== undefined, 'Quick mode was answered')
  const answered = peer.read(message2).find((payload) => payload.type === 'NONCE')
  assert.ok(answered !== undefined && nonce.type === 'NONCE')
  peer.sendQuick3(id, nonce.data, answered.data)
  assertUntouched(made, 1)
  return made
}

/** The call of this number throws, as a library does that has switched an algorithm off; all others work. */
function failingOnce(crypto: Crypto, number: number): Crypto {
  let calls = 0
  const failing =
    <Args extends unknown[], Result>(run: (...args: Args) => Result) =>
    (...args: Args): Result => {
      calls++
      if (calls === number) throw new Error('digital envelope routines: unsupported')
      return run(...args)
    }
  return {
    random: crypto.random,
    hash: failing(crypto.hash),
    hmac: failing(crypto.hmac),
    encryptCbc: failing(crypto.encryptCbc),
    decryptCbc: failing(crypto.decryptCbc),
  }
}

/** The SPI under which the peer receives: what it may delete. */
function outboundSpi({ rehearsal }: Scene): Uint8Array {
  const octets = new Uint8Array(4)
  const spi = snapshot(rehearsal, 'b').childSas[0]?.outboundSpi ?? 0
  new DataView(octets.buffer).setUint32(0, spi)
  return octets
}

function deleteOf(
  protocol: Parameters<typeof ProtocolId.number>[0],
  ...spis: readonly Uint8Array[]
): DeletePayload {
  return { type: 'D', doi: Doi.number('IPSEC'), protocolId: ProtocolId.number(protocol), spis }
}

function withTransform(sa: SaPayload, id: number): SaPayload {
  return mapTransforms(sa, (one) => ({ ...one, id, attributes: [] }))
}

function withoutGroup(sa: SaPayload): SaPayload {
  return mapTransforms(sa, (one) => ({
    ...one,
    attributes: one.attributes.filter(({ type }) => type !== 3),
  }))
}

type Transform = SaPayload['proposals'][number]['transforms'][number]

function mapTransforms(sa: SaPayload, change: (one: Transform) => Transform): SaPayload {
  const proposals = sa.proposals.map((proposal) => ({
    ...proposal,
    transforms: proposal.transforms.map(change),
  }))
  return { ...sa, proposals }
}
