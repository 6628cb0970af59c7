import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '#bytes/concat'
import { randomOctets, seededRandom } from '#crypto/seeded-random'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { encodePayloads } from '#wire/v1/message'
import { disagreements } from '../support/agreement.ts'
import { assertServes, establishedScene, scene } from '../support/attack.ts'
import { assertUp, events, prepare, rehearseUp, snapshot } from '../support/exchange.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'
import { readyFor, type Style, styled, styles, stylishSites } from '../support/styles.ts'
import { mutate } from './mutate.ts'

/** CAUSEWAY_FUZZ_RUNS=1000000 for a long night. */
const RUNS = Number(process.env.CAUSEWAY_FUZZ_RUNS ?? 20_000)

/** Quick mode goes in fragments. */
const LARGE = {
  suites: (['aes128-cbc', 'aes192-cbc', 'aes256-cbc'] as const).flatMap((encryption) =>
    (['hmac-sha1-96', 'hmac-sha256-128', 'hmac-sha512-256'] as const).map(
      (integrity) => ({ encryption, integrity, esn: false }) as const,
    ),
  ),
  pfs: 'modp8192',
  lifetime: { seconds: 3_600 },
} as const

for (const [what, runs, of] of [
  ['messages', RUNS, undefined],
  ['fragments and messages', RUNS / 10, sites({ phase2: LARGE }, {}, A_BEGINS)],
] as const) {
  test(`mutated and replayed ${what} neither hurt a tunnel that is up nor fill memory (${runs} seeds)`, () => {
    const rehearsal = rehearseUp(of)
    rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
    rehearsal.runFor(60_000)
    const corpus = rehearsal.sent.map(({ octets }) => octets)
    const said = [...rehearsal.sent]
    const before = { a: snapshot(rehearsal, 'a'), b: snapshot(rehearsal, 'b') }
    for (let seed = 0; seed < runs; seed++) {
      const next = seededRandom(seed)
      const { side, octets, local, remote } = said[seed % said.length]!
      const hostile = seed % 10 === 0 ? octets : mutate(octets, next, corpus)
      const other = side === 'a' ? 'b' : 'a'
      if (next() % 4 === 0) rehearsal.inject(side, hostile, local, remote)
      else rehearsal.inject(other, hostile, remote, local)
      if (seed % 100 === 0) rehearsal.runFor(50)
    }
    rehearsal.runFor(60_000)
    assertUp(rehearsal)
    for (const side of ['a', 'b'] as const) {
      const { ikeSas, childSas } = snapshot(rehearsal, side)
      assert.deepEqual(
        ikeSas.map(({ initiatorSpi }) => initiatorSpi),
        before[side].ikeSas.map(({ initiatorSpi }) => initiatorSpi),
      )
      assert.deepEqual(
        childSas.map(({ inboundSpi }) => inboundSpi),
        before[side].childSas.map(({ inboundSpi }) => inboundSpi),
      )
    }
  })
}

for (const [name, style] of Object.entries(styles())) {
  test(`${name}: mutated and replayed messages do not hurt a tunnel that is up (${RUNS / 20} seeds)`, () => {
    const { rehearsal, said } = styledRehearsal(style)
    const corpus = said.map(({ octets }) => octets)
    const before = standing(rehearsal)
    for (let seed = 0; seed < RUNS / 20; seed++) {
      const next = seededRandom(seed)
      const { side, octets, local, remote } = said[seed % said.length]!
      const hostile = seed % 10 === 0 ? octets : mutate(octets, next, corpus)
      if (next() % 4 === 0) rehearsal.inject(side, hostile, local, remote)
      else rehearsal.inject(side === 'a' ? 'b' : 'a', hostile, remote, local)
      if (seed % 100 === 0) rehearsal.runFor(50)
    }
    rehearsal.runFor(60_000)
    assertUp(rehearsal)
    assert.deepEqual(standing(rehearsal), before)
    assertSound(rehearsal)
  })

  test(`${name}: a negotiation in which messages are mutated throws nothing, and a clean one follows (${RUNS / 400} seeds)`, () => {
    const corpus = styledRehearsal(style).said.map(({ octets }) => octets)
    for (let seed = 0; seed < RUNS / 400; seed++) {
      const next = seededRandom(seed)
      const rehearsal = prepare(stylishSites(style, {}, {}, A_BEGINS))
      readyFor(rehearsal)
      let hostile = true
      rehearsal.intercept = (sent) => {
        const octets = styled(style, sent)
        return hostile && next() % 3 === 0 ? mutate(octets, next, corpus) : octets
      }
      rehearsal.start()
      rehearsal.runFor(20_000)
      hostile = false
      rehearsal.command('a', { kind: 'up', tunnel: TUNNEL })
      rehearsal.runFor(120_000)
      for (let i = 0; i < 30 && disagreements(rehearsal, TUNNEL).length > 0; i++)
        rehearsal.runFor(1_000)
      assertUp(rehearsal)
      assertSound(rehearsal)
    }
  })
}

