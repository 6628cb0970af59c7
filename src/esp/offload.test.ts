import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type IpAddress, ip } from '#bytes/ip'
import { foldChecksum } from '#wire/checksum'
import { ipPacket, transportSum } from '../../test/support/ip-packet.ts'
import type { HostSink } from './coalesced-packet.ts'
import { COALESCED_OCTETS, Coalescing } from './coalescing.ts'
import { portableOctetWork } from './octet-work.ts'
import { PacketFields, readPacketFields } from './packet-fields.ts'
import { HostPacket, Segmentation } from './segmentation.ts'

const PLACES = 4
const AT = 256
const octets = new Uint8Array(3 * 70_000 + PLACES * COALESCED_OCTETS)
const arena = { octets, view: new DataView(octets.buffer) }
const work = portableOctetWork(arena)
const places = Array.from({ length: PLACES }, (_, i) => 3 * 70_000 + i * COALESCED_OCTETS)

const FIN = 0x01
const SYN = 0x02
const PSH = 0x08
const ACK = 0x10
const CWR = 0x80

type Segment = {
  readonly family: 4 | 6
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  readonly payload: Uint8Array
  readonly sequence?: number
  readonly flags?: number
  readonly identification?: number
  readonly dontFragment?: boolean
  readonly options?: readonly number[]
  readonly trafficClass?: number
  readonly window?: number
}

const ENDS: Readonly<Record<4 | 6, readonly [IpAddress, IpAddress]>> = {
  4: [ip('10.1.0.2'), ip('10.2.0.2')],
  6: [ip('fd00:1::2'), ip('fd00:2::2')],
}

/** One packet made octet by octet, with nothing of the code under test. */
function packetOf(segment: Segment): Uint8Array {
  const [source, destination] = ENDS[segment.family]
  const options = segment.options ?? []
  const tcp = segment.protocol === 'tcp'
  const header = new Uint8Array(tcp ? 16 + options.length : 4)
  const view = new DataView(header.buffer)
  if (tcp) {
    view.setUint32(0, segment.sequence ?? 0)
    view.setUint32(4, 0x0102_0304)
    view.setUint16(8, ((5 + options.length / 4) << 12) | (segment.flags ?? ACK))
    view.setUint16(10, segment.window ?? 500)
    header.set(options, 16)
  } else {
    view.setUint16(0, 8 + segment.payload.length)
  }
  const packet = ipPacket({
    source,
    destination,
    protocol: tcp ? 6 : 17,
    sourcePort: segment.port,
    destinationPort: 5201,
    payload: new Uint8Array([...header, ...segment.payload]),
    trafficClass: segment.trafficClass ?? 0,
    dontFragment: segment.dontFragment ?? true,
    identification: segment.identification ?? 0,
  })
  const field = (segment.family === 4 ? 20 : 40) + (tcp ? 16 : 6)
  const checksum = foldChecksum(transportSum(packet))
  new DataView(packet.buffer).setUint16(field, checksum === 0 && !tcp ? 0xffff : checksum)
  return packet
}

/** The long packet as the kernel gives it: whole payload, and the pseudo-header's sum where the checksum belongs. */
function longPacket(
  segment: Segment,
  gsoOctets: number,
): { packet: Uint8Array; virtio: Uint8Array } {
  const packet = packetOf(segment)
  const view = new DataView(packet.buffer)
  const start = segment.family === 4 ? 20 : 40
  const tcp = segment.protocol === 'tcp'
  const field = start + (tcp ? 16 : 6)
  view.setUint16(field, 0x5555) // Cutting must not depend on what stands here.
  const virtio = new Uint8Array(10)
  const header = new DataView(virtio.buffer)
  header.setUint8(0, 1)
  header.setUint8(1, tcp ? (segment.family === 4 ? 1 : 4) : 5)
  header.setUint16(4, gsoOctets, true)
  header.setUint16(6, start, true)
  header.setUint16(8, tcp ? 16 : 6, true)
  return { packet, virtio }
}

function cut(packet: Uint8Array, virtio: Uint8Array): Uint8Array[] {
  octets.set(virtio, AT - 10)
  octets.set(packet, AT)
  const segmentation = new Segmentation(arena.view, work)
  assert.equal(segmentation.read(AT - 10, AT, packet.length), HostPacket.segmented)
  return Array.from({ length: segmentation.count }, (_, index) => {
    const length = segmentation.write(index, 70_000)
    assert.ok(length <= segmentation.segmentOctets)
    return octets.slice(70_000, 70_000 + length)
  })
}

