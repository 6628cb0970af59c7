// What others fell to in the course of a negotiation, or what they gave away in it, tried here. The names are of the public advisories.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { NotifyType } from '#iana/isakmp'
import { phase1Notify } from '#ikev1/notify'
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from '#policy/proposal'
import { selectorFromPrefix } from '#policy/traffic-selector'
import { HEADER_OCTETS } from '#wire/ike-header'
import { selectorToPayload } from '#wire/v1/id-payload'
import { decodePayloads } from '#wire/v1/message'
import { assertSurvived, assertUntouched, establishedScene, scene } from '../support/attack.ts'
import { assertUp, events, rehearseUp, snapshot } from '../support/exchange.ts'
import { dn, sampleAuthority, sampleGateway } from '../support/sample-pki.ts'
import { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const NO_PFS = {
  suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
  pfs: 'none',
  lifetime: { seconds: 3_600 },
} as const

test('CVE-2013-6075: a distinguished name that is empty, cut, longer or only begins alike is never the one awaited', () => {
  const right = dn('CN=gw, O=Example')
  const wrong = {
    empty: new Uint8Array(0),
    'an empty sequence': Uint8Array.of(0x30, 0),
    'one octet short': right.subarray(0, -1),
    'its head alone': right.subarray(0, 2),
    'with octets behind it': Uint8Array.of(...right, 0, 0),
    'its first part': dn('O=Example'),
  }
  for (const [what, der] of Object.entries(wrong)) {
    const of = sites(
      {},
      { localId: { kind: 'dn', der } },
      { ...A_BEGINS, remoteId: { kind: 'dn', der: right } },
    )
    const { rehearsal, peer } = scene(of)
    assert.throws(() => peer.mainMode(), /no message 6/, what)
    assert.deepEqual(snapshot(rehearsal, 'b').ikeSas, [], what)
  }
  const id = { kind: 'dn', der: right } as const
  establishedScene(sites({}, { localId: id }, { ...A_BEGINS, remoteId: id }))
})

test('CVE-2016-6415: an answer to a first message holds what we chose to say, whatever lengths the message claims', () => {
  const attacked = scene()
  const { peer } = attacked
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  let answered = 0
  for (let at = HEADER_OCTETS; at < message.length; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      peer.initiatorSpi = peer.crypto.random(8)
      const changed = message.slice()
      changed.set(peer.initiatorSpi)
      changed[at] = value
      for (const { header, octets } of peer.sendOctets(changed)) {
        answered++
        assert.equal(header.length, octets.length)
        const { payloads } = decodePayloads(header.nextPayload, octets, HEADER_OCTETS)
        for (const { payload } of payloads) {
          if (payload.type === 'N') assert.equal(payload.data.length, 0)
          if (payload.type !== 'SA') continue
          const transforms = payload.proposals.flatMap((one) => one.transforms)
          assert.equal(transforms.length, 1)
        }
        assert.ok(octets.length < 400, 'nothing beside a proposal, vendor IDs or a notify')
      }
    }
  }
  assert.ok(answered > 0)
  attacked.rehearsal.runFor(60_000)
  assertSurvived(attacked)
})

test('CVE-2016-3071: whatever is offered by default can be carried through', () => {
  const phase1 = { lifetime: { seconds: 28_800 } }
  for (const suite of DEFAULT_IKE_SUITES)
    rehearseUp(sites({ phase1: { ...phase1, suites: [suite] } }, {}, A_BEGINS))
  for (const suite of DEFAULT_ESP_SUITES)
    rehearseUp(sites({ phase2: { ...NO_PFS, suites: [suite] } }, {}, A_BEGINS))
})

test('CVE-2024-2357: a peer that offers a key where there is none is refused, each time it repeats itself', () => {
  const holder = sampleGateway('gw', sampleAuthority('Root'))
  const authentication: TunnelConfig['authentication'] = {
    kind: 'certificate',
    own: [holder.certificate],
    key: holder.key,
    trust: [holder.certificate],
    revocation: { crl: 'off', ocsp: 'off' },
    crls: [],
  }
  const { rehearsal, peer } = scene(sites({}, {}, { ...A_BEGINS, authentication }))
  const message = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  for (let i = 0; i < 5; i++) {
    const [answer] = peer.sendOctets(message)
    assert.ok(answer !== undefined)
    const [notify] = peer.read(answer)
    assert.ok(notify?.type === 'N' && notify.notifyType === NotifyType.number('NO-PROPOSAL-CHOSEN'))
  }
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas, [])
  assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-204')
})

