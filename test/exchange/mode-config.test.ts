// Mode Config (draft-dukes-ike-mode-cfg-02): an address given before Quick mode.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { ModeConfig, TunnelConfig } from '#config/config'
import { type SelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { arrows, assertUp, events, rehearse, rehearseUp, snapshot } from '../support/exchange.ts'
import { sites } from '../support/sites.ts'

const GIVEN: Extract<ModeConfig, { role: 'server' }> = {
  role: 'server',
  method: 'pull',
  addresses: [ip('10.9.0.7')],
  dns: [ip('10.2.0.53')],
  networks: [{ address: ip('10.2.0.0'), bits: 16 }],
}
const REMOTE = selectorFromPrefix(ip('10.2.0.0'), 16)

for (const method of ['pull', 'push'] as const) {
  test(`${method}: the client gets its address and asks Quick mode for it alone`, () => {
    const rehearsal = rehearseUp(assigning({ method }))
    assert.deepEqual(snapshot(rehearsal, 'a').ikeSas[0]?.assigned, {
      addresses: GIVEN.addresses,
      dns: GIVEN.dns,
      networks: GIVEN.networks,
    })
    for (const side of ['a', 'b'] as const) {
      const selectors = snapshot(rehearsal, side).childSas[0]?.selectors
      const client = side === 'a' ? selectors?.local : selectors?.remote
      assert.deepEqual(client, selectorFromPrefix(ip('10.9.0.7')))
    }
    const transactions = arrows(rehearsal).filter((arrow) => arrow.includes('transaction'))
    const [first, second] = method === 'pull' ? ['→', '←'] : ['←', '→']
    assert.deepEqual(transactions, [
      `a ${first} b  transaction 1*  HASH ATTR`,
      `a ${second} b  transaction 2*  HASH ATTR`,
    ])
  })
}

test('after XAUTH, and not before', () => {
  const password = new Secret(new TextEncoder().encode('open sesame'))
  const rehearsal = rehearseUp(
    assigning(
      {},
      { xauth: { role: 'client', user: 'branch', password } },
      { xauth: { role: 'server', users: [{ user: 'branch', password }] } },
    ),
  )
  assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.user, 'branch')
  assert.equal(arrows(rehearsal).filter((arrow) => arrow.includes('transaction')).length, 6)
})

test('a tunnel that has no address to give says that one was asked for, since its peer may give up without a word', () => {
  const { a } = assigning({ method: 'pull' })
  const rehearsal = rehearse({ a, b: sites({}, {}, { start: 'respond' }).b })
  rehearsal.runFor(2_000)
  assertSays(rehearsal, 'asks for an address (Mode Config)')
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 1)
})

test('so does one that has users and no address', () => {
  const password = new Secret(new TextEncoder().encode('open sesame'))
  const { a, b } = assigning(
    {},
    { xauth: { role: 'client', user: 'branch', password } },
    { xauth: { role: 'server', users: [{ user: 'branch', password }] } },
  )
  const without = b.tunnels.map(({ modeConfig: _, ...tunnel }) => tunnel)
  const rehearsal = rehearse({ a, b: { ...b, tunnels: without } })
  rehearsal.runFor(700)
  assertSays(rehearsal, 'asks for an address (Mode Config)')
  assert.equal(events(rehearsal, 'a', 'negotiation-failed')[0]?.failure.code, 'CW-313')
})

test('a client that pulls takes what is pushed, too', () => {
  assertUp(
    rehearseUp(assigning({ method: 'pull' }, {}, { modeConfig: { ...GIVEN, method: 'push' } })),
  )
})

test('a client that waits for a push that never comes says so', () => {
  const rehearsal = rehearse(assigning({ method: 'push' }, {}, { modeConfig: GIVEN }))
  rehearsal.runFor(50_000)
  const [told] = events(rehearsal, 'a', 'negotiation-failed')
  assert.equal(told?.failure.code, 'CW-313')
  assert.deepEqual(snapshot(rehearsal, 'a').childSas, [])
})

test('a server without an address of the family leaves the client without a tunnel, and told why', () => {
  const rehearsal = rehearse(
    assigning({}, {}, { modeConfig: { ...GIVEN, addresses: [ip('fd00:9::7')] } }),
  )
  rehearsal.runFor(3_000)
  assert.equal(events(rehearsal, 'a', 'negotiation-failed')[0]?.failure.code, 'CW-313')
})

test('IPv6 addresses come and go with the length of their prefix', () => {
  const network = selectorFromPrefix(ip('fd00:2::'), 64)
  const rehearsal = rehearseUp(
    assigning(
      {},
      { networks: [{ local: selectorFromPrefix(ip('::'), 0), remote: network }] },
      {
        modeConfig: { ...GIVEN, addresses: [ip('fd00:9::7')], dns: [ip('fd00:2::53')] },
        networks: [{ local: network, remote: selectorFromPrefix(ip('fd00:9::7')) }],
      },
    ),
  )
  assert.deepEqual(snapshot(rehearsal, 'a').ikeSas[0]?.assigned?.dns, ['fd00:2::53'])
})

for (let lost = 1; lost <= 2; lost++) {
  test(`when message ${lost} is lost, the tunnel comes up all the same`, () => {
    const rehearsal = rehearse(assigning())
    let seen = 0
    rehearsal.intercept = ({ octets }) => {
      if (octets[18] !== 6) return octets
      seen++
      return seen === lost ? undefined : octets
    }
    rehearsal.runFor(8_000)
    assertUp(rehearsal)
  })
}

test('a renewed phase 1 asks for the address again', () => {
  const rehearsal = rehearseUp(assigning())
  rehearsal.command('a', { kind: 'rekey', tunnel: 'berlin-paris', phase: 1 })
  rehearsal.runFor(20_000)
  assertUp(rehearsal)
  assert.equal(events(rehearsal, 'a', 'ike-sa-established').length, 2)
  assert.deepEqual(snapshot(rehearsal, 'a').ikeSas[0]?.assigned?.addresses, GIVEN.addresses)
})

/** Side a is the client. */
function assigning(
  { method = 'pull' }: Partial<Pick<ModeConfig, 'method'>> = {},
  a: Partial<TunnelConfig> = {},
  b: Partial<TunnelConfig> = {},
) {
  const anywhere: SelectorPair = { local: selectorFromPrefix(ip('0.0.0.0'), 0), remote: REMOTE }
  const host: SelectorPair = { local: REMOTE, remote: selectorFromPrefix(ip('10.9.0.7')) }
  return sites(
    {},
    { networks: [anywhere], modeConfig: { role: 'client', method }, ...a },
    { networks: [host], modeConfig: { ...GIVEN, method }, start: 'respond', ...b },
  )
}

/** In a warning of side b, once. */
function assertSays(rehearsal: Rehearsal, what: string): void {
  const texts = events(rehearsal, 'b', 'warning').map(({ text }) => text)
  assert.equal(texts.filter((text) => text.includes(what)).length, 1, texts.join('\n'))
}
