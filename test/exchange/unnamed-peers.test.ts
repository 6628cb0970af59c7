// Peers without a fixed address or identity: one key for all in Main mode (RFC 2409 §5.4), and any certificate of a CA.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import type { ExpectedIdentity } from '#policy/expected-identity'
import type { Identity } from '#policy/identity'
import type { Rehearsal } from '#rehearsal/rehearsal'
import {
  type CertificateAuthentication,
  certifiedBy,
  readyForCertificates,
} from '../support/certified.ts'
import { events, prepare } from '../support/exchange.ts'
import { dn, type Holder, sampleAuthority, sampleGateway } from '../support/sample-pki.ts'
import { type Sites, sites, TUNNEL } from '../support/sites.ts'

const ANYWHERE = { peer: 'any', start: 'respond' } as const
const ANY_KEY: ExpectedIdentity = { kind: 'any-of', proof: 'psk' }
const ANY_CERTIFICATE: ExpectedIdentity = { kind: 'any-of', proof: 'trust' }
const ONE: Identity = { kind: 'fqdn', name: 'one.example' }
const TWO: Identity = { kind: 'fqdn', name: 'two.example' }
const THREE: Identity = { kind: 'fqdn', name: 'three.example' }
const CA = sampleAuthority('Plant CA')
const FIRST = sampleGateway('first', CA)
const SECOND = sampleGateway('second', CA)

test('Main mode, one key: the identity in message 5 picks the tunnel', () => {
  const rehearsal = calls([{ localId: TWO }], [waits('one', ONE), waits('two', TWO)])
  assert.deepEqual(holders(rehearsal), { two: 'two.example' })
})

test('Main mode, one key: whoever has it comes in where that is written, and says who it is', () => {
  const rehearsal = calls([{ localId: TWO }], [waits('anyone', ANY_KEY), waits('one', ONE)])
  assert.deepEqual(holders(rehearsal), { anyone: 'two.example' })
})

test('a tunnel that names the peer comes before one that takes any', () => {
  const rehearsal = calls([{ localId: ONE }], [waits('anyone', ANY_KEY), waits('one', ONE)])
  assert.deepEqual(holders(rehearsal), { one: 'one.example' })
})

test('Main mode, one key: a name that no tunnel waits for is refused under the key', () => {
  const rehearsal = calls([{ localId: TWO }], [waits('one', ONE)])
  assert.deepEqual(holders(rehearsal), {})
  assert.deepEqual(codes(rehearsal), ['CW-303'])
  const [told] = events(rehearsal, 'b', 'negotiation-failed')
  assert.match(
    told?.failure.summary ?? '',
    /^a peer from anywhere proves the right key but calls itself two\.example; one expects/,
  )
})

test('another key opens none of them', () => {
  const key = new Secret(new TextEncoder().encode('not the key of the others'))
  const authentication = { kind: 'psk', psk: key } as const
  const rehearsal = calls([{ localId: ONE, authentication }], [waits('one', ONE)])
  assert.deepEqual(holders(rehearsal), {})
  assert.deepEqual(codes(rehearsal), ['CW-301'])
})

test('who proves the key of one tunnel does not get into another by its name', () => {
  const psk = new Secret(new TextEncoder().encode('the key of all that come from anywhere'))
  const other = waits('one', ONE, { authentication: { kind: 'psk', psk } })
  const rehearsal = calls([{ localId: ONE }], [{ name: 'fixed', start: 'respond' }, other])
  assert.deepEqual(holders(rehearsal), {})
  assert.deepEqual(codes(rehearsal), ['CW-304'])
})

for (const ike of ['v1-main', 'v1-aggressive'] as const) {
  test(`${ike}: any certificate of the CA comes in where that is written, and no other`, () => {
    const trusting = waits('anyone', ANY_CERTIFICATE, { ike, authentication: by(SECOND) })
    const subject: Identity = { kind: 'dn', der: FIRST.certificate.subject.der }
    const known = calls([{ ike, localId: subject, authentication: by(FIRST) }], [trusting])
    assert.deepEqual(holders(known), { anyone: 'CN=first, O=Example' })
    const stranger = sampleGateway('stranger', sampleAuthority('Another CA'))
    const localId: Identity = { kind: 'dn', der: stranger.certificate.subject.der }
    const unknown = calls([{ ike, localId, authentication: by(stranger) }], [trusting])
    assert.deepEqual(holders(unknown), {})
    assert.deepEqual(codes(unknown), ['CW-306'])
  })
}

