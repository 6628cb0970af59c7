import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '#bytes/concat'
import { type Endpoint, ip } from '#bytes/ip'
import { LinkType } from '#wire/capture-file'
import { ikeFrame, udpFrame } from './ike-frame.ts'
import { TrafficReader } from './traffic.ts'
import { isTunnelPacket, peerFilter, wirePackets } from './tunnel-packet.ts'

const end = (address: string, port: number): Endpoint => ({ address: ip(address), port })
const US = end('203.0.113.10', 500)
const PEER = end('198.51.100.7', 500)
const US6 = end('2001:db8::1', 4500)
const PEER6 = end('2001:db8:1::2', 4500)

test('IKE and ESP belong to a tunnel, other UDP and TCP do not', () => {
  assert.equal(isTunnelPacket(ikeFrame(US, PEER, new Uint8Array(28))), true)
  assert.equal(isTunnelPacket(ikeFrame(US6, PEER6, new Uint8Array(28))), true)
  assert.equal(
    isTunnelPacket(udpFrame(end('203.0.113.10', 4500), end('198.51.100.7', 9), new Uint8Array(9))),
    true,
  )
  assert.equal(
    isTunnelPacket(udpFrame(end('203.0.113.10', 53), end('198.51.100.7', 53), new Uint8Array(9))),
    false,
  )
  const withProtocol = (protocol: number) => {
    const packet = ikeFrame(US, PEER, new Uint8Array(28))
    packet[9] = protocol
    return packet
  }
  assert.deepEqual(
    [50, 1, 6].map((protocol) => isTunnelPacket(withProtocol(protocol))),
    [true, true, false],
  )
  assert.equal(isTunnelPacket(new Uint8Array(3)), false)
})

test('later fragments of UDP are kept, as they may be part of IKE', () => {
  const packet = udpFrame(end('203.0.113.10', 53), end('198.51.100.7', 53), new Uint8Array(9))
  packet[7] = 1
  assert.equal(isTunnelPacket(packet), true)
})

for (const [what, from, to] of [
  ['IPv4', end('203.0.113.10', 4500), end('198.51.100.7', 4500)],
  ['IPv6', US6, PEER6],
] as const) {
  test(`takes apart what offloads have merged, over ${what}`, () => {
    const esp = (sequence: number, octets: number) =>
      concat(
        Uint8Array.of(0xc1, 0xf0, 0xa2, 0xb3, 0, 0, 0, sequence),
        new Uint8Array(octets - 8).fill(sequence),
      )
    const merged = udpFrame(from, to, concat(esp(7, 1_400), esp(8, 1_400), esp(9, 600)))
    const packets = wirePackets(merged)
    assert.equal(packets.length, 3)
    const reader = new TrafficReader()
    const seen = packets.map((octets, i) =>
      reader.take({
        number: i + 1,
        at: 0,
        linkType: LinkType.raw,
        octets,
        originalOctets: octets.length,
      }),
    )
    assert.deepEqual(
      seen.map((one) => (one?.kind === 'esp' ? [one.spi, one.sequence, one.octets, one.udp] : one)),
      [
        [0xc1f0a2b3, 7, 1_400, true],
        [0xc1f0a2b3, 8, 1_400, true],
        [0xc1f0a2b3, 9, 600, true],
      ],
    )
  })
}

test('takes small packets apart as well', () => {
  const esp = (sequence: number) =>
    concat(Uint8Array.of(0xc1, 0xf0, 0xa2, 0xb3, 0, 0, 0, sequence), new Uint8Array(80).fill(7))
  assert.equal(wirePackets(udpFrame(US6, PEER6, concat(esp(1), esp(2)))).length, 2)
  assert.equal(wirePackets(udpFrame(US6, PEER6, esp(1))).length, 1)
})

test('leaves one large packet as it is', () => {
  const large = udpFrame(
    end('203.0.113.10', 4500),
    end('198.51.100.7', 4500),
    new Uint8Array(3_000).fill(9),
  )
  assert.deepEqual(wirePackets(large), [large])
  const ike = ikeFrame(end('203.0.113.10', 4500), end('198.51.100.7', 4500), new Uint8Array(3_000))
  assert.deepEqual(wirePackets(ike), [ike])
})

test('the filter lets through what has one end at the peer', () => {
  const four = peerFilter(PEER.address)
  const six = peerFilter(PEER6.address)
  const sent = ikeFrame(US, PEER, new Uint8Array(28))
  const received = ikeFrame(PEER, US, new Uint8Array(28))
  const other = ikeFrame(US, end('198.51.100.8', 500), new Uint8Array(28))
  assert.deepEqual(
    [sent, received, other].map((packet) => passes(four, packet)),
    [true, true, false],
  )
  const sent6 = ikeFrame(US6, PEER6, new Uint8Array(28))
  const received6 = ikeFrame(PEER6, US6, new Uint8Array(28))
  const other6 = ikeFrame(US6, end('2001:db8:1::3', 4500), new Uint8Array(28))
  assert.deepEqual(
    [sent6, received6, other6, sent].map((packet) => passes(six, packet)),
    [true, true, false, false],
  )
  assert.equal(passes(four, sent6), false)
})

/** The five instructions of classic BPF that the filter is made of. */
function passes(filter: ReturnType<typeof peerFilter>, packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  let accumulator = 0
  for (let at = 0; at < filter.length; at++) {
    const [code, jt, jf, k] = filter[at] as readonly [number, number, number, number]
    if (code === 0x20) accumulator = view.getUint32(k)
    if (code === 0x30) accumulator = view.getUint8(k)
    if (code === 0x74) accumulator >>>= k
    if (code === 0x15) at += accumulator === k ? jt : jf
    if (code === 0x06) return k !== 0
  }
  throw new Error('the filter ends without a verdict')
}
