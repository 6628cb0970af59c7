import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyPayload, payloadsByType } from '../../../test/support/ike-payload-arbitraries.ts'
import {
  ikeSamples,
  mainMode1,
  mainMode5,
  natOriginalAddresses,
  quickMode1,
} from '../../../test/support/ike-samples.ts'
import { decodeHeader, HEADER_OCTETS } from '../ike-header.ts'
import { MalformedMessage } from '../malformed.ts'
import { MAX_PAYLOADS } from '../payload-chain.ts'
import { decodePayloads, encodePayloadBody, encodePayloads, payloadNumber } from './message.ts'
import type { Payload } from './payloads.ts'

for (const [type, arbitrary] of Object.entries(payloadsByType)) {
  test(`decodes the ${type} payload it encoded, and its body is what hashes cover`, () => {
    fc.assert(
      fc.property(arbitrary, (payload) => {
        const { firstPayload, octets } = encodePayloads([payload])
        assert.equal(firstPayload, payloadNumber(payload))
        const { payloads, end } = decodePayloads(firstPayload, octets, 0)
        assert.deepEqual(payloads[0]?.payload, payload)
        assert.equal(end, octets.length)
        assert.deepEqual(payloads[0]?.body, encodePayloadBody(payload))
      }),
    )
  })

  test(`refuses a ${type} payload cut short anywhere`, () => {
    fc.assert(
      fc.property(arbitrary, (payload) => {
        const { firstPayload, octets } = encodePayloads([payload])
        for (let length = 0; length < octets.length; length++) {
          assertMalformed(() => decodePayloads(firstPayload, octets.subarray(0, length), 0), length)
        }
      }),
      { numRuns: 30 },
    )
  })
}

test('decodes chains of payloads, each with the place it stood at', () => {
  fc.assert(
    fc.property(fc.array(anyPayload, { maxLength: 8 }), fc.nat(40), (payloads, start) => {
      const { firstPayload, octets } = encodePayloads(payloads)
      const datagram = new Uint8Array(start + octets.length + 7)
      datagram.set(octets, start)
      const decoded = decodePayloads(firstPayload, datagram, start)
      assert.deepEqual(
        decoded.payloads.map(({ payload }) => payload),
        payloads,
      )
      assert.equal(decoded.end, start + octets.length)
      for (const { start: from, end, body } of decoded.payloads) {
        assert.deepEqual(body, datagram.subarray(from + 4, end))
      }
    }),
  )
})

for (const { name, octets } of ikeSamples) {
  test(`decodes and encodes again, octet for octet: ${name}`, () => {
    const header = decodeHeader(octets)
    assert.equal(header.length, octets.length)
    const { payloads, end } = decodePayloads(header.nextPayload, octets, HEADER_OCTETS)
    assert.equal(end, octets.length)
    const again = encodePayloads(payloads.map(({ payload }) => payload))
    assert.equal(again.firstPayload, header.nextPayload)
    assert.deepEqual(again.octets, octets.slice(HEADER_OCTETS))
  })
}

test('reads proposals, transforms and both attribute forms as they stand', () => {
  const [sa, vid] = payloadsOf(mainMode1.octets)
  assert.ok(sa?.type === 'SA')
  assert.deepEqual([sa.doi, sa.situation, sa.proposals.length], [1, 1, 1])
  const transforms = sa.proposals[0]?.transforms ?? []
  assert.deepEqual(
    transforms.map(({ number, id, attributes }) => [number, id, attributes.length]),
    [
      [1, 1, 7],
      [2, 1, 6],
    ],
  )
  assert.deepEqual(transforms[0]?.attributes.at(-1), {
    form: 'long',
    type: 12,
    value: Uint8Array.of(0, 0, 0x70, 0x80),
  })
  assert.deepEqual(transforms[1]?.attributes.at(-1), { form: 'short', type: 12, value: 0x7080 })
  assert.equal(vid?.type, 'VID')
})

test('reads SPIs of proposals and of notifications', () => {
  const sa = payloadsOf(quickMode1.octets)[1]
  assert.ok(sa?.type === 'SA')
  assert.deepEqual(sa.proposals[0]?.spi, Uint8Array.of(0xc0, 0xff, 0xee, 0x01))
  const notification = payloadsOf(mainMode5.octets)[2]
  assert.ok(notification?.type === 'N')
  assert.deepEqual(notification.spi, mainMode5.octets.slice(0, 16))
})

