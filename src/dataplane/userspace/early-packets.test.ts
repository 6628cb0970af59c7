import assert from 'node:assert/strict'
import { test } from 'node:test'
import { espSpi } from '#esp/sa'
import { EarlyPackets } from './early-packets.ts'

const SPI = espSpi(0x1234)
const OTHER = espSpi(0x5678)

test('gives packets back in order when their SA is there, and those of others not', () => {
  const early = new EarlyPackets()
  early.hold(SPI, Uint8Array.of(1), 0, 0)
  early.hold(OTHER, Uint8Array.of(9), 0, 1)
  early.hold(SPI, Uint8Array.of(2), 3, 2)
  assert.deepEqual(
    early.take(SPI, 10).map(({ octets, trafficClass }) => [...octets, trafficClass]),
    [
      [1, 0],
      [2, 3],
    ],
  )
  assert.deepEqual(early.take(SPI, 10), [])
  assert.equal(early.take(OTHER, 10).length, 1)
})

test('an SPI that stays unknown is said to be so, after the time an SA may take', () => {
  const early = new EarlyPackets()
  assert.equal(early.hold(SPI, Uint8Array.of(1), 0, 0), 'early')
  assert.equal(early.hold(SPI, Uint8Array.of(1), 0, 1_999), 'early')
  assert.equal(early.hold(SPI, Uint8Array.of(1), 0, 2_000), 'unknown')
})

test('keeps copies, few of them, none that are large, and none for long', () => {
  const early = new EarlyPackets()
  const octets = Uint8Array.of(1)
  early.hold(SPI, octets, 0, 0)
  octets[0] = 7
  early.hold(SPI, new Uint8Array(4_000), 0, 0)
  for (let i = 0; i < 1_000; i++) early.hold(OTHER, octets, 0, 0)
  assert.deepEqual(
    early.take(SPI, 1).map((packet) => [...packet.octets]),
    [[1]],
  )
  assert.equal(early.take(OTHER, 1).length, 255)
  early.hold(SPI, octets, 0, 10)
  assert.deepEqual(early.take(SPI, 5_000), [])
})

test('any number of forged SPIs costs a bounded memory', () => {
  const early = new EarlyPackets()
  for (let spi = 256; spi < 10_256; spi++) early.hold(espSpi(spi), new Uint8Array(100), 0, spi)
  assert.ok(early.take(espSpi(10_255), 10_256).length <= 1)
})
