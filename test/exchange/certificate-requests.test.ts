// What each side asks for by CERTREQ, and gets (RFC 4945 §3.2.7, §3.3.6). No hash covers these payloads, so a test can change them on the way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { encodePlain, FLAG_ENCRYPTION } from '#ikev1/protect'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { decodePayloads } from '#wire/v1/message'
import type { CertRequestPayload, Payload } from '#wire/v1/payloads'
import {
  type CertificateAuthentication,
  certifiedBy,
  readyForCertificates,
} from '../support/certified.ts'
import { arrows, assertUp, events, prepare } from '../support/exchange.ts'
import { dn, type Holder, sampleAuthority, sampleGateway } from '../support/sample-pki.ts'
import { A_BEGINS, sites } from '../support/sites.ts'
import { readyFor, styles, stylishSites } from '../support/styles.ts'

const CA = sampleAuthority('Plant CA')
const OTHER = sampleAuthority('Other CA')
type Change = (requests: readonly CertRequestPayload[]) => readonly Payload[]

test('a side that is not asked sends no certificate, and the other says so', () => {
  const rehearsal = run({}, {}, () => [])
  assert.ok(!arrows(rehearsal).some((arrow) => arrow.includes('CERT')))
  assert.equal(failure(rehearsal, 'b')?.code, 'CW-310')
})

test('send: always sends it unasked', () => {
  const always = { send: 'always' } as const
  assertUp(run(always, always, () => []))
})

test('a server of hybrid authentication sends its certificate unasked: its client cannot have it', () => {
  const { 'hybrid authentication': hybrid } = styles()
  assert.ok(hybrid !== undefined)
  const rehearsal = prepare(stylishSites(hybrid, {}, {}, A_BEGINS))
  readyFor(rehearsal)
  rehearsal.intercept = ({ octets }) => changed(octets, () => [])
  rehearsal.start()
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
})

test('a request for any CA, an empty one, is answered', () => {
  const rehearsal = run({}, {}, (requests) =>
    requests.map((one) => ({ ...one, data: new Uint8Array(0) })),
  )
  assertUp(rehearsal)
  assert.deepEqual(warnings(rehearsal), [])
})

test('a request for something else than certificates to verify signatures is none', () => {
  const revocationList = 7
  const rehearsal = run({}, {}, (requests) =>
    requests.map((one) => ({ ...one, encoding: revocationList })),
  )
  assert.equal(failure(rehearsal, 'b')?.code, 'CW-310')
})

test('a peer that asks for another CA than ours gets our certificate, and the operator reads both names', () => {
  const rehearsal = run({}, {}, (requests) =>
    requests.map((one) => ({ ...one, data: dn('CN=Elsewhere') })),
  )
  assertUp(rehearsal)
  const [warning] = warnings(rehearsal)
  assert.match(warning ?? '', /^CW-310 .*CN=Elsewhere; ours is of .*Plant CA/)
})

test('where the peer then refuses it, that is the cause told', () => {
  const rehearsal = run({}, { trust: [OTHER.certificate] }, (requests) => requests)
  const told = failure(rehearsal, 'a')
  assert.equal(told?.code, 'CW-310')
  assert.match(told?.summary ?? '', /Other CA.*ours is from .*Plant CA/)
  assert.equal(failure(rehearsal, 'b')?.code, 'CW-306')
})

test('in Aggressive mode, too, it is told when our certificate goes out', () => {
  const mistrusting = { trust: [OTHER.certificate] }
  const rehearsal = run({}, mistrusting, (requests) => requests, 'v1-aggressive')
  assert.match(warnings(rehearsal)[0] ?? '', /^CW-310 .*Other CA/)
})

test('of many requests the first few are told', () => {
  const many = (requests: readonly CertRequestPayload[]) =>
    Array.from(
      { length: 100 },
      (_, i) => ({ ...requests[0], type: 'CR', encoding: 4, data: dn(`CN=${i}`) }) as const,
    )
  const rehearsal = run({}, {}, (requests) => many(requests))
  assertUp(rehearsal)
  assert.match(warnings(rehearsal)[0] ?? '', /CN=0; CN=1; CN=2; CN=3; ours/)
})

/** Both sides with certificates of one CA; what asks for them is changed on the way, both ways. */
function run(
  a: Partial<CertificateAuthentication>,
  b: Partial<CertificateAuthentication>,
  change: Change,
  ike: TunnelConfig['ike'] = 'v1-main',
): Rehearsal {
  const name = { kind: 'fqdn', name: 'gw.example.net' } as const
  const common = { ike, localId: name, remoteId: name }
  const rehearsal = prepare(
    sites(
      {},
      { ...common, authentication: { ...by(sampleGateway('a', CA)), ...a } },
      { ...common, authentication: { ...by(sampleGateway('b', CA)), ...b }, start: 'respond' },
    ),
  )
  readyForCertificates(rehearsal)
  rehearsal.intercept = ({ octets }) => changed(octets, change)
  rehearsal.start()
  rehearsal.runFor(40_000)
  return rehearsal
}

function changed(octets: Uint8Array, change: Change): Uint8Array {
  const header = decodeHeader(octets)
  if (header.messageId !== 0 || (header.flags & FLAG_ENCRYPTION) !== 0) return octets
  const { payloads } = decodePayloads(header.nextPayload, octets, HEADER_OCTETS)
  const plain = payloads.map(({ payload }) => payload)
  const requests = plain.filter((one) => one.type === 'CR')
  if (requests.length === 0) return octets
  return encodePlain(header, [...plain.filter(({ type }) => type !== 'CR'), ...change(requests)])
}

function by(holder: Holder): CertificateAuthentication {
  return certifiedBy(holder, [CA])
}

function failure(rehearsal: Rehearsal, side: 'a' | 'b') {
  return events(rehearsal, side, 'negotiation-failed')[0]?.failure
}

function warnings(rehearsal: Rehearsal): readonly string[] {
  return events(rehearsal, 'a', 'warning').map(({ text }) => text)
}
