// XAUTH (draft-beaulieu-ike-xauth-02): a user name and password behind phase 1, before anything else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import type { TunnelConfig, Xauth } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import { decodeHeader } from '#wire/ike-header'
import {
  arrows,
  assertUp,
  events,
  prepare,
  rehearse,
  rehearseUp,
  snapshot,
} from '../support/exchange.ts'
import { sites, TUNNEL } from '../support/sites.ts'

const CLIENT: Xauth = { role: 'client', user: 'branch-7', password: secret('open sesame') }
const SERVER: Xauth = {
  role: 'server',
  users: [
    { user: 'branch-6', password: secret('close sesame') },
    { user: 'branch-7', password: secret('open sesame') },
  ],
}

test('the responder asks for user and password, and Quick mode comes after its word', () => {
  const rehearsal = rehearseUp(loggingIn())
  assert.deepEqual(arrows(rehearsal).slice(6, 11), [
    'a ← b  transaction 1*  HASH ATTR',
    'a → b  transaction 2*  HASH ATTR',
    'a ← b  transaction 1*  HASH ATTR',
    'a → b  transaction 2*  HASH ATTR',
    'a → b  quick 1*  HASH SA NONCE KE ID ID',
  ])
  assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.user, 'branch-7')
  assert.deepEqual(methodsOffered(rehearsal), [65001])
})

test('Quick mode does not overtake the acknowledgement of the login, which nothing confirms', () => {
  const rehearsal = rehearseUp(loggingIn())
  const ours = rehearsal.sent.filter(({ side }) => side === 'a').map(({ at }) => at)
  // Of a: three of Main mode, two of XAUTH, then Quick mode.
  const [acknowledged = 0, quick = 0] = ours.slice(4, 6)
  assert.ok(quick - acknowledged >= 100, `${quick - acknowledged} ms`)
})

test('in Aggressive mode, too', () => {
  assertUp(rehearseUp(loggingIn({ ike: 'v1-aggressive' })))
})

test('an initiator that is the server asks in its turn', () => {
  const rehearsal = rehearse(sites({}, { xauth: SERVER }, { xauth: CLIENT, start: 'respond' }))
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.user, 'branch-7')
  assert.deepEqual(methodsOffered(rehearsal), [65002])
})

for (const [what, wrong] of [
  ['password', { ...CLIENT, password: secret('open sesamE') }],
  ['user', { ...CLIENT, user: 'branch-8' }],
  ["another user's password", { ...CLIENT, password: secret('close sesame') }],
] as const) {
  test(`a wrong ${what} opens nothing, and both sides say so`, () => {
    const rehearsal = rehearse(loggingIn({}, { xauth: wrong }))
    rehearsal.runFor(3_000)
    for (const side of ['a', 'b'] as const) {
      const [told] = events(rehearsal, side, 'negotiation-failed')
      assert.equal(told?.failure.code, 'CW-312')
      assert.equal(told?.failure.certainty, 'certain')
      assert.deepEqual(events(rehearsal, side, 'ike-sa-established'), [])
      assert.deepEqual(snapshot(rehearsal, side).ikeSas, [])
    }
    assert.match(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.summary ?? '', /branch-/)
  })
}

test('one side with XAUTH and the other without agree on nothing, and the responder says on what', () => {
  for (const [a, b] of [
    [{ xauth: CLIENT }, {}],
    [{}, { xauth: SERVER }],
    [{ xauth: SERVER }, { xauth: SERVER }],
    [{ xauth: CLIENT }, { xauth: CLIENT }],
  ]) {
    const rehearsal = rehearse(sites({}, a, { ...b, start: 'respond' }))
    rehearsal.runFor(3_000)
    const [told] = events(rehearsal, 'b', 'negotiation-failed')
    assert.equal(told?.failure.code, 'CW-204')
    assert.match(told?.failure.summary ?? '', /XAUTH/)
    assert.deepEqual(snapshot(rehearsal, 'a').ikeSas, [])
  }
})

test('passwords are in no event and no status', () => {
  const rehearsal = rehearseUp(loggingIn())
  for (const side of ['a', 'b'] as const) {
    const told = [...rehearsal.gateways[side].events, snapshot(rehearsal, side)]
    const text = JSON.stringify(told, (_, value: unknown) =>
      value instanceof Uint8Array ? new TextDecoder('latin1').decode(value) : value,
    )
    assert.ok(text.includes('branch-7'))
    assert.ok(!text.includes('sesame'))
  }
})

for (let lost = 1; lost <= 4; lost++) {
  test(`when message ${lost} of XAUTH is lost, the tunnel comes up all the same`, () => {
    const rehearsal = rehearse(loggingIn())
    let seen = 0
    rehearsal.intercept = ({ octets }) => {
      if (octets[18] !== 6) return octets
      seen++
      return seen === lost ? undefined : octets
    }
    rehearsal.runFor(8_000)
    assert.ok(seen > 4)
    assertUp(rehearsal)
  })
}

