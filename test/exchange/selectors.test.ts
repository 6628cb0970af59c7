// Peers that send no identities, or fewer addresses than asked; extended sequence numbers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { EspSuite } from '#policy/proposal'
import { selectorFromPrefix } from '#policy/traffic-selector'
import { Rehearsal } from '#rehearsal/rehearsal'
import { selectorToPayload } from '#wire/v1/id-payload'
import { establishedScene } from '../support/attack.ts'
import { events, newEngine, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { ScriptedResponder } from '../support/scripted-responder.ts'
import { A_BEGINS, ADDRESS_A, ADDRESS_B, configOf, type Sites, sites } from '../support/sites.ts'

const SUITE: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: false }
const NO_PFS = { suites: [SUITE], pfs: 'none', lifetime: { seconds: 3_600 } } as const
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