test('tells the drafts’ NAT-OA from the RFC’s', () => {
  const drafts = payloadsOf(natOriginalAddresses.octets).slice(1)
  assert.deepEqual(
    drafts.map((payload) => payload.type === 'NAT-OA' && payload.draft),
    [true, false],
  )
})

test('an empty chain has no payloads and ends where it began', () => {
  assert.deepEqual(decodePayloads(0, new Uint8Array(5), 3), { payloads: [], end: 3 })
})

test('refuses a start outside the octets as a short message', () => {
  assertMalformed(() => decodePayloads(1, new Uint8Array(4), 9), 4)
})

test('a reserved octet that is not zero is refused: after a wrong key it is the sign', () => {
  const { firstPayload, octets } = encodePayloads([{ type: 'KE', data: new Uint8Array(4) }])
  octets[1] = 1
  assert.throws(() => decodePayloads(firstPayload, octets, 0), { code: 'reserved', offset: 1 })
})

test(`refuses more than ${MAX_PAYLOADS} payloads`, () => {
  const chain = (count: number): Uint8Array => {
    const octets = new Uint8Array(count * 4)
    for (let i = 0; i < count; i++) octets.set([i + 1 < count ? 13 : 0, 0, 0, 4], i * 4)
    return octets
  }
  assert.equal(decodePayloads(13, chain(MAX_PAYLOADS), 0).payloads.length, MAX_PAYLOADS)
  assert.throws(() => decodePayloads(13, chain(MAX_PAYLOADS + 1), 0), { code: 'count' })
})

test('every next-payload number in every place gives payloads or a typed refusal (CVE-2015-3204, CVE-2015-3991)', () => {
  for (const { octets } of ikeSamples) {
    for (const at of nextPayloadOffsets(octets)) {
      for (let number = 0; number < 256; number++) {
        const changed = octets.slice()
        changed[at] = number
        try {
          decodePayloads(decodeHeader(changed).nextPayload, changed, HEADER_OCTETS)
        } catch (error) {
          assert.ok(error instanceof MalformedMessage, String(error))
        }
      }
    }
  }
})

test('generic headers that say 0 to 3 octets are refused: a chain always moves on (CVE-2025-20253)', () => {
  for (const { octets } of ikeSamples) {
    for (const at of nextPayloadOffsets(octets).filter((offset) => offset >= HEADER_OCTETS)) {
      for (let length = 0; length < 4; length++) {
        const changed = octets.slice()
        changed.set([0, length], at + 2)
        assert.throws(
          () => decodePayloads(decodeHeader(changed).nextPayload, changed, HEADER_OCTETS),
          { name: 'MalformedMessage', code: 'length', offset: at + 2 },
        )
      }
    }
  }
})

test('a payload length one too high or too low never passes unseen (CVE-2025-20182)', () => {
  for (const { octets } of ikeSamples) {
    for (const at of nextPayloadOffsets(octets).filter((offset) => offset >= HEADER_OCTETS)) {
      for (const by of [-1, 1]) {
        const changed = octets.slice()
        const view = new DataView(changed.buffer)
        view.setUint16(at + 2, view.getUint16(at + 2) + by)
        assert.ok(!readsToTheEnd(changed), `length at ${at} changed by ${by}`)
      }
    }
  }
})

test('proposals and transforms are refused outside of their containers', () => {
  for (const number of [2, 3]) {
    assert.throws(() => decodePayloads(number, Uint8Array.of(0, 0, 0, 8, 1, 1, 0, 0), 0), {
      code: 'misplaced',
    })
  }
})

function payloadsOf(octets: Uint8Array): readonly Payload[] {
  const { nextPayload } = decodeHeader(octets)
  return decodePayloads(nextPayload, octets, HEADER_OCTETS).payloads.map(({ payload }) => payload)
}

/** Where the number of each top-level payload stands: in the header, then in each generic header. */
function nextPayloadOffsets(octets: Uint8Array): readonly number[] {
  const { nextPayload } = decodeHeader(octets)
  const { payloads } = decodePayloads(nextPayload, octets, HEADER_OCTETS)
  return [16, ...payloads.map(({ start }) => start)]
}

function readsToTheEnd(octets: Uint8Array): boolean {
  try {
    return (
      decodePayloads(decodeHeader(octets).nextPayload, octets, HEADER_OCTETS).end === octets.length
    )
  } catch (error) {
    assert.ok(error instanceof MalformedMessage, String(error))
    return false
  }
}

function assertMalformed(run: () => unknown, length: number): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof MalformedMessage, String(error))
    assert.ok(error.offset <= length)
    return true
  })
}
