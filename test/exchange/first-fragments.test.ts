// A first message in fragments: strongSwan sends such with `fragmentation = force`, and Aggressive mode may need it for its certificate requests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { cut } from '#ikev1/fragments'
import { Rehearsal } from '#rehearsal/rehearsal'
import { events, newEngine } from '../support/exchange.ts'
import { ScriptedPeer } from '../support/scripted-peer.ts'
import { ADDRESS_A, configOf, sites } from '../support/sites.ts'

const MAIN_MODE = 2

test('a first message in fragments is answered when the last of them is there, in whatever order they come', () => {
  const { peer, fragments } = scene()
  assert.ok(fragments.length >= 3)
  const [last, ...others] = [...fragments].reverse()
  assert.ok(last !== undefined)
  for (const fragment of [...others, ...others]) assert.deepEqual(peer.sendOctets(fragment), [])
  const [message2] = peer.sendOctets(last)
  assert.deepEqual(message2?.header.initiatorSpi, peer.initiatorSpi)
  assert.equal(message2?.header.exchangeType, MAIN_MODE)
})

test('the repetition of such a message gets the same answer again', () => {
  const { peer, fragments } = scene()
  const answers = () => fragments.flatMap((fragment) => peer.sendOctets(fragment))
  const [first, ...others] = answers()
  assert.deepEqual(others, [])
  assert.deepEqual(answers(), [first])
})

test('fragments of somebody no tunnel names, or takes from anywhere, are not kept', () => {
  const { rehearsal, peer, fragments } = scene()
  peer.local = { address: ip('192.0.2.9'), port: 500 }
  assert.deepEqual(
    fragments.flatMap((fragment) => peer.sendOctets(fragment)),
    [],
  )
  const dropped = events(rehearsal, 'b', 'dropped').map(({ reason }) => reason)
  assert.deepEqual([...new Set(dropped)], ['unknown-peer'])
})

test('what is not complete after ten seconds is forgotten', () => {
  const { rehearsal, peer, fragments } = scene()
  const [first, ...others] = fragments
  assert.ok(first !== undefined)
  peer.sendOctets(first)
  rehearsal.runFor(10_000)
  assert.deepEqual(
    others.flatMap((fragment) => peer.sendOctets(fragment)),
    [],
  )
  assert.equal(peer.sendOctets(first).length, 1)
})

test('a flood in the name of the peer displaces, is counted, and keeps nobody out', () => {
  const { rehearsal, peer, fragments } = scene()
  flood(peer, fragments, 500)
  assert.equal(admissions(rehearsal), 498)
  assert.equal(fragments.flatMap((fragment) => peer.sendOctets(fragment)).length, 1)
})

test('a flood from anywhere costs a peer known by its address nothing, and is bounded in all', () => {
  const { rehearsal, peer, fragments } = scene(({ b }) => {
    const [tunnel] = b.tunnels
    assert.ok(tunnel !== undefined)
    const open: TunnelConfig = { ...tunnel, name: 'roaming', peer: 'any', start: 'respond' }
    return [tunnel, open]
  })
  const [first, ...others] = fragments
  assert.ok(first !== undefined)
  peer.sendOctets(first)
  for (let i = 0; i < 60; i++) {
    peer.local = { address: ip(`192.0.2.${i}`), port: 500 }
    assert.deepEqual(peer.sendOctets(first), [])
  }
  assert.equal(admissions(rehearsal), 60 - 32)
  peer.local = { address: ADDRESS_A, port: 500 }
  assert.equal(others.flatMap((fragment) => peer.sendOctets(fragment)).length, 1)
})

test('fragments that make a fragment, another SA’s message or too much are dropped, and no state is left', () => {
  const { rehearsal, peer, message1 } = scene()
  const [nested] = cut(message1, 2_000, MAIN_MODE)
  assert.ok(nested !== undefined)
  const foreign = message1.slice()
  foreign[0] = (foreign[0] ?? 0) ^ 1
  const huge = new Uint8Array(20_000)
  huge.set(message1)
  new DataView(huge.buffer).setUint32(24, huge.length)
  const asFirst = (octets: Uint8Array): Uint8Array => {
    const renamed = octets.slice()
    renamed.set(peer.initiatorSpi)
    return renamed
  }
  const attempts = [
    cut(nested, 100, MAIN_MODE),
    cut(foreign, 100, MAIN_MODE),
    cut(huge, 1_000, MAIN_MODE),
  ]
  for (const fragments of attempts) {
    const before = malformed(rehearsal)
    assert.deepEqual(
      fragments.flatMap((fragment) => peer.sendOctets(asFirst(fragment))),
      [],
    )
    assert.ok(malformed(rehearsal) > before)
    rehearsal.runFor(10_000)
  }
})

/** A scripted peer stands at side a; b waits for it. */
function scene(
  tunnels: (of: ReturnType<typeof sites>) => readonly TunnelConfig[] = (of) => of.b.tunnels,
): {
  readonly rehearsal: Rehearsal
  readonly peer: ScriptedPeer
  readonly message1: Uint8Array
  readonly fragments: readonly Uint8Array[]
} {
  const of = sites({}, {}, { start: 'respond' })
  const b = configOf('b', ...tunnels(of))
  const rehearsal = new Rehearsal({ seed: 1, a: configOf('a'), b, newEngine })
  rehearsal.start()
  const [tunnel] = of.a.tunnels
  assert.ok(tunnel !== undefined)
  const peer = new ScriptedPeer(rehearsal, tunnel)
  const message1 = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  return { rehearsal, peer, message1, fragments: cut(message1, 60, MAIN_MODE) }
}

/** First fragments under so many SPIs. */
function flood(peer: ScriptedPeer, [fragment]: readonly Uint8Array[], count: number): void {
  assert.ok(fragment !== undefined)
  for (let i = 1; i <= count; i++) {
    const one: Uint8Array = fragment.slice()
    new DataView(one.buffer).setUint32(0, i)
    assert.deepEqual(peer.sendOctets(one), [])
  }
}

function admissions(rehearsal: Rehearsal): number {
  return events(rehearsal, 'b', 'dropped').filter(({ reason }) => reason === 'admission').length
}

function malformed(rehearsal: Rehearsal): number {
  return events(rehearsal, 'b', 'dropped').filter(({ reason }) => reason === 'malformed').length
}
