import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip } from '#bytes/ip'
import { addToChecksum, foldChecksum } from '#wire/checksum'
import { ipv4Fragment, sealIpv4Header } from '#wire/ipv4'
import { ipPacket } from '../../test/support/ip-packet.ts'
import { writeIpv4Fragment } from './fragment-ipv4.ts'
import { PacketFields, readPacketFields } from './packet-fields.ts'

const octets = new Uint8Array(16_384)
const view = new DataView(octets.buffer)
const TO = 8192

/** All fragments of the packet, in order. */
function fragmentsOf(packet: Uint8Array, mtu: number): Uint8Array[] {
  octets.set(packet)
  const fields = new PacketFields()
  assert.equal(readPacketFields(view, 0, packet.length, fields), true)
  const fragments: Uint8Array[] = []
  for (let index = 0; ; index++) {
    const length = writeIpv4Fragment({ octets, view }, 0, fields, mtu, index, TO)
    if (length === 0) return fragments
    fragments.push(octets.slice(TO, TO + length))
  }
}

test('fragments are small enough, have right headers, and make up the packet again', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 28, max: 1500 }),
      fc.integer({ min: 0, max: 3000 }),
      fc.boolean(),
      (mtu, length, inner) => {
        const payload = Uint8Array.from({ length }, (_, i) => i * 31)
        const packet = ipPacket({
          source: ip('10.1.0.5'),
          destination: ip('10.2.0.7'),
          payload,
          ...(inner ? { fragmentOffset: 100, moreFragments: true } : {}),
        })
        const body = new Uint8Array(packet.length - 20)
        const fragments = fragmentsOf(packet, mtu)
        for (const [index, fragment] of fragments.entries()) {
          const header = new DataView(fragment.buffer)
          assert.ok(fragment.length <= mtu)
          assert.equal(header.getUint16(2), fragment.length)
          assert.equal(header.getUint16(4), 1)
          assert.equal(foldChecksum(addToChecksum(0, header, 0, 20)), 0)
          const word = ipv4Fragment(header, 0)
          const last = index === fragments.length - 1
          assert.equal((word & 0x2000) !== 0, !last || inner)
          body.set(fragment.subarray(20), ((word & 0x1fff) - (inner ? 100 : 0)) * 8)
        }
        assert.deepEqual(body, packet.subarray(20))
      },
    ),
  )
})

test('an MTU without room for eight octets gives nothing', () => {
  const packet = ipPacket({ source: ip('10.1.0.5'), destination: ip('10.2.0.7') })
  assert.deepEqual(fragmentsOf(packet, 27), [])
})

/** `packet`, which has none, with these options. */
function withOptions(packet: Uint8Array, options: readonly number[]): Uint8Array {
  const longer = new Uint8Array([...packet.subarray(0, 20), ...options, ...packet.subarray(20)])
  const header = new DataView(longer.buffer)
  header.setUint8(0, 0x40 | ((20 + options.length) / 4))
  header.setUint16(2, longer.length)
  sealIpv4Header(header, 0)
  return longer
}

test('every fragment has the options that are to be copied, the first one the others too (RFC 791 §3.1)', () => {
  const payload = Uint8Array.from({ length: 1000 }, (_, i) => i)
  const plain = ipPacket({ source: ip('10.1.0.5'), destination: ip('10.2.0.7'), payload })
  const recordRoute = [7, 7, 4, 0, 0, 0, 0]
  const routerAlert = [0x94, 4, 0, 0]
  const nothing = [1, 1, 1, 1, 1, 1, 1]
  const packet = withOptions(plain, [...recordRoute, ...routerAlert, 0])
  const fragments = fragmentsOf(packet, 400)
  const headers = fragments.map((fragment) => [...fragment.subarray(20, 32)])
  assert.deepEqual(headers, [
    [...recordRoute, ...routerAlert, 0],
    [...nothing, ...routerAlert, 0],
    [...nothing, ...routerAlert, 0],
  ])
  for (const fragment of fragments) {
    const header = new DataView(fragment.buffer)
    assert.equal(foldChecksum(addToChecksum(0, header, 0, 32)), 0)
    assert.equal(header.getUint16(2), fragment.length)
  }
  assert.deepEqual(
    Buffer.concat(fragments.map((one) => one.subarray(32))),
    Buffer.from(plain.subarray(20)),
  )
})

test('options that make no sense go with the first fragment, and nothing is read behind the header', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (options) => {
      const payload = new Uint8Array(600).fill(0xee)
      const plain = ipPacket({ source: ip('10.1.0.5'), destination: ip('10.2.0.7'), payload })
      const fragments = fragmentsOf(withOptions(plain, [...options]), 400)
      assert.deepEqual(fragments[0]?.subarray(20, 24), options)
      const body = Buffer.concat(fragments.map((one) => one.subarray(24)))
      assert.deepEqual(body, Buffer.from(plain.subarray(20)))
    }),
  )
})
