import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHeader, encodeHeader } from '#wire/ike-header'
import { encodeProbe, PROBE_RANDOM_OCTETS, readProbeAnswer } from './version-probe.ts'

const SPI = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const PROBE = encodeProbe(SPI, new Uint8Array(PROBE_RANDOM_OCTETS).fill(0xff))

test('is one message that fits every path, with payloads as long as they say', () => {
  const header = decodeHeader(PROBE)
  assert.deepEqual(
    [header.majorVersion, header.exchangeType, header.flags, header.length],
    [2, 34, 0x08, PROBE.length],
  )
  assert.ok(PROBE.length <= 1280 - 48, `${PROBE.length}`)
  const view = new DataView(PROBE.buffer)
  const types: number[] = []
  let at = 28
  for (let type = header.nextPayload; type !== 0; ) {
    types.push(type)
    type = view.getUint8(at)
    at += view.getUint16(at + 2)
  }
  assert.deepEqual([types, at], [[33, 34, 40], PROBE.length])
})

test('its public value lies between one and the prime', () => {
  const at = 28 + new DataView(PROBE.buffer).getUint16(30) + 8
  assert.equal(PROBE[at], 0x7f)
  const zeros = encodeProbe(SPI, new Uint8Array(PROBE_RANDOM_OCTETS))
  assert.equal(zeros[at], 0x40)
})

test('an answer with a choice, a wish for another group or a cookie is a yes', () => {
  assert.equal(readProbeAnswer(answer(33, [0, 0, 0, 4]), SPI), 'yes')
  assert.equal(readProbeAnswer(notify(17), SPI), 'yes')
  assert.equal(readProbeAnswer(notify(16_390), SPI), 'yes')
})

test('a refusal of the proposal says that nothing is there for us', () => {
  assert.equal(readProbeAnswer(notify(14), SPI), 'not-for-us')
  assert.equal(readProbeAnswer(notify(24), SPI), 'not-for-us')
})

test('a peer without IKEv2 says no, in either version', () => {
  assert.equal(readProbeAnswer(notify(5), SPI), 'no')
  assert.equal(readProbeAnswer(answer(11, [0, 0, 0, 12], { majorVersion: 1 }), SPI), 'no')
})

test('our own message thrown back is no answer', () => {
  assert.equal(readProbeAnswer(PROBE, SPI), undefined)
})

test('what answers nobody, or another, is no answer', () => {
  assert.equal(readProbeAnswer(notify(14), SPI.toReversed()), undefined)
  assert.equal(readProbeAnswer(PROBE.subarray(0, 20), SPI), undefined)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (octets) => {
      const read = readProbeAnswer(octets, SPI)
      assert.ok(read === undefined || octets.length >= 28)
    }),
  )
  fc.assert(
    fc.property(fc.nat(60), fc.uint8Array({ maxLength: 60 }), (type, body) => {
      readProbeAnswer(answer(type, [...body]), SPI)
    }),
  )
})

function notify(type: number): Uint8Array {
  return answer(41, [0, 0, 0, 8, 0, 0, type >> 8, type & 0xff])
}

function answer(
  nextPayload: number,
  body: readonly number[],
  { majorVersion = 2 } = {},
): Uint8Array {
  const header = encodeHeader({
    initiatorSpi: SPI,
    responderSpi: new Uint8Array(8),
    nextPayload,
    majorVersion,
    minorVersion: 0,
    exchangeType: 34,
    flags: 0x20,
    messageId: 0,
    length: 28 + body.length,
  })
  return Uint8Array.of(...header, ...body)
}
