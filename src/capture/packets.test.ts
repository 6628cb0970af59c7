import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '#bytes/concat'
import { type Endpoint, ip } from '#bytes/ip'
import { LinkType } from '#wire/capture-file'
import { ikeFrame } from './ike-frame.ts'
import { PacketReader } from './packets.ts'

const end = (address: string, port = 500): Endpoint => ({ address: ip(address), port })
const MESSAGE = Uint8Array.from({ length: 2_000 }, (_, i) => i % 251)
const FOUR = ikeFrame(end('203.0.113.10'), end('198.51.100.7'), MESSAGE)
const SIX = ikeFrame(end('2001:db8::1'), end('2001:db8:1::2'), MESSAGE)
const zeros = (octets: number) => new Uint8Array(octets)

const FRAMES: readonly (readonly [string, number, Uint8Array])[] = [
  ['Ethernet', LinkType.ethernet, concat(zeros(12), Uint8Array.of(8, 0), FOUR)],
  [
    'Ethernet with two VLAN tags',
    LinkType.ethernet,
    concat(zeros(12), Uint8Array.of(0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd), SIX),
  ],
  ['raw IP', LinkType.raw, SIX],
  ['raw IP as BSD numbers it', LinkType.rawBsd, FOUR],
  ['raw IPv4', LinkType.ipv4, FOUR],
  ['loopback', LinkType.null, concat(Uint8Array.of(2, 0, 0, 0), FOUR)],
  ['Linux cooked', LinkType.linuxCooked, concat(zeros(14), Uint8Array.of(8, 0), FOUR)],
  [
    'Linux cooked, version 2',
    LinkType.linuxCooked2,
    concat(Uint8Array.of(0x86, 0xdd), zeros(18), SIX),
  ],
]

for (const [what, linkType, octets] of FRAMES) {
  test(`finds the IP packet in a frame of ${what}`, () => {
    const found = read(new PacketReader(), octets, linkType)
    assert.equal(found?.protocol, 17)
    assert.deepEqual(found?.octets.subarray(8), MESSAGE)
  })
}

test('finds nothing in ARP, in unknown link types and in what is cut off', () => {
  const reader = new PacketReader()
  assert.equal(
    read(reader, concat(zeros(12), Uint8Array.of(8, 6), zeros(28)), LinkType.ethernet),
    undefined,
  )
  assert.equal(read(reader, FOUR, 147), undefined)
  for (const octets of [0, 1, 13, 14, 20, 33]) {
    assert.equal(read(reader, zeros(octets), LinkType.ethernet), undefined)
    assert.equal(read(reader, FOUR.subarray(0, Math.min(octets, 19)), LinkType.raw), undefined)
  }
})

test('puts IPv4 fragments together in any order, and several packets at once', () => {
  const reader = new PacketReader()
  const first = fragments4(1)
  const second = fragments4(2)
  const order = [first[1], second[0], first[2], second[2], first[0]]
  const results = order.map((octets) => read(reader, octets ?? zeros(0), LinkType.raw))
  assert.deepEqual(results.slice(0, 4), [undefined, undefined, undefined, undefined])
  assert.deepEqual(results[4]?.octets.subarray(8), MESSAGE)
  assert.deepEqual(read(reader, second[1] ?? zeros(0), LinkType.raw)?.octets.subarray(8), MESSAGE)
})

test('puts IPv6 fragments together', () => {
  const payload = SIX.subarray(40)
  const piece = (offset: number, length: number, more: number) => {
    const header = SIX.slice(0, 40)
    header[6] = 44
    new DataView(header.buffer).setUint16(4, 8 + length)
    const extension = Uint8Array.of(17, 0, offset >> 8, (offset & 0xff) | more, 0, 0, 0, 9)
    return concat(header, extension, payload.subarray(offset, offset + length))
  }
  const reader = new PacketReader()
  assert.equal(read(reader, piece(0, 1_200, 1), LinkType.raw), undefined)
  const whole = read(reader, piece(1_200, payload.length - 1_200, 0), LinkType.raw)
  assert.deepEqual(whole?.octets.subarray(8), MESSAGE)
})

test('makes no packet of fragments that overlap or that are too many', () => {
  const reader = new PacketReader()
  const [first = zeros(0), , last = zeros(0)] = fragments4(3)
  const overlapping = fragment4(3, 640, 800, true)
  for (const octets of [first, overlapping, last])
    assert.equal(read(reader, octets, LinkType.raw), undefined)
  for (let i = 0; i < 10_000; i++)
    assert.equal(
      read(reader, fragment4(i % 65_536, 8 * (i % 200), 8, true), LinkType.raw),
      undefined,
    )
})

function read(reader: PacketReader, octets: Uint8Array, linkType: number) {
  return reader.take({ number: 1, at: 0, linkType, octets, originalOctets: octets.length })
}

function fragments4(id: number): readonly Uint8Array[] {
  const octets = FOUR.length - 20
  return [
    fragment4(id, 0, 800, true),
    fragment4(id, 800, 800, true),
    fragment4(id, 1_600, octets - 1_600, false),
  ]
}

function fragment4(id: number, offset: number, length: number, more: boolean): Uint8Array {
  const header = FOUR.slice(0, 20)
  const view = new DataView(header.buffer)
  view.setUint16(2, 20 + length)
  view.setUint16(4, id)
  view.setUint16(6, (more ? 0x2000 : 0) | (offset / 8))
  return concat(header, FOUR.subarray(20 + offset, 20 + offset + length))
}
