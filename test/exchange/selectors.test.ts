// Peers that send no identities, or fewer addresses than asked; extended sequence numbers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { EspSuite } from '#policy/proposal'
import { selectorFromPrefix, type TrafficSelector } from '#policy/traffic-selector'
import { Rehearsal } from '#rehearsal/rehearsal'
import { selectorToPayload } from '#wire/v1/id-payload'
import { establishedScene } from '../support/attack.ts'
import { events, newEngine, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { ScriptedResponder } from '../support/scripted-responder.ts'
import {
  A_BEGINS,
  ADDRESS_A,
  ADDRESS_B,
  configOf,
  type Sites,
  sites,
  TUNNEL,
} from '../support/sites.ts'

const SUITE: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: false }
const NO_PFS = { suites: [SUITE], pfs: 'none', lifetime: { seconds: 3_600 } } as const
const ANY = selectorFromPrefix(ip('0.0.0.0'), 0)
const HOSTS = { local: selectorFromPrefix(ADDRESS_A), remote: selectorFromPrefix(ADDRESS_B) }

for (const mode of ['tunnel', 'transport'] as const) {
  test(`a peer that sends no identities means the two gateways: ${mode} mode`, () => {
    const of = sites({ phase2: NO_PFS, mode, networks: [HOSTS] }, {}, A_BEGINS)
    const { rehearsal, peer } = establishedScene(of)
    const { sa, nonce } = peer.quick1()
    const [answer] = peer.sendProtected('QUICK-MODE', [sa, nonce])
    assert.ok(answer !== undefined)
    const payloads = peer.read(answer).map(({ type }) => type)
    assert.deepEqual(payloads, ['HASH', 'SA', 'NONCE'], 'and gets none back')
    const [inbound] = rehearsal.gateways.b.dataPlane.inbound
    assert.deepEqual(inbound?.selectors, { local: HOSTS.remote, remote: HOSTS.local })
    assert.equal(inbound?.mode, mode)
  })
}

test('no identities, where the tunnel is for networks behind the gateways, are refused', () => {
  const { rehearsal, peer } = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
  const { sa, nonce } = peer.quick1()
  peer.sendProtected('QUICK-MODE', [sa, nonce])
  assert.deepEqual(rehearsal.gateways.b.dataPlane.inbound, [])
  assert.equal(events(rehearsal, 'b', 'negotiation-failed').at(-1)?.failure.code, 'CW-401')
})

test('a responder that leaves the identities out accepts what was asked', () => {
  const { rehearsal, peer } = answered(sites({ phase2: NO_PFS }), (payloads) =>
    payloads.filter(({ type }) => type !== 'ID'),
  )
  assert.ok(peer !== undefined)
  const [child] = snapshot(rehearsal, 'a').childSas
  assert.equal(child?.selectors.remote.end, '10.2.255.255')
})

test('a responder that narrows is followed, and the operator reads what is left', () => {
  const narrowed = selectorFromPrefix(ip('10.2.7.0'), 24)
  const { rehearsal } = answered(sites({ phase2: NO_PFS }), (payloads) =>
    payloads.map((one, i) =>
      one.type === 'ID' && i === payloads.length - 1 ? selectorToPayload(narrowed) : one,
    ),
  )
  const [child] = snapshot(rehearsal, 'a').childSas
  assert.deepEqual(child?.selectors.remote, narrowed)
  assert.deepEqual(rehearsal.gateways.a.dataPlane.outbound[0]?.selectors.remote, narrowed)
  const warnings = events(rehearsal, 'a', 'warning').map(({ text }) => text)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /10\.2\.7\.0\/24/)
})

test('an initiator that asks for a part of our networks is refused: IKEv1 wants both to say the same', () => {
  const { rehearsal, peer } = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
  const { sa, nonce, ids } = peer.quick1()
  const part = selectorToPayload(selectorFromPrefix(ip('10.2.7.0'), 24))
  peer.sendProtected('QUICK-MODE', [sa, nonce, ...ids.slice(0, 1), part])
  assert.deepEqual(rehearsal.gateways.b.dataPlane.inbound, [])
  assert.equal(events(rehearsal, 'b', 'negotiation-failed').at(-1)?.failure.code, 'CW-401')
})

const NARROW = { ...A_BEGINS, narrow: 'allow' } as const
const PART_OF_B = selectorFromPrefix(ip('10.2.7.0'), 24)

test('with narrow: allow, an initiator gets the part of our networks that it asks for', () => {
  const { rehearsal } = askedForParts(PART_OF_B)
  const { inbound } = rehearsal.gateways.b.dataPlane
  assert.deepEqual(
    inbound.map(({ selectors }) => selectors.local),
    [PART_OF_B],
  )
  assert.equal(inbound[0]?.selectors.remote.end, '10.1.255.255')
})

test('with narrow: allow, what lies outside our networks is refused as ever', () => {
  const { rehearsal } = askedForParts(selectorFromPrefix(ip('10.0.0.0'), 8))
  assert.deepEqual(rehearsal.gateways.b.dataPlane.inbound, [])
  assert.equal(events(rehearsal, 'b', 'negotiation-failed').at(-1)?.failure.code, 'CW-401')
})

