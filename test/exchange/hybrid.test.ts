// Hybrid authentication (draft-zegman-ike-hybrid-auth-01): the server signs, the client logs in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import type { TunnelConfig, Xauth } from '#config/config'
import type { Identity } from '#policy/identity'
import { arrows, assertUp, events, prepare, snapshot } from '../support/exchange.ts'
import { sampleAuthority, sampleGateway, TODAY } from '../support/sample-pki.ts'
import { ADDRESS_A, sites } from '../support/sites.ts'

const NAME: Identity = { kind: 'fqdn', name: 'gw.example.net' }
const CA = sampleAuthority('Plant CA', undefined, { keyType: 'rsa3072' })
const GATEWAY = sampleGateway('gateway', CA, { keyType: 'rsa3072' })
const password = new Secret(new TextEncoder().encode('open sesame'))
const LOGIN: Xauth = { role: 'client', user: 'branch', password }

const CLIENT = {
  authentication: {
    kind: 'hybrid-client',
    trust: [CA.certificate],
    revocation: { crl: 'off', ocsp: 'off' },
    crls: [],
  },
  remoteId: NAME,
  xauth: LOGIN,
} as const satisfies Partial<TunnelConfig>

const SERVER = {
  authentication: { kind: 'hybrid-server', own: [GATEWAY.certificate], key: GATEWAY.key },
  localId: NAME,
  remoteId: { kind: 'address', address: ADDRESS_A },
  xauth: { role: 'server', users: [{ user: 'branch', password }] },
} as const satisfies Partial<TunnelConfig>

for (const ike of ['v1-main', 'v1-aggressive'] as const) {
  test(`${ike}: the server shows its certificate, the client its password`, () => {
    const rehearsal = begin({ ike }, { ike })
    assertUp(rehearsal)
    assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.remoteId, 'gw.example.net')
    assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.user, 'branch')
    const [first] = events(rehearsal, 'a', 'message')
    const offer = first?.payloads.find((payload) => payload.type === 'SA')
    const attributes = offer?.proposals[0]?.transforms[0]?.attributes ?? []
    assert.ok(attributes.some(({ type, value }) => type === 3 && value === 64221))
  })
}

test('only the client asks for a certificate, and only the server signs', () => {
  assert.deepEqual(arrows(begin()).slice(2, 6), [
    'a → b  main 3  KE NONCE CR NAT-D NAT-D',
    'a ← b  main 4  KE NONCE NAT-D NAT-D',
    'a → b  main 5*  ID HASH N',
    'a ← b  main 6*  ID CERT SIG',
  ])
})

test('a server that begins phase 1 says so by the other number', () => {
  const rehearsal = prepare(sites({}, SERVER_AT_A, { ...CLIENT, remoteId: NAME, start: 'respond' }))
  for (const side of [rehearsal.gateways.a, rehearsal.gateways.b]) side.date = TODAY
  rehearsal.start()
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
})

test('a server with a certificate of another CA gets no password', () => {
  const other = sampleAuthority('Plant CA 2')
  const rehearsal = begin({
    authentication: { ...CLIENT.authentication, trust: [other.certificate] },
  })
  assert.equal(events(rehearsal, 'a', 'negotiation-failed')[0]?.failure.code, 'CW-306')
  assert.ok(arrows(rehearsal).every((arrow) => !arrow.includes('→ b  transaction')))
  assert.equal(snapshot(rehearsal, 'b').childSas.length, 0)
})

test('a client without the password is let in by no certificate', () => {
  const wrong = new Secret(new TextEncoder().encode('close sesame'))
  const rehearsal = begin({ xauth: { ...LOGIN, password: wrong } })
  assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-312')
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 0)
})

const SERVER_AT_A: Partial<TunnelConfig> = {
  ...SERVER,
  remoteId: { kind: 'address', address: sites().b.tunnels[0]?.local ?? ADDRESS_A },
}

function begin(a: Partial<TunnelConfig> = {}, b: Partial<TunnelConfig> = {}) {
  const rehearsal = prepare(sites({}, { ...CLIENT, ...a }, { ...SERVER, start: 'respond', ...b }))
  for (const side of [rehearsal.gateways.a, rehearsal.gateways.b]) side.date = TODAY
  rehearsal.start()
  rehearsal.runFor(5_000)
  return rehearsal
}
