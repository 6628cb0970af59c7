import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mainMode1 } from '../../../test/support/ike-samples.ts'
import { decode, encode } from '../codec.ts'
import { HEADER_OCTETS } from '../ike-header.ts'
import { deletePayload, MAX_DELETED_SPIS } from './delete-payload.ts'
import { decodePayloads } from './message.ts'
import type { ProposalPayload, SaPayload } from './payloads.ts'
import {
  attributeList,
  MAX_ATTRIBUTES,
  MAX_PROPOSALS,
  MAX_TRANSFORMS,
  saPayload,
} from './sa-payload.ts'

/** Offsets in the sample, from the start of its datagram. */
const AT = {
  doi: 32,
  situation: 36,
  proposal: 40,
  spiSize: 46,
  count: 47,
  transform1: 48,
  lifeLength: 82,
  transform2: 88,
}

for (const [field, at, width] of [
  ['proposal length', AT.proposal + 2, 2],
  ['SPI size', AT.spiSize, 1],
  ['transform count', AT.count, 1],
  ['first transform length', AT.transform1 + 2, 2],
  ['last transform length', AT.transform2 + 2, 2],
  ['long attribute length', AT.lifeLength, 2],
] as const) {
  for (const by of [-1, 1]) {
    if (field === 'SPI size' && by < 0) continue
    test(`refuses an SA payload whose ${field} is off by ${by}`, () => {
      assert.throws(() => decodeChanged(at, width, (value) => value + by), {
        name: 'MalformedMessage',
      })
    })
  }
}

test('refuses nested headers that say 0 to 3 octets, and a transform too short for its fields', () => {
  for (const at of [AT.proposal, AT.transform1, AT.transform2]) {
    for (let length = 0; length < 8; length++) {
      assert.throws(() => decodeChanged(at + 2, 2, () => length), { name: 'MalformedMessage' })
    }
  }
})

test('refuses links between transforms other than 3 and 0', () => {
  for (let number = 0; number < 256; number++) {
    if (number === 3) continue
    assert.throws(() => decodeChanged(AT.transform1, 1, () => number), { name: 'MalformedMessage' })
  }
})

test('says which DOI and which situation it cannot read', () => {
  assert.throws(() => decodeChanged(AT.doi, 4, () => 2), {
    code: 'unsupported-doi',
    offset: AT.doi,
  })
  assert.throws(() => decodeChanged(AT.doi, 4, () => 0xffff_ffff), { code: 'unsupported-doi' })
  for (const situation of [2, 4, 7]) {
    assert.throws(() => decodeChanged(AT.situation, 4, () => situation), {
      code: 'unsupported-situation',
      offset: AT.situation,
    })
  }
})

test('reads past reserved octets inside an SA payload', () => {
  for (const at of [AT.proposal + 1, AT.transform1 + 1, AT.transform1 + 6]) {
    assert.equal(
      decodeChanged(at, 1, () => 0xff),
      2,
    )
  }
})

test('names proposal, transform and attribute in an error', () => {
  assert.throws(() => decodeChanged(AT.lifeLength, 2, () => 5), {
    field: 'SA.proposals[0].transforms[0].attributes[6].value',
    offset: AT.lifeLength + 2,
  })
})

test(`takes ${MAX_PROPOSALS} proposals and ${MAX_TRANSFORMS} transforms, and not one more`, () => {
  const most = sa(MAX_PROPOSALS, 1)
  assert.deepEqual(decode(saPayload, encode(saPayload, most)), most)
  const wide = sa(1, MAX_TRANSFORMS)
  assert.deepEqual(decode(saPayload, encode(saPayload, wide)), wide)
  assert.throws(() => encode(saPayload, sa(1, MAX_TRANSFORMS + 1)), RangeError)
  assert.throws(() => decode(saPayload, proposalsOnWire(MAX_PROPOSALS + 1)), {
    code: 'count',
    field: 'SA.proposals',
  })
})

