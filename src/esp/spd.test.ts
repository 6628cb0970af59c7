import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type IpAddress, ip, ipFamily, ipFromBigInt } from '#bytes/ip'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { IpProtocol } from '#wire/ip-protocol'
import { ipPacket, type PacketSpec } from '../../test/support/ip-packet.ts'
import { FragmentTable } from './fragment-table.ts'
import { PacketFields, readPacketFields } from './packet-fields.ts'
import { compilePair, Match, matchInbound, matchOutbound } from './selector-match.ts'
import { NO_PAIR, Spd } from './spd.ts'

type Upper = Partial<Pick<TrafficSelector, 'protocol' | 'startPort' | 'endPort'>>

const side = (start: string, end: string, upper: Upper = {}): TrafficSelector => ({
  family: ipFamily(ip(start)),
  protocol: 0,
  start: ip(start),
  end: ip(end),
  startPort: 0,
  endPort: 0xffff,
  ...upper,
})
const pair = (local: TrafficSelector, remote: TrafficSelector): SelectorPair => ({ local, remote })

function fieldsOf(spec: PacketSpec): PacketFields {
  const packet = ipPacket(spec)
  const fields = new PacketFields()
  assert.equal(readPacketFields(new DataView(packet.buffer), 0, packet.length, fields), true)
  return fields
}

const lookup = (spd: Spd, spec: PacketSpec, fragments = new FragmentTable()): number =>
  spd.find(fieldsOf(spec), fragments, 0)

const from = ip('10.1.0.5')

test('finds the pair by both addresses', () => {
  const spd = new Spd([
    pair(side('10.1.0.0', '10.1.0.255'), side('10.2.0.0', '10.2.0.255')),
    pair(side('10.1.0.0', '10.1.0.255'), side('10.3.0.0', '10.3.255.255')),
    pair(side('fd00:1::', 'fd00:1::ffff'), side('fd00:2::', 'fd00:2::ffff')),
  ])
  assert.equal(lookup(spd, { source: from, destination: ip('10.2.0.255') }), 0)
  assert.equal(lookup(spd, { source: from, destination: ip('10.3.255.255') }), 1)
  assert.equal(lookup(spd, { source: ip('fd00:1::9'), destination: ip('fd00:2::ffff') }), 2)
})

test('takes nothing just outside a range, or of the wrong source', () => {
  const spd = new Spd([pair(side('10.1.0.0', '10.1.0.255'), side('10.2.0.0', '10.2.0.255'))])
  assert.equal(lookup(spd, { source: from, destination: ip('10.2.1.0') }), NO_PAIR)
  assert.equal(lookup(spd, { source: from, destination: ip('10.1.255.255') }), NO_PAIR)
  assert.equal(lookup(spd, { source: ip('10.1.1.0'), destination: ip('10.2.0.1') }), NO_PAIR)
  assert.equal(lookup(new Spd([]), { source: from, destination: from }), NO_PAIR)
})

test('of several pairs that fit, the first wins', () => {
  const all = side('0.0.0.0', '255.255.255.255')
  const spd = new Spd([pair(all, side('10.2.0.1', '10.2.0.1')), pair(all, all), pair(all, all)])
  assert.equal(lookup(spd, { source: from, destination: ip('10.2.0.1') }), 0)
  assert.equal(lookup(spd, { source: from, destination: ip('255.255.255.255') }), 1)
})

test('looks at protocol and ports', () => {
  const upper = { protocol: IpProtocol.tcp, startPort: 443, endPort: 443 }
  const spd = new Spd([
    pair(
      side('10.1.0.0', '10.1.0.255', { protocol: IpProtocol.tcp }),
      side('10.2.0.0', '10.2.0.255', upper),
    ),
  ])
  const to = { source: from, destination: ip('10.2.0.1'), protocol: IpProtocol.tcp }
  assert.equal(lookup(spd, { ...to, sourcePort: 9, destinationPort: 443 }), 0)
  assert.equal(lookup(spd, { ...to, sourcePort: 443, destinationPort: 444 }), NO_PAIR)
  assert.equal(lookup(spd, { ...to, protocol: IpProtocol.udp, destinationPort: 443 }), NO_PAIR)
})

