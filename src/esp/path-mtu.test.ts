import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import { foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import { ipPacket, tcpSyn, transportSum } from '../../test/support/ip-packet.ts'
import { clampMss } from './mss.ts'
import { innerMtu, mssFor, outerOctets } from './mtu.ts'
import { PacketFields, readPacketFields } from './packet-fields.ts'
import { Oversize, oversize, writeTooBig } from './too-big.ts'

const GCM16 = { ivOctets: 8, icvOctets: 16, alignment: 4 }
const CBC_SHA256 = { ivOctets: 16, icvOctets: 16, alignment: 16 }
const V4: readonly [IpAddress, IpAddress] = [ip('10.1.0.5'), ip('10.2.0.7')]
const V6: readonly [IpAddress, IpAddress] = [ip('fd00:1::5'), ip('fd00:2::7')]

function fieldsOf(packet: Uint8Array): PacketFields {
  const fields = new PacketFields()
  assert.equal(readPacketFields(new DataView(packet.buffer), 0, packet.length, fields), true)
  return fields
}

test('the inner MTU fills the outer one to the last block', () => {
  assert.equal(innerMtu(1500, 4, 'udp', 'tunnel', GCM16), 1438)
  assert.equal(innerMtu(1500, 4, 'native', 'tunnel', GCM16), 1446)
  assert.equal(innerMtu(1500, 6, 'udp', 'tunnel', GCM16), 1418)
  assert.equal(innerMtu(1500, 6, 'native', 'tunnel', GCM16), 1426)
  assert.equal(innerMtu(1500, 4, 'native', 'tunnel', CBC_SHA256), 1438)
  for (let outer = 1280; outer < 1320; outer++) {
    const inner = innerMtu(outer, 4, 'udp', 'tunnel', CBC_SHA256)
    const packet = (octets: number): number => 28 + 8 + 32 + Math.ceil((octets + 2) / 16) * 16
    assert.ok(packet(inner) <= outer && packet(inner + 1) > outer, `outer ${outer}`)
  }
})

test('in transport mode the IP header counts once', () => {
  const inner = innerMtu(1500, 4, 'native', 'transport', GCM16)
  assert.equal(20 + 8 + 8 + (inner - 20 + 2) + 16, 1500)
})

for (const [source, destination] of [V4, V6]) {
  const options = [1, 2, 4, 0x05, 0xb4, 1, 3, 3, 7]
  test(`lowers the MSS of a SYN and keeps its checksum right: ${source}`, () => {
    for (const mss of [1398, 1000, 536]) {
      const packet = tcpSyn(source, destination, options)
      const view = new DataView(packet.buffer)
      assert.equal(clampMss(view, 0, fieldsOf(packet), mss), true)
      const at = (source === V4[0] ? 20 : 40) + 20 + 3
      assert.equal(view.getUint16(at), mss)
      assert.equal(foldChecksum(transportSum(packet)), 0)
    }
  })

  test(`leaves a small MSS, other segments and broken options alone: ${source}`, () => {
    const unchanged = (packet: Uint8Array, mss = 1398): void => {
      const before = packet.slice()
      assert.equal(clampMss(new DataView(packet.buffer), 0, fieldsOf(packet), mss), false)
      assert.deepEqual(packet, before)
    }
    unchanged(tcpSyn(source, destination, options), 1460)
    unchanged(tcpSyn(source, destination, options, 0x10))
    unchanged(tcpSyn(source, destination, []))
    unchanged(tcpSyn(source, destination, [2, 0, 0, 0]))
    unchanged(tcpSyn(source, destination, [2, 4]))
    unchanged(tcpSyn(source, destination, [2, 3, 0xff, 0xff]))
    unchanged(tcpSyn(source, destination, [0, 2, 4, 0xff, 0xff]))
  })

  test(`tells the sender of a packet that is too big: ${source}`, () => {
    const big = ipPacket({ source, destination, dontFragment: true, payload: new Uint8Array(1400) })
    const octets = new Uint8Array(8192)
    octets.set(big)
    const arena = { octets, view: new DataView(octets.buffer) }
    const length = writeTooBig(arena, 0, fieldsOf(big), 1390, 4096)
    assert.ok(length > 0 && length <= 1280)
    const reply = octets.slice(4096, 4096 + length)
    const fields = fieldsOf(reply)
    assert.equal(fields.totalOctets, length)
    const view = new DataView(reply.buffer)
    const icmp = fields.transportAt
    if (fields.family === 4) {
      assert.deepEqual(
        [fields.protocol, view.getUint16(icmp), view.getUint16(icmp + 6)],
        [1, 0x304, 1390],
      )
      let sum = 0
      for (let i = icmp; i < length; i += 2) sum += view.getUint16(i)
      assert.equal(foldChecksum(sum), 0)
    } else {
      assert.deepEqual(
        [fields.protocol, view.getUint16(icmp), view.getUint32(icmp + 4)],
        [58, 0x200, 1390],
      )
      assert.equal(foldChecksum(transportSum(reply)), 0)
    }
    assert.deepEqual(fields.source, fieldsOf(big).destination)
    assert.deepEqual(fields.destination, fieldsOf(big).source)
    assert.deepEqual(reply.subarray(icmp + 8), big.subarray(0, length - icmp - 8))
  })
}

test('says nothing about errors and later fragments, and never a size below what IPv6 guarantees', () => {
  const octets = new Uint8Array(8192)
  const arena = { octets, view: new DataView(octets.buffer) }
  const reply = (packet: Uint8Array, mtu = 1390): number => {
    octets.set(packet)
    return writeTooBig(arena, 0, fieldsOf(packet), mtu, 4096)
  }
  const [source, destination] = V4
  const icmp = (type: number): Uint8Array =>
    ipPacket({
      source,
      destination,
      protocol: IpProtocol.icmp,
      payload: Uint8Array.of(type, 0, 0, 0),
    })
  assert.equal(reply(icmp(3)), 0)
  assert.ok(reply(icmp(8)) > 0)
  assert.equal(reply(ipPacket({ source, destination, fragmentOffset: 8 })), 0)
  const error6 = { source: V6[0], destination: V6[1], protocol: IpProtocol.icmpv6 }
  assert.equal(reply(ipPacket({ ...error6, payload: Uint8Array.of(2, 0, 0, 0) })), 0)
  reply(ipPacket({ ...error6, payload: Uint8Array.of(128, 0, 0, 0) }), 600)
  assert.equal(arena.view.getUint32(4096 + 44), 1280)
})

test('the segment size leaves room for both headers', () => {
  assert.equal(mssFor(1438, 4), 1398)
  assert.equal(mssFor(1438, 6), 1378)
})

test('what a packet makes outside is the least that takes it', () => {
  for (const family of [4, 6] as const) {
    for (const encapsulation of ['udp', 'native'] as const) {
      for (const mode of ['tunnel', 'transport'] as const) {
        for (const sizes of [GCM16, CBC_SHA256]) {
          const way = [family, encapsulation, mode, sizes] as const
          for (let inner = 1270; inner < 1300; inner++) {
            const outer = outerOctets(inner, ...way)
            assert.ok(innerMtu(outer, ...way) >= inner)
            assert.ok(innerMtu(outer - 1, ...way) < inner)
          }
        }
      }
    }
  }
})

test('a packet that is too long is refused, or cut on this or that side of ESP', () => {
  const fate = (
    mode: 'tunnel' | 'transport',
    octets: number,
    family: 4 | 6,
    dontFragment: boolean,
  ) =>
    oversize(mode, Object.assign(new PacketFields(), { family, totalOctets: octets, dontFragment }))
  assert.equal(fate('tunnel', 1400, 4, true), Oversize.refused)
  assert.equal(fate('transport', 1400, 4, true), Oversize.refused)
  assert.equal(fate('tunnel', 1400, 4, false), Oversize.cutInside)
  assert.equal(fate('transport', 1400, 4, false), Oversize.cutOutside)
  for (const mode of ['tunnel', 'transport'] as const) {
    assert.equal(fate(mode, 1281, 6, true), Oversize.refused)
    assert.equal(fate(mode, 1280, 6, true), Oversize.cutOutside)
  }
})

test('nobody is told of a packet to many', () => {
  for (const [source, destination] of [
    [V4[0], ip('239.1.2.3')],
    [V6[0], ip('ff05::1:3')],
  ] as const) {
    const big = ipPacket({ source, destination, dontFragment: true, payload: new Uint8Array(1400) })
    const octets = new Uint8Array(8192)
    octets.set(big)
    const arena = { octets, view: new DataView(octets.buffer) }
    assert.equal(writeTooBig(arena, 0, fieldsOf(big), 1390, 4096), 0)
  }
})
