import assert from 'node:assert/strict'
import { test } from 'node:test'
import { espSpi } from '#esp/sa'
import { freshSpi, type SpiSource } from './fresh-spi.ts'

const none = (): boolean => false

test('an SPI is what was drawn, in network order', () => {
  assert.equal(freshSpi('paris', drawing(0x8123_4567), none), 0x8123_4567)
})

test('reserved ones (RFC 4303 §2.1) and those in use are drawn again', () => {
  const spi = freshSpi('paris', drawing(0, 1, 255, 0x1000, 256), (one) => one === 0x1000)
  assert.equal(spi, 256)
})

test('what the data plane makes of it for the tunnel counts, also for that', () => {
  const source = (...values: readonly number[]): SpiSource => ({
    ...drawing(...values),
    spiFor: (tunnel, drawn) => espSpi(drawn - (drawn % 8) + tunnel.length),
  })
  assert.equal(freshSpi('paris', source(0x2001), none), 0x2005)
  const spi = freshSpi('paris', source(0x2001, 0x3001), (one) => one === 0x2005)
  assert.equal(spi, 0x3005)
})

function drawing(...values: readonly number[]): SpiSource {
  const left = [...values]
  const random = (octets: number): Uint8Array => {
    const drawn = new Uint8Array(octets)
    new DataView(drawn.buffer).setUint32(0, left.shift() as number)
    return drawn
  }
  return { crypto: { random } }
}
