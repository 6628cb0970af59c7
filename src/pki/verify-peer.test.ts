import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { Identity } from '#policy/identity'
import {
  dn,
  GATEWAY_NAME,
  sampleAuthority,
  sampleGateway,
  sampleKey,
  TODAY,
} from '../../test/support/sample-pki.ts'
import { PURPOSE } from './extensions.ts'
import { gatewayExtensions } from './issue.ts'
import { sign } from './node-signatures.ts'
import { refusalText } from './refusal-text.ts'
import { type PeerDemands, type PeerEvidence, verifyPeer } from './verify-peer.ts'

const root = sampleAuthority('Root')
const stranger = sampleAuthority('Stranger')
const gateway = sampleGateway('gw', root, {
  extensions: gatewayExtensions(
    sampleKey('gw').publicKey,
    root.key.publicKey,
    [
      GATEWAY_NAME,
      { kind: 'address', address: ip('192.0.2.1') },
      { kind: 'email', name: 'vpn@example.net' },
      { kind: 'dns', name: '*.wild.example' },
    ],
    [PURPOSE.ipsecIke],
  ),
})
const colleague = sampleGateway('colleague', root)
const scheme = { kind: 'ecdsa', hash: 'sha256', form: 'fixed' } as const
const data = new Uint8Array(32).fill(5)
const fqdn = (name: string): Identity => ({ kind: 'fqdn', name })

const demands: PeerDemands = {
  trust: [root.certificate],
  intermediates: [],
  remoteId: fqdn('gw.example.net'),
  revocation: { crl: 'off', ocsp: 'off' },
  crls: [],
}
const evidence: PeerEvidence = {
  certificates: [gateway.certificate.der],
  identity: fqdn('gw.example.net'),
  scheme,
  data,
  signature: sign(gateway.key, scheme, data),
}

function verify(demanded: Partial<PeerDemands> = {}, shown: Partial<PeerEvidence> = {}) {
  return verifyPeer({ ...demands, ...demanded }, { ...evidence, ...shown }, TODAY)
}

function refusalOf(...args: Parameters<typeof verify>) {
  const found = verify(...args)
  assert.equal(found.kind, 'peer-refused')
  assert.ok(found.kind === 'peer-refused')
  const told = refusalText(found.refusal, 'Paris')
  assert.match(told.summary, /Paris|certificate/)
  return { ...found.refusal, code: told.code }
}

for (const [identity, isIts] of [
  [fqdn('gw.example.net'), true],
  [fqdn('GW.EXAMPLE.NET'), true],
  [fqdn('gw.example.org'), false],
  [fqdn('example.net'), false],
  [fqdn('a.wild.example'), false],
  [fqdn('gw'), false],
  [{ kind: 'address', address: ip('192.0.2.1') }, true],
  [{ kind: 'address', address: ip('192.0.2.2') }, false],
  [{ kind: 'user-fqdn', name: 'vpn@example.net' }, true],
  [{ kind: 'user-fqdn', name: 'gw.example.net' }, false],
  [{ kind: 'dn', der: dn('CN=gw, O=Example') }, true],
  [{ kind: 'dn', der: dn('CN=GW, O=example') }, true],
  [{ kind: 'dn', der: dn('CN=*, O=Example') }, false],
  [{ kind: 'dn', der: dn('O=Example') }, false],
  [{ kind: 'dn', der: dn('CN=gw, O=Example').subarray(0, 20) }, false],
  [{ kind: 'dn', der: new Uint8Array(0) }, false],
  [{ kind: 'dn', der: new Uint8Array(65_000).fill(0x30) }, false],
  [{ kind: 'key-id', octets: new TextEncoder().encode('gw.example.net') }, false],
] as const) {
  const words = identity.kind === 'fqdn' ? identity.name : identity.kind
  test(`an identity is bound to a name in the certificate or not at all: ${words} ${isIts}`, () => {
    const found = verify({ remoteId: identity }, { identity })
    if (isIts) assert.equal(found.kind, 'peer-verified')
    else assert.equal(refusalOf({ remoteId: identity }, { identity }).kind, 'unbound-identity')
  })
}

test('tells who the peer is and how it is known', () => {
  const found = verify()
  assert.equal(found.kind, 'peer-verified')
  if (found.kind !== 'peer-verified') return
  assert.deepEqual(found.chain, ['CN=gw, O=Example', 'CN=Root, O=Example'])
  assert.equal(found.certificate.notAfter, gateway.certificate.notAfter)
})