test('an identity the certificate does not vouch for is refused, any or not', () => {
  const trusting = waits('anyone', ANY_CERTIFICATE, { authentication: by(SECOND) })
  const rehearsal = calls([{ localId: ONE, authentication: by(FIRST) }], [trusting])
  assert.deepEqual(codes(rehearsal), ['CW-308'])
})

test('of names that fit, the one without wildcards takes the peer, wherever it stands', () => {
  const authentication = by(SECOND)
  const tunnels = [
    waits('anyone', ANY_CERTIFICATE, { authentication }),
    waits('some', { kind: 'dn', der: dn('CN=*, O=Example') }, { authentication }),
    waits('first', { kind: 'dn', der: dn('CN=first, O=Example') }, { authentication }),
  ]
  const { der } = FIRST.certificate.subject
  const caller = { localId: { kind: 'dn', der } as const, authentication: by(FIRST) }
  assert.deepEqual(Object.keys(holders(calls([caller], tunnels))), ['first'])
  assert.deepEqual(Object.keys(holders(calls([caller], tunnels.slice(0, 2)))), ['some'])
})

const RIVALS = [{ localId: ONE }, { localId: TWO, name: 'rival', start: 'respond' }] as const

test('a tunnel that takes any has one peer at a time: a second one is turned away', () => {
  const rehearsal = calls(RIVALS, [waits('anyone', ANY_KEY)])
  const before = children(rehearsal)
  rehearsal.command('a', { kind: 'up', tunnel: 'rival' })
  rehearsal.runFor(10_000)
  assert.deepEqual(holders(rehearsal), { anyone: 'one.example' })
  assert.deepEqual(children(rehearsal), before)
  const [told] = events(rehearsal, 'b', 'negotiation-failed')
  assert.equal(told?.failure.code, 'CW-303')
  assert.match(told?.failure.summary ?? '', /two\.example wants anyone while one\.example has it/)
})

test('of two users of one group the second is turned away, too', () => {
  const login = (user: string) => ({ user, password: new Secret(new TextEncoder().encode(user)) })
  const [six, seven] = [login('six'), login('seven')]
  const server = { role: 'server', users: [six, seven] } as const
  const rehearsal = calls(
    [
      { localId: ONE, xauth: { role: 'client', ...six } },
      { ...RIVALS[1], localId: ONE, xauth: { role: 'client', ...seven } },
    ],
    [waits('group', ONE, { xauth: server })],
  )
  const before = children(rehearsal)
  rehearsal.command('a', { kind: 'up', tunnel: 'rival' })
  rehearsal.runFor(10_000)
  assert.deepEqual(children(rehearsal), before)
  const [told] = events(rehearsal, 'b', 'negotiation-failed')
  const summary = /seven of one\.example wants group while six of one\.example has it/
  assert.match(told?.failure.summary ?? '', summary)
})

test('of callers that are refused nothing stays with the tunnel they were taken for at first', () => {
  const authentication = by(SECOND)
  const stranger = sampleGateway('stranger', sampleAuthority('Another CA'))
  const localId: Identity = { kind: 'dn', der: stranger.certificate.subject.der }
  const rehearsal = calls(
    [{ localId, authentication: by(stranger) }],
    [waits('one', ONE, { authentication }), waits('two', localId, { authentication })],
  )
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(120_000)
  assert.deepEqual(codes(rehearsal), ['CW-306'])
  const states = rehearsal.gateways.b.snapshot(rehearsal.now).map(({ state }) => state)
  assert.deepEqual(states, ['down', 'down'])
})