/** What cutting must give, said in another way: each segment made by itself. */
function expectedSegments(segment: Segment, gsoOctets: number): Uint8Array[] {
  const result: Uint8Array[] = []
  const { payload, flags = ACK } = segment
  for (let begin = 0; begin < payload.length; begin += gsoOctets) {
    const last = begin + gsoOctets >= payload.length
    const kept = flags & ~(last ? 0 : FIN | PSH) & ~(begin === 0 ? 0 : CWR)
    result.push(
      packetOf({
        ...segment,
        payload: payload.slice(begin, begin + gsoOctets),
        sequence: ((segment.sequence ?? 0) + begin) % 2 ** 32,
        identification: ((segment.identification ?? 0) + result.length) & 0xffff,
        flags: kept,
      }),
    )
  }
  return result
}

const TIMESTAMPS = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]
const longSegment: fc.Arbitrary<Segment> = fc.record({
  family: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  port: fc.integer({ min: 1, max: 65_535 }),
  payload: fc.uint8Array({ minLength: 1, maxLength: 6000, size: 'max' }),
  sequence: fc.oneof(fc.nat(), fc.integer({ min: 2 ** 32 - 5000, max: 2 ** 32 - 1 })),
  flags: fc.constantFrom(ACK, ACK | PSH, ACK | FIN, ACK | CWR, ACK | PSH | FIN | CWR),
  identification: fc.integer({ min: 0xfff0, max: 0xffff }),
  dontFragment: fc.boolean(),
  options: fc.constantFrom([], TIMESTAMPS),
  trafficClass: fc.integer({ min: 0, max: 255 }),
})

test('cuts long packets exactly into those that segmenting one by one gives', () => {
  fc.assert(
    fc.property(longSegment, fc.integer({ min: 8, max: 1460 }), (segment, gsoOctets) => {
      const { packet, virtio } = longPacket(segment, gsoOctets)
      assert.deepEqual(cut(packet, virtio), expectedSegments(segment, gsoOctets))
    }),
    { numRuns: 300 },
  )
})

test('completes the checksum of a whole packet, and turns a UDP checksum of 0 into its other form', () => {
  for (const protocol of ['tcp', 'udp'] as const) {
    for (let value = 0; value < 300; value++) {
      const segment: Segment = { family: 4, protocol, port: 7, payload: Uint8Array.of(value, 1, 9) }
      const whole = packetOf(segment)
      const started = whole.slice()
      const view = new DataView(started.buffer)
      const field = 20 + (protocol === 'tcp' ? 16 : 6)
      view.setUint16(field, 0)
      let pseudo = started.length - 20 + (protocol === 'tcp' ? 6 : 17)
      for (let i = 12; i < 20; i += 2) pseudo += view.getUint16(i)
      view.setUint16(field, (pseudo & 0xffff) + (pseudo >>> 16))
      octets.set(started, AT)
      octets.set([1, 0, 0, 0, 0, 0, 20, 0, field - 20, 0], AT - 10)
      const segmentation = new Segmentation(arena.view, work)
      assert.equal(segmentation.read(AT - 10, AT, started.length), HostPacket.whole)
      assert.deepEqual(octets.slice(AT, AT + whole.length), whole)
    }
  }
})

test('refuses virtio headers that do not fit their packet, whatever stands in them', () => {
  const tcp = packetOf({ family: 4, protocol: 'tcp', port: 1, payload: new Uint8Array(100) })
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      fc.integer({ min: 1, max: tcp.length }),
      (virtio, length) => {
        octets.set(virtio, AT - 10)
        octets.set(tcp, AT)
        const segmentation = new Segmentation(arena.view, work)
        if (segmentation.read(AT - 10, AT, length) !== HostPacket.segmented) return
        const last = segmentation.write(segmentation.count - 1, 70_000)
        assert.ok(last > segmentation.headerOctets && last <= segmentation.segmentOctets)
      },
    ),
    { numRuns: 2000 },
  )
})

class Collected implements HostSink {
  takesTcp = true
  takesUdp = true
  readonly packets: { readonly virtio: Uint8Array; readonly packet: Uint8Array }[] = []

  deliver(at: number, length: number): void {
    this.packets.push({
      virtio: octets.slice(at, at + 10),
      packet: octets.slice(at + 10, at + length),
    })
  }

  /** As the host's applications see it: every packet cut again. */
  get segments(): Uint8Array[] {
    return this.packets.flatMap(({ virtio, packet }) =>
      virtio[1] === 0 ? [packet] : cut(packet, virtio),
    )
  }
}

function coalesce(packets: readonly Uint8Array[], sink: Collected = new Collected()): Collected {
  const coalescing = new Coalescing<Collected>(arena, work, places)
  const fields = new PacketFields()
  for (const packet of packets) {
    octets.set(packet, AT)
    assert.ok(readPacketFields(arena.view, AT, packet.length, fields))
    coalescing.add(sink, AT, fields)
  }
  coalescing.flush()
  return sink
}