test('mutated messages during a negotiation never throw, and the peer connects afterwards', () => {
  const corpus = rehearseUp().sent.map(({ octets }) => octets)
  for (let seed = 0; seed < RUNS / 20; seed++) {
    const next = seededRandom(seed)
    const attacked = scene()
    const { peer, rehearsal } = attacked
    const [answer] = peer.sendMessage1()
    peer.responderSpi = answer?.header.responderSpi.slice() ?? peer.responderSpi
    for (let i = 0; i < 20; i++) {
      const hostile = mutate(corpus[next() % corpus.length]!, next, corpus)
      // Towards the SA that is being negotiated, half of the time.
      if (hostile.length >= 16 && next() % 2 === 0) {
        hostile.set(peer.initiatorSpi, 0)
        hostile.set(peer.responderSpi, 8)
      }
      rehearsal.inject('b', hostile, peer.remote, peer.local)
    }
    assertServes(attacked)
  }
})

test('a peer that knows the key and sends anything under it makes nothing throw', () => {
  for (let seed = 0; seed < RUNS / 100; seed++) {
    const next = seededRandom(seed)
    const { peer, rehearsal, of } = establishedScene()
    const { sa, nonce, ke, ids } = peer.quick1()
    const { octets } = encodePayloads([sa, nonce, ...ke, ...ids])
    for (let i = 0; i < 10; i++) {
      const padding = new Uint8Array(28)
      const hostile = mutate(concat(padding, octets), next).slice(28)
      const exchange = next() % 2 === 0 ? 'QUICK-MODE' : 'INFORMATIONAL'
      rehearsal.inject(
        'b',
        peer.protectOctets(exchange, 1 + (next() % 40), hostile, next() || 1),
        peer.remote,
        peer.local,
      )
    }
    rehearsal.runFor(100)
    assertServes({ rehearsal, of })
  }
})

test('random datagrams leave no state behind', () => {
  const attacked = scene()
  const next = seededRandom(7)
  for (let i = 0; i < RUNS; i++) {
    attacked.rehearsal.inject(
      'b',
      randomOctets(next, next() % 400),
      attacked.peer.remote,
      attacked.peer.local,
    )
  }
  assert.deepEqual(attacked.rehearsal.sent, [])
  assertServes(attacked)
})

/** A tunnel in this style that is up and has been rekeyed once, and what was said until then. */
function styledRehearsal(style: Style) {
  const rehearsal = prepare(stylishSites(style, {}, {}, A_BEGINS))
  readyFor(rehearsal)
  rehearsal.intercept = (sent) => styled(style, sent)
  rehearsal.start()
  rehearsal.runFor(10_000)
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 2 })
  rehearsal.runFor(60_000)
  assertUp(rehearsal)
  return { rehearsal, said: [...rehearsal.sent] }
}

/** The SPIs both sides hold. */
function standing(rehearsal: Rehearsal) {
  return (['a', 'b'] as const).map((side) => {
    const { ikeSas, childSas } = snapshot(rehearsal, side)
    return [
      ikeSas.map(({ initiatorSpi }) => initiatorSpi),
      childSas.map(({ inboundSpi }) => inboundSpi),
    ]
  })
}

/** Nothing threw that the engine had to contain. */
function assertSound(rehearsal: Rehearsal): void {
  for (const side of ['a', 'b'] as const) assert.deepEqual(events(rehearsal, side, 'defect'), [])
}
