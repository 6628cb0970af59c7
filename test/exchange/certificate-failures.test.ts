// Certificates that do not fit the other side, as the side that is refused, or that looks first, can tell.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import type { Identity } from '#policy/identity'
import type { Side } from '#rehearsal/rehearsal'
import { certifiedBy, readyForCertificates } from '../support/certified.ts'
import { events, prepare } from '../support/exchange.ts'
import { A_DAY, sampleAuthority, sampleGateway, TODAY } from '../support/sample-pki.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const NAME: Identity = { kind: 'fqdn', name: 'gw.example.net' }
const PLANT = sampleAuthority('Plant CA')
const OLD = sampleAuthority('Old CA')
const FROM_PLANT = { authentication: certifiedBy(sampleGateway('a', PLANT), [OLD, PLANT]) }
const FROM_OLD = { authentication: certifiedBy(sampleGateway('b', OLD), [OLD]) }

test('CW-310: the peer asks for certificates of another CA than ours is from', () => {
  const failure = failureOf('a', FROM_PLANT, FROM_OLD)
  assert.equal(failure.code, 'CW-310')
  assert.match(
    failure.summary,
    /asks for certificates of "CN=Old CA, O=Example" only; ours is from "CN=Plant CA, O=Example"/,
  )
  assert.match(failure.forPeer ?? '', /Please trust that CA/)
})

test('CW-306: the side that refuses it knows which CA is missing', () => {
  const failure = failureOf('b', FROM_PLANT, FROM_OLD)
  assert.equal(failure.code, 'CW-306')
  assert.match(failure.forPeer ?? '', /leads to the issuer "CN=Plant CA, O=Example", and we trust/)
})

test('CW-307: our own certificate has expired, and the peer refuses it or says nothing of it', () => {
  const old = { notBefore: TODAY - 400 * A_DAY, notAfter: TODAY - 2 * A_DAY }
  const expired = { authentication: certifiedBy(sampleGateway('a', PLANT, old), [PLANT]) }
  const takes = { authentication: certifiedBy(sampleGateway('b', PLANT), [PLANT]) }
  const failure = failureOf('a', expired, takes)
  assert.equal(failure.code, 'CW-307')
  assert.match(
    failure.summary,
    /^our certificate CN=a, O=Example expired on 2026-11-21 00:00 UTC, our clock says 2026-11-23/,
  )
  assert.match(failure.remedy, /^renew it/)
  assert.equal(failureOf('b', expired, takes).code, 'CW-307')
})

test('CW-307: our own certificate is not valid yet', () => {
  const early = { notBefore: TODAY + A_DAY, notAfter: TODAY + 400 * A_DAY }
  const failure = failureOf(
    'a',
    { authentication: certifiedBy(sampleGateway('a', PLANT, early), [PLANT]) },
    { authentication: certifiedBy(sampleGateway('b', PLANT), [PLANT]) },
  )
  assert.equal(failure.code, 'CW-307')
  assert.match(failure.summary, /is not valid before 2026-11-24/)
  assert.match(failure.remedy, /our clock is right/)
})

test('CW-311: one side has an RSA key and the other an ECDSA key', () => {
  const failure = failureOf(
    'b',
    { authentication: certifiedBy(sampleGateway('a rsa', PLANT, { keyType: 'rsa3072' }), [PLANT]) },
    { authentication: certifiedBy(sampleGateway('b', PLANT), [PLANT]) },
  )
  assert.equal(failure.code, 'CW-311')
  assert.deepEqual(
    [failure.theirs, failure.ours],
    ['RSA signatures', 'ECDSA with SHA-256 on P-256'],
  )
})

function failureOf(side: Side, a: Partial<TunnelConfig>, b: Partial<TunnelConfig>): Failure {
  const rehearsal = prepare(sites({ localId: NAME, remoteId: NAME }, a, { ...A_BEGINS, ...b }))
  readyForCertificates(rehearsal)
  rehearsal.start()
  rehearsal.runFor(40_000)
  const [failed] = events(rehearsal, side, 'negotiation-failed')
  assert.ok(failed !== undefined)
  return failed.failure
}