test('refuses an SA payload without proposals, and a proposal without transforms', () => {
  assert.throws(() => decode(saPayload, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1)), { code: 'short' })
  assert.throws(() => encode(saPayload, sa(0, 1)), RangeError)
  assert.throws(() => encode(saPayload, sa(1, 0)), RangeError)
})

test('keeps attributes nobody knows, GSS identities among them (CVE-2015-4047)', () => {
  const attributes = [
    { form: 'long', type: 16384, value: new Uint8Array(300).fill(0x41) },
    { form: 'short', type: 0x7fff, value: 0xffff },
    { form: 'long', type: 14, value: new Uint8Array(0) },
  ] as const
  assert.deepEqual(decode(attributeList, encode(attributeList, attributes)), attributes)
})

test(`refuses more than ${MAX_ATTRIBUTES} attributes`, () => {
  assert.equal(decode(attributeList, new Uint8Array(4 * MAX_ATTRIBUTES)).length, MAX_ATTRIBUTES)
  assert.throws(() => decode(attributeList, new Uint8Array(4 * (MAX_ATTRIBUTES + 1))), {
    code: 'count',
  })
})

test('refuses a Delete whose SPIs do not fill it exactly, have no octets, or are too many (CVE-2023-38712)', () => {
  const wire = (size: number, count: number, spiOctets: number): Uint8Array => {
    const octets = new Uint8Array(8 + spiOctets)
    octets.set([0, 0, 0, 1, 3, size, count >> 8, count & 0xff])
    return octets
  }
  assert.equal(decode(deletePayload, wire(4, 2, 8)).spis.length, 2)
  assert.deepEqual(decode(deletePayload, wire(4, 0, 0)).spis, [])
  assert.throws(() => decode(deletePayload, wire(4, 2, 7)), { code: 'short', field: 'D.spis[1]' })
  assert.throws(() => decode(deletePayload, wire(4, 1, 8)), { code: 'trailing' })
  assert.throws(() => decode(deletePayload, wire(4, 0, 4)), { code: 'trailing' })
  assert.throws(() => decode(deletePayload, wire(0, 65535, 0)), { code: 'count' })
  assert.throws(() => decode(deletePayload, wire(16, 65535, 64)), { code: 'count' })
  const tooMany = MAX_DELETED_SPIS + 1
  assert.throws(() => decode(deletePayload, wire(4, tooMany, 4 * tooMany)), { code: 'count' })
})

/** @returns how many transforms were read */
function decodeChanged(at: number, width: 1 | 2 | 4, change: (value: number) => number): number {
  const octets = mainMode1.octets.slice()
  const view = new DataView(octets.buffer)
  if (width === 1) view.setUint8(at, change(view.getUint8(at)))
  if (width === 2) view.setUint16(at, change(view.getUint16(at)))
  if (width === 4) view.setUint32(at, change(view.getUint32(at)))
  const payload = decodePayloads(1, octets, HEADER_OCTETS).payloads[0]?.payload
  assert.ok(payload?.type === 'SA')
  return payload.proposals[0]?.transforms.length ?? 0
}

function sa(proposals: number, transforms: number): SaPayload {
  const proposal = (number: number): ProposalPayload => ({
    number,
    protocolId: 3,
    spi: Uint8Array.of(1, 2, 3, 4),
    transforms: Array.from({ length: transforms }, (_, i) => ({
      number: i % 256,
      id: 12,
      attributes: [],
    })),
  })
  const all = Array.from({ length: proposals }, (_, i) => proposal(i))
  return { type: 'SA', doi: 1, situation: 1, proposals: all }
}

function proposalsOnWire(count: number): Uint8Array {
  const one = encode(saPayload, sa(1, 1)).subarray(8)
  const octets = new Uint8Array(8 + count * one.length)
  octets.set([0, 0, 0, 1, 0, 0, 0, 1])
  for (let i = 0; i < count; i++) {
    octets.set(one, 8 + i * one.length)
    octets[8 + i * one.length] = i + 1 < count ? 2 : 0
  }
  return octets
}