test('a server that never asks, and a client that never answers, are given up with a reason', () => {
  for (const side of ['a', 'b'] as const) {
    const rehearsal = rehearse(loggingIn())
    rehearsal.intercept = ({ octets, side: from }) =>
      octets[18] === 6 && from === side ? undefined : octets
    rehearsal.runFor(60_000)
    const failures = (['a', 'b'] as const).map(
      (one) => events(rehearsal, one, 'negotiation-failed')[0],
    )
    for (const told of failures) assert.equal(told?.failure.code, 'CW-312')
    assert.deepEqual(snapshot(rehearsal, 'a').childSas, [])
  }
})

for (const [ike, ender, told] of [
  ['v1-main', 'a', /agreed to give user name and password and ended the SA when asked/],
  ['v1-aggressive', 'b', /agreed to ask for user name and password and ended the SA before/],
] as const) {
  test(`${ike}: one that ends the SA where the login should be is told of once, as that`, () => {
    const rehearsal = prepare(loggingIn({ ike }))
    rehearsal.intercept = ({ octets }) =>
      decodeHeader(octets).exchangeType === ExchangeType.number('TRANSACTION') ? undefined : octets
    rehearsal.start()
    rehearsal.runFor(500)
    rehearsal.command(ender, { kind: 'down', tunnel: TUNNEL })
    rehearsal.runFor(500)
    const failures = events(rehearsal, ender === 'a' ? 'b' : 'a', 'negotiation-failed')
    const [failure, ...more] = failures.map((failed) => failed.failure)
    assert.deepEqual([failure?.code, failure?.certainty, more], ['CW-312', 'very likely', []])
    assert.match(failure?.summary ?? '', told)
  })
}

test('phase 1 is renewed with XAUTH again, and no Child SA falls', () => {
  const rehearsal = rehearseUp(loggingIn())
  const [child] = snapshot(rehearsal, 'a').childSas
  rehearsal.command('a', { kind: 'rekey', tunnel: 'berlin-paris', phase: 1 })
  rehearsal.runFor(20_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'a').childSas[0]?.inboundSpi, child?.inboundSpi)
  assert.equal(events(rehearsal, 'b', 'ike-sa-established').length, 2)
})

for (const role of ['client', 'server'] as const) {
  test(`a restarted ${role} says after the login that it holds no older SA, and what it left goes`, () => {
    const [ofA, ofB] = role === 'client' ? [CLIENT, SERVER] : [SERVER, CLIENT]
    const aggressive = { ike: 'v1-aggressive' } as const
    const rehearsal = rehearseUp(loggingIn(aggressive, { xauth: ofA }, { xauth: ofB }))
    const before = snapshot(rehearsal, 'b').childSas.map(({ inboundSpi }) => inboundSpi)
    rehearsal.restart('a')
    rehearsal.runFor(8_000)
    const after = snapshot(rehearsal, 'b')
    assert.deepEqual([after.ikeSas.length, after.childSas.length], [1, 1])
    assert.ok(after.childSas.every(({ inboundSpi }) => !before.includes(inboundSpi)))
    const said = arrows(rehearsal).filter((arrow) => arrow.startsWith('a → b  info'))
    assert.equal(said[0], 'a → b  informational 1*  HASH N')
  })
}

test('INITIAL-CONTACT after Aggressive mode goes out between the login and Quick mode', () => {
  const rehearsal = rehearseUp(loggingIn({ ike: 'v1-aggressive' }))
  assert.deepEqual(arrows(rehearsal).slice(6, 9), [
    'a → b  transaction 2*  HASH ATTR',
    'a → b  informational 1*  HASH N',
    'a → b  quick 1*  HASH SA NONCE KE ID ID',
  ])
})

function loggingIn(
  both: Partial<TunnelConfig> = {},
  a: Partial<TunnelConfig> = {},
  b: Partial<TunnelConfig> = {},
) {
  return sites(both, { xauth: CLIENT, ...a }, { xauth: SERVER, start: 'respond', ...b })
}

function methodsOffered(rehearsal: ReturnType<typeof rehearse>): readonly unknown[] {
  const [first] = events(rehearsal, 'a', 'message')
  const offer = first?.payloads.find((payload) => payload.type === 'SA')
  const attributes = offer?.proposals[0]?.transforms[0]?.attributes ?? []
  return attributes.filter(({ type }) => type === 3).map(({ value }) => value)
}

function secret(text: string): Secret {
  return new Secret(new TextEncoder().encode(text))
}
