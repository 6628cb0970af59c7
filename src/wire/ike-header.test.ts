import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyHeader } from '../../test/support/ike-payload-arbitraries.ts'
import { mainMode1 } from '../../test/support/ike-samples.ts'
import { decodeHeader, encodeHeader, HEADER_OCTETS } from './ike-header.ts'

test('reads the figure of RFC 2408 §3.1', () => {
  const header = decodeHeader(mainMode1.octets)
  assert.deepEqual(header, {
    initiatorSpi: Uint8Array.of(0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef),
    responderSpi: new Uint8Array(8),
    nextPayload: 1,
    majorVersion: 1,
    minorVersion: 0,
    exchangeType: 2,
    flags: 0,
    messageId: 0,
    length: 140,
  })
})

test('decodes what it encoded', () => {
  fc.assert(
    fc.property(anyHeader(200), (header) => {
      const octets = encodeHeader(header)
      assert.equal(octets.length, HEADER_OCTETS)
      const datagram = new Uint8Array(200)
      datagram.set(octets)
      assert.deepEqual(decodeHeader(datagram), header)
    }),
  )
})

test('refuses datagrams shorter than the header, with the field that is cut', () => {
  for (let length = 0; length < HEADER_OCTETS; length++) {
    assert.throws(() => decodeHeader(mainMode1.octets.subarray(0, length)), {
      name: 'MalformedMessage',
      code: 'short',
      field: /^header\./,
    })
  }
})

test('refuses a length under 28 or beyond the datagram, and takes a shorter one as said', () => {
  const said = (length: number): Uint8Array => {
    const octets = mainMode1.octets.slice()
    new DataView(octets.buffer).setUint32(24, length)
    return octets
  }
  for (const length of [0, 1, 27, 141, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    assert.throws(() => decodeHeader(said(length)), {
      name: 'MalformedMessage',
      code: 'length',
      field: 'header.length',
      offset: 24,
    })
  }
  for (const length of [28, 139, 140]) assert.equal(decodeHeader(said(length)).length, length)
})

test('gives any version to the caller to judge', () => {
  for (const version of [0x00, 0x0f, 0x20, 0x30, 0xff]) {
    const octets = mainMode1.octets.slice()
    octets[17] = version
    const { majorVersion, minorVersion } = decodeHeader(octets)
    assert.deepEqual([majorVersion, minorVersion], [version >> 4, version & 15])
  }
})

test('refuses to encode a version that does not fit its four bits', () => {
  const header = decodeHeader(mainMode1.octets)
  assert.throws(() => encodeHeader({ ...header, minorVersion: 16 }), RangeError)
  assert.throws(() => encodeHeader({ ...header, majorVersion: 16 }), RangeError)
})