test('merges a train of TCP segments into one packet, which cuts into the same train again', () => {
  fc.assert(
    fc.property(longSegment, fc.integer({ min: 8, max: 1460 }), (long, gsoOctets) => {
      const segment = { ...long, flags: (long.flags ?? 0) & ~(FIN | CWR) }
      const train = expectedSegments(segment, gsoOctets)
      const merged = coalesce(train)
      const most = segment.protocol === 'udp' ? 64 : 10_000
      assert.equal(merged.packets.length, Math.ceil(train.length / most))
      assert.deepEqual(merged.segments, train)
    }),
    { numRuns: 300 },
  )
})

const FLOWS = 6
const step = fc.record({
  flow: fc.integer({ min: 0, max: FLOWS - 1 }),
  payload: fc.oneof({ weight: 6, arbitrary: fc.constant(40) }, fc.constantFrom(0, 1, 39, 41)),
  flags: fc.oneof(
    { weight: 8, arbitrary: fc.constant(ACK) },
    fc.constantFrom(ACK | PSH, ACK | FIN, SYN, ACK | CWR, ACK | 0x40),
  ),
  skip: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(7)),
  window: fc.oneof({ weight: 9, arbitrary: fc.constant(500) }, fc.constant(501)),
  trafficClass: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(3)),
  dontFragment: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
  corrupt: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 30 })),
})

test('whatever arrives leaves unchanged and, within each flow, in order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const state = Array.from({ length: FLOWS }, () => ({ sequence: 4_294_967_000, id: 65_530 }))
      const packets = steps.map(({ flow, payload, skip, corrupt, ...rest }) => {
        const of = state[flow]!
        of.sequence = (of.sequence + skip) % 2 ** 32
        of.id = (of.id + 1 + skip) & 0xffff
        const packet = packetOf({
          family: flow % 2 === 0 ? 4 : 6,
          protocol: flow === 5 ? 'udp' : 'tcp',
          port: 1000 + flow,
          payload: new Uint8Array(payload).fill(of.id),
          sequence: of.sequence,
          identification: of.id,
          ...rest,
        })
        of.sequence = (of.sequence + payload) % 2 ** 32
        // In the payload: damage to a port would make it a packet of another flow.
        const within = Math.min(12, payload)
        if (corrupt > 0 && within > 0) packet[packet.length - (corrupt % within) - 1]! ^= 0x10
        return packet
      })
      const arrived = coalesce(packets)
      for (let flow = 0; flow < FLOWS; flow++) {
        assert.deepEqual(ofFlow(arrived.segments, flow), ofFlow(packets, flow))
      }
      assert.equal(arrived.segments.length, packets.length)
    }),
    { numRuns: 500 },
  )
})

function ofFlow(packets: readonly Uint8Array[], flow: number): Uint8Array[] {
  return packets.filter((packet) => {
    const view = new DataView(packet.buffer, packet.byteOffset)
    return view.getUint16(packet[0]! >>> 4 === 4 ? 20 : 40) === 1000 + flow
  })
}

test('merges what the kernel would: not a corrupt packet, nor one without a UDP checksum, nor tunnels’ datagrams', () => {
  const train = (change: (packet: Uint8Array, index: number) => void): number => {
    const packets = expectedSegments(
      { family: 4, protocol: 'udp', port: 9, payload: new Uint8Array(400).fill(7) },
      100,
    )
    packets.forEach(change)
    return coalesce(packets).packets.length
  }
  assert.equal(
    train(() => {}),
    1,
  )
  assert.equal(
    train((packet, index) => {
      if (index === 2) packet[60]! ^= 1
    }),
    3,
  )
  assert.equal(
    train((packet) => packet.set([0, 0], 26)),
    4,
  )
  assert.equal(
    train((packet) => new DataView(packet.buffer).setUint16(22, 4789)),
    4,
  )
})

test('identifications that all are equal merge only where fragments are forbidden', () => {
  const packets = (dontFragment: boolean): Uint8Array[] =>
    [0, 1, 2].map((index) =>
      packetOf({
        family: 4,
        protocol: 'tcp',
        port: 1,
        payload: new Uint8Array(8),
        sequence: index * 8,
        dontFragment,
      }),
    )
  assert.equal(coalesce(packets(true)).packets.length, 1)
  assert.equal(coalesce(packets(false)).packets.length, 3)
})

test('a device that does not take merged packets gets them one by one', () => {
  const sink = new Collected()
  sink.takesUdp = false
  const train = expectedSegments(
    { family: 6, protocol: 'udp', port: 9, payload: new Uint8Array(400) },
    100,
  )
  assert.deepEqual(coalesce(train, sink).segments, train)
  assert.equal(sink.packets.length, 4)
})