test('a wildcard counts where the configuration has it', () => {
  const identity: Identity = { kind: 'dn', der: dn('CN=gw, O=Example') }
  const any: Identity = { kind: 'dn', der: dn('CN=*, O=Example') }
  assert.equal(verify({ remoteId: any }, { identity }).kind, 'peer-verified')
  const elsewhere: Identity = { kind: 'dn', der: dn('CN=*, O=Other') }
  assert.equal(refusalOf({ remoteId: elsewhere }, { identity }).kind, 'other-identity')
})

test('the right certificate is found wherever it stands among those sent', () => {
  const certificates = [root, colleague, stranger, gateway].map(
    ({ certificate }) => certificate.der,
  )
  assert.equal(
    verify({}, { certificates: [Uint8Array.of(1), ...certificates] }).kind,
    'peer-verified',
  )
})

/** CVE-2020-16088: any key of a trusted peer was taken. */
test('another peer of the same CA cannot take this one’s place', () => {
  const signature = sign(colleague.key, scheme, data)
  const its = { certificates: [colleague.certificate.der], signature }
  assert.equal(refusalOf({}, { signature }).kind, 'wrong-signature')
  const own: Identity = { kind: 'dn', der: colleague.certificate.subject.der }
  assert.equal(refusalOf({}, { ...its, identity: own }).kind, 'other-identity')
  assert.equal(refusalOf({ remoteId: fqdn('x') }, its).kind, 'other-identity')
  const both = [colleague.certificate.der, gateway.certificate.der]
  assert.notEqual(
    verify({}, { certificates: both, signature, identity: own }).kind,
    'peer-verified',
  )
})

test('each refusal has its code and names what was missing', () => {
  assert.deepEqual(refusalOf({}, { certificates: [] }), { kind: 'no-certificate', code: 'CW-310' })
  assert.equal(refusalOf({}, { certificates: [Uint8Array.of(0x30)] }).code, 'CW-306')
  const untrusted = refusalOf({ trust: [stranger.certificate] })
  assert.equal(untrusted.code, 'CW-306')
  assert.ok(untrusted.kind === 'path')
  assert.match(
    refusalText(untrusted, 'Paris').summary,
    /leads to issuer "CN=Root, O=Example".*trusts "CN=Stranger/,
  )
  assert.equal(refusalOf({ remoteId: fqdn('y') }).code, 'CW-308')
  const required = { crl: 'required', ocsp: 'off' } as const
  assert.equal(refusalOf({ revocation: required }).code, 'CW-309')
  const expired = verifyPeer(demands, evidence, gateway.certificate.notAfter + 1)
  assert.ok(expired.kind === 'peer-refused')
  assert.equal(refusalText(expired.refusal, 'Paris').code, 'CW-307')
})

test('a list or a responder that is wanted and says nothing is told with the key that wants it', () => {
  for (const [revocation, key, remedy] of [
    [{ crl: 'required', ocsp: 'off' }, 'certificate.revocation', /name it under certificate\.crl/],
    [{ crl: 'off', ocsp: 'required' }, 'certificate.ocsp', /responder .* set ocsp: if-present/],
  ] as const) {
    const found = verify({ revocation })
    assert.ok(found.kind === 'peer-refused')
    const told = refusalText(found.refusal, 'Paris')
    assert.deepEqual([told.code, told.key], ['CW-309', key])
    assert.match(told.remedy, remedy)
  }
})

test('before the date of a certificate the remedy begins with our clock, unless something keeps that', () => {
  const early = verifyPeer(demands, evidence, gateway.certificate.notBefore - 1)
  assert.ok(early.kind === 'peer-refused')
  assert.match(refusalText(early.refusal, 'Paris', false).remedy, /^check our clock/)
  assert.match(refusalText(early.refusal, 'Paris', true).remedy, /^our clock is kept right, so/)
})

/** CVE-2022-40617. */
test('nothing is fetched for a peer that is not trusted, or that has not proven its key', () => {
  const extensions = gatewayExtensions(
    sampleKey('gw').publicKey,
    stranger.key.publicKey,
    [GATEWAY_NAME],
    [PURPOSE.ipsecIke],
    'http://attacker.example/',
  )
  const lure = sampleGateway('gw', stranger, { extensions })
  const revocation = { crl: 'required', ocsp: 'required' } as const
  const certificates = [lure.certificate.der]
  assert.equal(verify({ revocation }, { certificates }).kind, 'peer-refused')
  const trusted = { revocation, trust: [stranger.certificate] }
  const wrong = new Uint8Array(64)
  assert.equal(verify(trusted, { certificates, signature: wrong }).kind, 'peer-refused')
  assert.equal(verify(trusted, { certificates }).kind, 'fetch')
})
