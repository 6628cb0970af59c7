import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addToChecksum, foldChecksum, updateChecksum } from './checksum.ts'

test('sums the example of RFC 1071 §3', () => {
  const view = viewOf(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))
  assert.equal(foldChecksum(addToChecksum(0, view, 0, 8)), ~0xddf2 & 0xffff)
})

test('updates the example of RFC 1624 §4 to zero, not to its complement', () => {
  assert.equal(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000)
})

test('a packet whose checksum stands in it sums to zero', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 99 }), (octets) => {
      const view = viewOf(octets)
      view.setUint16(0, 0)
      view.setUint16(0, checksumOf(view))
      assert.equal(checksumOf(view), 0)
    }),
  )
})

test('pieces of even length add up to the whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 99 }), fc.nat(49), (octets, half) => {
      const cut = Math.min(half * 2, octets.length - (octets.length % 2))
      const view = viewOf(octets)
      const sum = addToChecksum(addToChecksum(0, view, 0, cut), view, cut, octets.length - cut)
      assert.equal(foldChecksum(sum), checksumOf(view))
    }),
  )
})

test('an updated checksum still makes the packet sum to zero (RFC 1624 §3)', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 4, maxLength: 80 }),
      fc.nat(0xffff),
      fc.nat(),
      (octets, after, where) => {
        const view = viewOf(octets)
        view.setUint16(0, 0)
        view.setUint16(0, checksumOf(view))
        const words = Math.floor(octets.length / 2)
        const at = 2 * (1 + (where % (words - 1)))
        const checksum = updateChecksum(view.getUint16(0), view.getUint16(at), after)
        view.setUint16(at, after)
        view.setUint16(0, checksum)
        // All-zero octets are the one packet whose sum has the other zero.
        const isZero = octets.every((octet) => octet === 0)
        assert.equal(checksumOf(view), isZero ? 0xffff : 0)
      },
    ),
  )
})

function checksumOf(view: DataView): number {
  return foldChecksum(addToChecksum(0, view, 0, view.byteLength))
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
}
