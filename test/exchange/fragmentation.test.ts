// IKE messages larger than the path takes, as Cisco and strongSwan cut them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EspSuite } from '#policy/proposal'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { decodePayloads } from '#wire/v1/message'
import { announces } from '#wire/v1/vendor-id'
import { establishedScene } from '../support/attack.ts'
import { assertUp, events, prepare, snapshot } from '../support/exchange.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const FRAGMENT = 132
const GCM: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: false }
/** Message 1 of Quick mode is larger than the path takes. */
const LARGE = {
  suites: [
    GCM,
    ...(['aes128-cbc', 'aes192-cbc', 'aes256-cbc'] as const).flatMap((encryption) =>
      (['hmac-sha256-128', 'hmac-sha384-192', 'hmac-sha512-256', 'hmac-sha1-96'] as const).map(
        (integrity): EspSuite => ({ encryption, integrity, esn: false }),
      ),
    ),
  ],
  pfs: 'modp8192',
  lifetime: { seconds: 3_600 },
} as const

test('large messages go in fragments that fit the path, and arrive as one', () => {
  const rehearsal = start()
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.ok(rehearsal.sent.every(({ octets }) => octets.length <= 1_248))
  assert.ok(fragmentsOf(rehearsal).length >= 2)
  const received = events(rehearsal, 'b', 'message').filter(({ exchange }) => exchange === 'quick')
  assert.ok((received[0]?.octets ?? 0) > 1_248)
})

test('a peer that does not join fragments gets its messages whole', () => {
  const rehearsal = start()
  rehearsal.intercept = ({ octets }) => without(octets)
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.deepEqual(fragmentsOf(rehearsal), [])
  assert.ok(rehearsal.sent.some(({ octets }) => octets.length > 1_248))
})

test('a lost fragment is made good by the repetition', () => {
  const rehearsal = start()
  let lost = 0
  rehearsal.intercept = ({ octets }) => {
    const isFirst = isFragment(octets) && lost === 0
    if (isFirst) lost++
    return isFirst ? undefined : octets
  }
  rehearsal.runFor(6_000)
  assert.equal(lost, 1)
  assertUp(rehearsal)
})

test('fragments that overtake each other and come twice do no harm', () => {
  const rehearsal = start()
  rehearsal.network.conditions = {
    ...rehearsal.network.conditions,
    duplication: 0.5,
    delay: { least: 5, most: 400 },
  }
  rehearsal.runFor(20_000)
  assertUp(rehearsal)
})

test('fragments that never become a message cost an established SA nothing', () => {
  const scene = establishedScene()
  const { peer, rehearsal } = scene
  for (let number = 255; number > 1; number--) {
    const data = new Uint8Array(200)
    const fragment = { type: 'FRAGMENT', id: number, number, flags: 0, data } as const
    const answers = peer.sendOctets(peer.plain('IDENTITY-PROTECTION', [fragment]))
    assert.deepEqual(answers, [])
  }
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 1)
})

test('a fragment of nobody knows which SA opens nothing', () => {
  const rehearsal = start()
  rehearsal.runFor(3_000)
  const [fragment] = fragmentsOf(rehearsal)
  assert.ok(fragment !== undefined)
  const { a, b } = rehearsal.gateways
  const [local, remote] = [b, a].map(({ config }) => config.tunnels[0]?.local)
  assert.ok(local !== undefined && remote !== undefined)
  const before = snapshot(rehearsal, 'b')
  const unknown = fragment.slice()
  unknown.fill(0xaa, 0, 16)
  rehearsal.inject('b', unknown, { address: local, port: 500 }, { address: remote, port: 500 })
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas, before.ikeSas)
  assert.equal(events(rehearsal, 'b', 'dropped').at(-1)?.reason, 'unknown-sa')
})

function start(): Rehearsal {
  const rehearsal = prepare(sites({ phase2: LARGE }, {}, A_BEGINS))
  rehearsal.start()
  return rehearsal
}

function fragmentsOf(rehearsal: Rehearsal): readonly Uint8Array[] {
  return rehearsal.sent.map(({ octets }) => octets).filter(isFragment)
}

function isFragment(octets: Uint8Array): boolean {
  return decodeHeader(octets).nextPayload === FRAGMENT
}

/** The message with the vendor ID made unknown, which no hash covers. */
function without(octets: Uint8Array): Uint8Array {
  const header = decodeHeader(octets)
  if ((header.flags & 1) !== 0 || header.exchangeType !== 2) return octets
  const changed = octets.slice()
  for (const { payload, start } of decodePayloads(header.nextPayload, changed, HEADER_OCTETS)
    .payloads) {
    if (payload.type === 'VID' && announces(payload.data, 'fragmentation')) changed[start + 4] = 0
  }
  return changed
}