test('later fragments follow their first where ports decide, and need none where they do not', () => {
  const upper = { protocol: IpProtocol.udp, startPort: 53, endPort: 53 }
  const spd = new Spd([
    pair(side('10.1.0.0', '10.1.0.255'), side('10.2.0.0', '10.2.0.255', upper)),
    pair(side('10.1.0.0', '10.1.0.255'), side('10.3.0.0', '10.3.0.255')),
  ])
  const fragments = new FragmentTable()
  const first = { source: from, destination: ip('10.2.0.1'), moreFragments: true }
  const later = { source: from, destination: ip('10.2.0.1'), fragmentOffset: 4 }
  assert.equal(lookup(spd, later, fragments), NO_PAIR)
  assert.equal(lookup(spd, { ...first, destinationPort: 53 }, fragments), 0)
  assert.equal(lookup(spd, later, fragments), 0)
  assert.equal(lookup(spd, { ...later, identification: 2 }, fragments), NO_PAIR)
  assert.equal(spd.find(fieldsOf(later), fragments, 31_000), NO_PAIR, 'the memory ends')
  assert.equal(lookup(spd, { ...later, destination: ip('10.3.0.1') }, fragments), 1)
})

test('agrees with asking every pair in turn', () => {
  const address = fc.integer({ min: 0, max: 60 })
  const range = fc
    .tuple(address, address)
    .map(([a, b]) => side(small(Math.min(a, b)), small(Math.max(a, b))))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(range, range), { maxLength: 12 }),
      fc.array(fc.tuple(address, address), { maxLength: 30 }),
      (ranges, packets) => {
        const pairs = ranges.map(([local, remote]) => pair(local, remote))
        const spd = new Spd(pairs)
        for (const [source, destination] of packets) {
          const fields = fieldsOf({ source: small(source), destination: small(destination) })
          const expected = pairs.findIndex(
            (each) => matchOutbound(compilePair(each), fields) === Match.yes,
          )
          assert.equal(spd.find(fields, new FragmentTable(), 0), expected)
        }
      },
    ),
  )
})

/** Around the top of the address space, where ranges could wrap. */
function small(value: number): IpAddress {
  return ipFromBigInt(0xffff_ffffn - 60n + BigInt(value), 4)
}

test('inbound selectors are the same seen from the other side', () => {
  const upper = { protocol: IpProtocol.tcp, startPort: 443, endPort: 443 }
  const compiled = compilePair(
    pair(side('10.1.0.0', '10.1.0.255'), side('10.2.0.0', '10.2.0.255', upper)),
  )
  const answer = {
    source: ip('10.2.0.1'),
    destination: from,
    protocol: IpProtocol.tcp,
    sourcePort: 443,
    destinationPort: 9,
  }
  assert.equal(matchInbound(compiled, fieldsOf(answer)), Match.yes)
  assert.equal(matchInbound(compiled, fieldsOf({ ...answer, sourcePort: 444 })), Match.no)
  assert.equal(matchInbound(compiled, fieldsOf({ ...answer, source: from })), Match.no)
})

test('refuses packets that lie about their length, and ports cut off', () => {
  const fields = new PacketFields()
  const read = (packet: Uint8Array, available = packet.length): boolean =>
    readPacketFields(new DataView(packet.buffer), 0, available, fields)
  const packet = ipPacket({ source: from, destination: from, payload: new Uint8Array(0) })
  assert.equal(read(packet), true)
  assert.equal(read(packet, packet.length - 1), false)
  assert.equal(read(packet, 0), false)
  assert.equal(read(Uint8Array.from([0x46, ...packet.subarray(1)])), false)
  assert.equal(read(Uint8Array.from([0x44, ...packet.subarray(1)])), false)
  assert.equal(read(Uint8Array.from([0x55, ...packet.subarray(1)])), false)
})

test('reads any octets without reading past them', () => {
  const fields = new PacketFields()
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 120 }),
      fc.constantFrom(0x45, 0x60, 0x4f),
      (octets, first) => {
        if (octets.length > 0) octets[0] = first
        if (octets.length > 6 && first === 0x60) octets.set([0, octets.length - 40, 44], 4)
        const ok = readPacketFields(new DataView(octets.slice().buffer), 0, octets.length, fields)
        if (ok)
          assert.ok(fields.transportAt <= fields.totalOctets && fields.totalOctets <= octets.length)
      },
    ),
    { numRuns: 2000 },
  )
})