for (const change of ['removed', 'given to another'] as const) {
  test(`who has not yet said who he is gets no tunnel that is ${change} meanwhile`, () => {
    const tunnels = [waits('one', ONE), waits('two', TWO)]
    const { a, b } = sites()
    const rehearsal = prepare({ a: several(a, [{ localId: TWO }]), b: several(b, tunnels) })
    const [one = {}, two = {}] = tunnels
    const after = change === 'removed' ? [one] : [one, { ...two, remoteId: THREE }]
    let messages = 0
    rehearsal.intercept = ({ octets }) => {
      messages += 1
      if (messages === 5) rehearsal.configure('b', several(b, after))
      return octets
    }
    rehearsal.start()
    rehearsal.runFor(20_000)
    const standing = rehearsal.gateways.b.snapshot(rehearsal.now).flatMap(({ ikeSas }) => ikeSas)
    assert.deepEqual(standing, [])
    assert.deepEqual(children(rehearsal), [])
  })
}

test('two that come at once do not both get it', () => {
  const [one, two] = RIVALS
  const rehearsal = calls([one, { ...two, start: 'always' }], [waits('anyone', ANY_KEY)])
  assert.equal(Object.keys(holders(rehearsal)).length, 1)
  assert.equal(children(rehearsal).length, 1)
})

test('who comes after the first has left gets nothing of its Child SAs', () => {
  const rehearsal = calls(RIVALS, [waits('anyone', ANY_KEY)])
  const before = children(rehearsal)
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(1_000)
  rehearsal.command('a', { kind: 'up', tunnel: 'rival' })
  rehearsal.runFor(5_000)
  assert.deepEqual(holders(rehearsal), { anyone: 'two.example' })
  const after = children(rehearsal)
  assert.equal(after.length, 1)
  assert.ok(before.every((spi) => !after.includes(spi)))
})

test('the same peer renews phase 1 as any other does', () => {
  const rehearsal = calls([{ localId: ONE }], [waits('anyone', ANY_KEY)])
  rehearsal.command('a', { kind: 'rekey', tunnel: TUNNEL, phase: 1 })
  rehearsal.runFor(20_000)
  assert.deepEqual(holders(rehearsal), { anyone: 'one.example' })
  assert.deepEqual(codes(rehearsal), [])
})

type Changes = Partial<TunnelConfig>

function waits(name: string, remoteId: ExpectedIdentity, changes: Changes = {}): Changes {
  return { name, remoteId, interfaceName: `cw-${name}`, ...ANYWHERE, ...changes }
}

/** a's tunnels call b, which has those. */
function calls(ofA: readonly Changes[], ofB: readonly Changes[]): Rehearsal {
  const certified = ofB.some(({ authentication }) => authentication?.kind === 'certificate')
  const localId: Identity = { kind: 'fqdn', name: 'gw.example.net' }
  const { a, b } = sites({}, certified ? { remoteId: localId } : {}, certified ? { localId } : {})
  const rehearsal = prepare({ a: several(a, ofA), b: several(b, ofB) })
  readyForCertificates(rehearsal)
  rehearsal.start()
  rehearsal.runFor(5_000)
  return rehearsal
}

function several(config: Sites['a'], changes: readonly Changes[]): Sites['a'] {
  const [tunnel] = config.tunnels
  assert.ok(tunnel !== undefined)
  return { ...config, tunnels: changes.map((one) => ({ ...tunnel, ...one })) }
}

function by(holder: Holder): CertificateAuthentication {
  return certifiedBy(holder, [CA])
}

/** Who has which tunnel of b. */
function holders(rehearsal: Rehearsal): Readonly<Record<string, string>> {
  const all = rehearsal.gateways.b.snapshot(rehearsal.now)
  return Object.fromEntries(
    all.flatMap(({ tunnel, state, ikeSas }) =>
      state === 'up' ? ikeSas.map(({ remoteId }) => [tunnel, remoteId]) : [],
    ),
  )
}

function children(rehearsal: Rehearsal): readonly number[] {
  const all = rehearsal.gateways.b.snapshot(rehearsal.now)
  return all.flatMap(({ childSas }) => childSas.map(({ inboundSpi }) => inboundSpi))
}

function codes(rehearsal: Rehearsal): readonly string[] {
  const failures = events(rehearsal, 'b', 'negotiation-failed').map(({ failure }) => failure.code)
  return [...new Set(failures)]
}