test('CVE-2024-39545, CVE-2024-21609: hundreds of Quick modes with ever other networks and identities leave nothing behind', () => {
  const attacked = establishedScene(sites({ phase2: NO_PFS }, {}, { ...A_BEGINS, narrow: 'allow' }))
  const { rehearsal, peer } = attacked
  for (let i = 0; i < 300; i++) {
    const { sa, nonce, ids } = peer.quick1()
    const network = selectorFromPrefix(ip(`10.2.${i % 256}.0`), 24 + (i % 9))
    const asked = i % 3 === 0 ? [] : [...ids.slice(0, 1), selectorToPayload(network)]
    peer.sendProtected('QUICK-MODE', [sa, nonce, ...asked])
  }
  rehearsal.runFor(120_000)
  assert.deepEqual(rehearsal.gateways.b.dataPlane.inbound, [])
  assert.deepEqual(snapshot(rehearsal, 'b').childSas, [])
  assert.deepEqual(events(rehearsal, 'b', 'defect'), [])
})

test('no notify in clear, whatever its type and cookies, ends or changes what stands', () => {
  const attacked = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
  const { rehearsal, peer } = attacked
  const { sa, nonce, ids } = peer.quick1()
  const messageId = peer.freshMessageId()
  const [message2] = peer.sendProtected('QUICK-MODE', [sa, nonce, ...ids], 'right', messageId)
  assert.ok(message2 !== undefined && nonce.type === 'NONCE')
  const answered = peer.read(message2).find((one) => one.type === 'NONCE')
  assert.ok(answered !== undefined)
  peer.sendQuick3(messageId, nonce.data, answered.data)
  assertUntouched(attacked, 1)
  const spi = rehearsal.gateways.b.dataPlane.inbound[0]?.spi ?? 0
  const spiOctets = new Uint8Array(4)
  new DataView(spiOctets.buffer).setUint32(0, spi)
  const types = [
    ...Array(31).keys(),
    16_384,
    24_576,
    24_577,
    24_578,
    36_136,
    36_137,
    40_500,
    65_535,
  ]
  for (const notifyType of types) {
    for (const about of [peer.cookies(), new Uint8Array(0), spiOctets]) {
      const notify = { ...phase1Notify('INITIAL-CONTACT', about, spiOctets), notifyType }
      for (const exchange of ['INFORMATIONAL', 'QUICK-MODE', 'IDENTITY-PROTECTION'] as const)
        assert.deepEqual(peer.sendOctets(peer.plain(exchange, [notify], peer.freshMessageId())), [])
    }
  }
  assertUntouched(attacked, 1)
  assert.deepEqual(events(rehearsal, 'b', 'ike-sa-closed'), [])
})

test('CVE-2023-28771: what a peer says is text for the log, with nothing in it that a terminal or a shell would act on', () => {
  const hostile = '$(reboot)`id`;\u001b[2J\r\n<b>'
  const of = sites({}, { localId: { kind: 'fqdn', name: hostile } }, A_BEGINS)
  const { rehearsal, peer } = scene(of)
  assert.throws(() => peer.mainMode(), /no message 6/)
  const [told] = events(rehearsal, 'b', 'negotiation-failed')
  assert.equal(told?.failure.code, 'CW-304')
  const summary = told?.failure.summary ?? ''
  assert.ok(
    [...summary].every((one) => one >= ' '),
    summary,
  )
})

test('a peer restarts a hundred times in the middle of Main mode: one half-open SA each is soon all that is left', () => {
  const attacked = scene()
  const { rehearsal } = attacked
  for (let i = 0; i < 100; i++) {
    const peer = new ScriptedPeer(rehearsal, attacked.peer.tunnel, 1_000 + i)
    peer.receive()
    peer.sendMessage1()
  }
  rehearsal.runFor(60_000)
  assertSurvived(attacked)
  assertUp(rehearsal)
})