test('with narrow: allow, a second part of the same pair is refused with the pair to write, and the first stays', () => {
  const { rehearsal } = askedForParts(PART_OF_B, selectorFromPrefix(ip('10.2.9.0'), 24))
  const { failure } = events(rehearsal, 'b', 'negotiation-failed').at(-1) ?? {}
  assert.equal(failure?.code, 'CW-401')
  assert.match(failure?.summary ?? '', /10\.2\.9\.0\/24.* already serves 10\.2\.7\.0\/24/)
  const { inbound } = rehearsal.gateways.b.dataPlane
  assert.deepEqual(
    inbound.map(({ selectors }) => selectors.local),
    [PART_OF_B],
  )
})

test('with narrow: allow, the same part again replaces the Child SA', () => {
  const { rehearsal } = askedForParts(PART_OF_B, PART_OF_B)
  assert.equal(rehearsal.gateways.b.dataPlane.inbound.length, 2)
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
})

test('with narrow: allow, no identities mean the two gateways where a pair covers them', () => {
  const everything = { local: ANY, remote: ANY }
  const of = sites({ phase2: NO_PFS, networks: [everything] }, {}, NARROW)
  const { rehearsal, peer } = establishedScene(of)
  const { sa, nonce } = peer.quick1()
  peer.sendProtected('QUICK-MODE', [sa, nonce])
  const [inbound] = rehearsal.gateways.b.dataPlane.inbound
  assert.deepEqual(inbound?.selectors, { local: HOSTS.remote, remote: HOSTS.local })
})

test('with narrow: allow, either side renews the part and not the whole', () => {
  const part = { local: selectorFromPrefix(ip('10.1.0.0'), 16), remote: PART_OF_B }
  const of = sites({ phase2: NO_PFS }, { networks: [part] }, NARROW)
  const rehearsal = rehearse(of)
  rehearsal.runFor(3_000)
  for (const side of ['b', 'a'] as const) {
    const [before] = snapshot(rehearsal, side).childSas
    rehearsal.input(side, { kind: 'command', command: { kind: 'rekey', tunnel: TUNNEL, phase: 2 } })
    rehearsal.runFor(30_000)
    const children = snapshot(rehearsal, side).childSas
    assert.equal(children.length, 1)
    assert.notEqual(children[0]?.inboundSpi, before?.inboundSpi)
    assert.deepEqual(snapshot(rehearsal, 'b').childSas[0]?.selectors.local, PART_OF_B)
  }
  assert.deepEqual(events(rehearsal, 'b', 'negotiation-failed'), [])
})

for (const [asked, accepted, agreed] of [
  [[true], [true], true],
  [[true, false], [false], false],
  [[true, false], [true, false], true],
  [[false], [true, false], false],
  [[true], [false], undefined],
] as const) {
  test(`extended sequence numbers: ${asked} offered, ${accepted} accepted (RFC 4304)`, () => {
    const phase2 = (esn: readonly boolean[]) => ({
      ...NO_PFS,
      suites: esn.map((one) => ({ ...SUITE, esn: one })),
    })
    const of = sites({}, { phase2: phase2(asked) }, { ...A_BEGINS, phase2: phase2(accepted) })
    if (agreed === undefined) {
      const rehearsal = rehearse(of)
      rehearsal.runFor(5_000)
      assert.deepEqual(snapshot(rehearsal, 'a').childSas, [])
      assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-404')
      return
    }
    const rehearsal = rehearseUp(of)
    for (const side of ['a', 'b'] as const) {
      assert.equal(snapshot(rehearsal, side).childSas[0]?.suite.esn, agreed)
      assert.equal(rehearsal.gateways[side].dataPlane.outbound[0]?.suite.esn, agreed)
    }
  })
}

/** A scripted initiator asks b, which allows narrowing, for these parts of its network in turn. */
function askedForParts(...parts: readonly TrafficSelector[]) {
  const scene = establishedScene(sites({ phase2: NO_PFS }, {}, NARROW))
  for (const part of parts) {
    const { peer } = scene
    const { sa, nonce, ids } = peer.quick1()
    const messageId = peer.freshMessageId()
    const asked = [sa, nonce, ...ids.slice(0, 1), selectorToPayload(part)]
    const [message2] = peer.sendProtected('QUICK-MODE', asked, 'right', messageId)
    if (message2?.header.messageId !== messageId || nonce.type !== 'NONCE') continue
    const answered = peer.read(message2).find(({ type }) => type === 'NONCE')
    if (answered?.type === 'NONCE') peer.sendQuick3(messageId, nonce.data, answered.data)
  }
  return scene
}

/** Side a opens the tunnel; a scripted responder answers its Quick mode as `change` has it. */
function answered(of: Sites, change: Parameters<ScriptedResponder['answerQuick']>[1]) {
  const rehearsal = new Rehearsal({ seed: 1, a: of.a, b: configOf('b'), newEngine })
  rehearsal.start()
  const [tunnel] = of.b.tunnels
  assert.ok(tunnel !== undefined)
  const peer = new ScriptedResponder(rehearsal, tunnel)
  const messages = peer.answerMainMode()
  const message1 = messages.find(({ header }) => header.exchangeType === 32)
  assert.ok(message1 !== undefined)
  peer.answerQuick(message1, change)
  return { rehearsal, peer }
}
