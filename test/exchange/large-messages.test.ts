// Messages larger than a packet whose fragments get lost on the way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Failure } from '#ike/events'
import type { Identity } from '#policy/identity'
import { decodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { decodePayloads } from '#wire/v1/message'
import { announces } from '#wire/v1/vendor-id'
import { certifiedBy, readyForCertificates } from '../support/certified.ts'
import { events, prepare } from '../support/exchange.ts'
import { sampleAuthority, sampleGateway } from '../support/sample-pki.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const NAME: Identity = { kind: 'fqdn', name: 'gw.example.net' }
const ROOT = sampleAuthority('Root', undefined, { keyType: 'rsa3072' })
const PLANT = sampleAuthority('Plant CA', ROOT, { keyType: 'rsa3072' })
const LARGEST = 1_472

test('CW-105: message 5 with its certificates is cut by IP, and never answered', () => {
  const failure = firstFailure((octets) => (octets.length > LARGEST ? undefined : octets))
  assert.equal(failure.code, 'CW-105')
  assert.equal(failure.certainty, 'possible')
  assert.match(failure.summary, /^message 5 has \d{4} octets \(2 certificates\) and travels as IP/)
  assert.match(failure.forPeer ?? '', /turn on IKE fragmentation/)
})

test('CW-105: a peer that repeats message 4 shows that it does not have message 5', () => {
  let message4: Uint8Array | undefined
  const failure = firstFailure((octets, rehearsal, side) => {
    if (side === 'b') message4 = octets
    if (octets.length <= LARGEST) return octets
    const repeated = message4
    if (repeated !== undefined) {
      const ends = rehearsal.sent.at(-1)
      if (ends !== undefined)
        rehearsal.at(rehearsal.now + 10, () =>
          rehearsal.inject('a', repeated, ends.local, ends.remote),
        )
    }
    return undefined
  })
  assert.deepEqual([failure.code, failure.certainty], ['CW-105', 'very likely'])
  assert.match(failure.evidence, /the peer repeats its own/)
})

test('CW-306: a message that fits a packet is not lost for its size', () => {
  const failure = firstFailure(
    (octets) => {
      const { flags, exchangeType } = decodeHeader(octets)
      return exchangeType === 2 && (flags & 1) !== 0 ? undefined : octets
    },
    certifiedBy(sampleGateway('small', ROOT), [ROOT]),
  )
  assert.equal(failure.code, 'CW-306')
})

function firstFailure(
  pass: (
    octets: Uint8Array,
    rehearsal: ReturnType<typeof prepare>,
    side: 'a' | 'b',
  ) => Uint8Array | undefined,
  authentication = certifiedBy(
    sampleGateway('large', PLANT, { keyType: 'rsa3072' }),
    [ROOT],
    [PLANT],
  ),
): Failure {
  const rehearsal = prepare(sites({ localId: NAME, remoteId: NAME, authentication }, {}, A_BEGINS))
  readyForCertificates(rehearsal)
  rehearsal.intercept = ({ octets, side }) => {
    const passed = pass(octets, rehearsal, side)
    return passed === undefined ? undefined : withoutFragmentation(passed)
  }
  rehearsal.start()
  rehearsal.runFor(60_000)
  const [failed] = events(rehearsal, 'a', 'negotiation-failed')
  assert.ok(failed !== undefined)
  return failed.failure
}

/** As from a peer that joins no fragments of IKE messages. */
function withoutFragmentation(octets: Uint8Array): Uint8Array {
  const { flags, exchangeType, nextPayload } = decodeHeader(octets)
  if ((flags & 1) !== 0 || exchangeType !== 2) return octets
  const changed = octets.slice()
  for (const { payload, start } of decodePayloads(nextPayload, changed, HEADER_OCTETS).payloads) {
    if (payload.type === 'VID' && announces(payload.data, 'fragmentation')) changed[start + 4] = 0
  }
  return changed
}
