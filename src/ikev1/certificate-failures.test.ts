import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NotifyType } from '#iana/isakmp'
import { A_DAY, sampleAuthority, sampleGateway, TODAY } from '../../test/support/sample-pki.ts'
import { sites } from '../../test/support/sites.ts'
import { withAuthorities, withOwnDates } from './certificate-failures.ts'
import { phase1Refused } from './failures.ts'
import { identityRefused } from './identity-failures.ts'
import { answerUnreadable, undecryptable } from './key-failures.ts'
import { unanswered } from './silence-failures.ts'

const [withKey] = sites().a.tunnels
assert.ok(withKey !== undefined)
const { certificate, key } = sampleGateway('gw-a', sampleAuthority('Plant CA'))
const withCertificate = {
  ...withKey,
  authentication: {
    kind: 'certificate',
    own: [certificate],
    key,
    trust: [],
    revocation: { crl: 'off', ocsp: 'off' },
    crls: [],
  },
} as const
const MESSAGE_5 = {
  message: 5,
  octets: 900,
  udp: false,
  cutByIp: false,
  natAtPeer: false,
  repeatedByPeer: 0,
  port4500Passes: false,
  sent: 6,
  waited: 31_000,
}
const FAILED = NotifyType.number('AUTHENTICATION-FAILED')

test('a gateway with a certificate is never told to compare keys', () => {
  for (const failure of [
    unanswered(withCertificate, MESSAGE_5),
    unanswered(withCertificate, { ...MESSAGE_5, udp: true }),
    answerUnreadable(withCertificate, undefined),
    undecryptable(withCertificate, 5, undefined),
    phase1Refused(withCertificate, FAILED, 5),
    identityRefused(withCertificate, FAILED),
  ]) {
    assert.doesNotMatch(`${failure.summary} ${failure.remedy}`, /compare|has our key|keys differ/)
    assert.notEqual(failure.key, 'psk')
  }
})

test('of a certificate whose dates are right, or whose date nobody told, nothing is said', () => {
  const refused = identityRefused(withCertificate, FAILED)
  assert.equal(withOwnDates(refused, withCertificate, undefined), refused)
  assert.equal(withOwnDates(refused, withCertificate, TODAY), refused)
  assert.equal(withOwnDates(refused, withCertificate, TODAY + 400 * A_DAY).code, 'CW-307')
})

test('a refused certificate is named with its issuer and end', () => {
  const { code, summary } = identityRefused(withCertificate, FAILED)
  assert.equal(code, 'CW-306')
  assert.match(summary, /of CN=Plant CA, O=Example, valid from 2026-.* until 2027-/)
})

test('a refusal of message 5 may as well be of the peer that cannot prove itself, or signs another way', () => {
  const { otherCauses, remedy } = identityRefused(withCertificate, FAILED)
  assert.match(otherCauses?.[0] ?? '', /lacks the key of its own certificate/)
  assert.match(otherCauses?.[1] ?? '', /another kind of key than ours, ECDSA on P-256/)
  assert.match(remedy, /clocks.*have it start the tunnel/)
  const aggressive = identityRefused({ ...withCertificate, ike: 'v1-aggressive' }, FAILED)
  assert.deepEqual(aggressive.otherCauses, [])
})

test('a certificate that is sent alone may lack the CA between it and one the peer asks for', () => {
  const asked = [sampleAuthority('Root CA').certificate.subject.der]
  const refused = identityRefused(withCertificate, FAILED)
  const { code, remedy } = withAuthorities(refused, withCertificate, asked)
  assert.equal(code, 'CW-310')
  assert.match(
    remedy,
    /put the certificate of "CN=Plant CA, O=Example" behind ours in certificate.own/,
  )
})

test('a responder that finds no key for us may have a certificate', () => {
  const invalidKey = NotifyType.number('INVALID-KEY-INFORMATION')
  const { code, summary } = phase1Refused(withKey, invalidKey, 3)
  assert.equal(code, 'CW-204')
  assert.match(summary, /both sides must prove themselves the same way/)
  assert.equal(phase1Refused(withKey, invalidKey, 1).code, 'CW-201')
  assert.equal(phase1Refused(withCertificate, invalidKey, 3).code, 'CW-201')
})
