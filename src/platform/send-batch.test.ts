import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type IpAddress, ip } from '#bytes/ip'
import { type Arena, allocateArena } from './arena.ts'
import type { DatagramSocket } from './datagram-socket.ts'
import { allocateMemory, program } from './native.ts'
import { PollSet } from './poll.ts'
import { ReceiveBatch } from './receive-batch.ts'
import { type BatchListener, type BatchPath, SendBatch } from './send-batch.ts'
import { type Destination, prepareDestination } from './socket-address.ts'
import { canSegmentDatagrams, enableReceiveOffload } from './socket-options.ts'
import { openUdpSocket } from './udp-socket.ts'

const REGION = 0
const REGION_OCTETS = 262_144
const PLACES = Array.from({ length: 16 }, (_, index) => REGION_OCTETS + index * 65_536)

type Rig = {
  readonly arena: Arena
  readonly source: DatagramSocket
  readonly sink: DatagramSocket
  readonly destination: Destination
  readonly batch: SendBatch<BatchPath>
  readonly lost: number[]
  readonly refused: number[]
}

function withRig(address: IpAddress, work: (rig: Rig) => void): void {
  const arena = allocateArena(REGION_OCTETS + 16 * 65_536)
  const source = openUdpSocket(arena, { address, port: 0 })
  const sink = openUdpSocket(arena, { address, port: 0 })
  try {
    assert.ok(enableReceiveOffload(sink.fd))
    const lost: number[] = []
    const refused: number[] = []
    const listener: BatchListener<BatchPath> = {
      onLost: (_, packets, errno) => lost.push(packets, errno),
      onRefusedSegments: (_, errno) => refused.push(errno),
    }
    const batch = new SendBatch<BatchPath>(arena, REGION, REGION_OCTETS, listener)
    const destination = prepareDestination(sink.local)
    work({ arena, source, sink, destination, batch, lost, refused })
  } finally {
    source.close()
    sink.close()
  }
}

type Packet = { readonly octets: number; readonly tos: number }

function send({ arena, batch }: Rig, path: BatchPath, packets: readonly Packet[]): void {
  packets.forEach(({ octets, tos }, index) => {
    const at = batch.reserve(octets)
    arena.octets.fill(index & 0xff, at, at + octets)
    batch.commit(path, octets, tos)
  })
  batch.flush()
}

/** Everything that arrives, datagram by datagram, and in how many messages it came. */
function receiveAll(
  { arena, sink, source }: Rig,
  expected: number,
): { datagrams: { octets: number; tos: number; first: number }[]; messages: number } {
  const received = new ReceiveBatch(arena, PLACES, 65_536)
  const datagrams: { octets: number; tos: number; first: number }[] = []
  const from = prepareDestination(source.local)
  let messages = 0
  while (datagrams.length < expected) {
    assert.equal(new PollSet([sink.fd]).wait(2000), 1, `${datagrams.length} of ${expected} came`)
    const count = received.receive(sink, 16)
    messages += count
    for (let i = 0; i < count; i++) {
      received.select(i)
      assert.ok(received.isFrom(from))
      assert.deepEqual(received.sender, source.local)
      const end = received.offset + received.length
      for (let at = received.offset; at < end; at += received.segmentOctets) {
        const octets = Math.min(received.segmentOctets, end - at)
        datagrams.push({ octets, tos: received.tos, first: arena.octets[at] ?? -1 })
      }
    }
  }
  return { datagrams, messages }
}

const expectedOf = (packets: readonly Packet[]) =>
  packets.map(({ octets, tos }, index) => ({ octets, tos, first: index & 0xff }))

for (const loopback of [ip('127.0.0.1'), ip('::1')]) {
  test(`${loopback}: whatever is batched arrives datagram by datagram, in order, with its class`, () => {
    const packet = fc.record({
      octets: fc.oneof({ weight: 8, arbitrary: fc.constant(1400) }, fc.constantFrom(1, 700, 1401)),
      tos: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(0xb8)),
    })
    withRig(loopback, (rig) => {
      fc.assert(
        fc.property(
          fc.array(packet, { minLength: 1, maxLength: 150 }),
          fc.boolean(),
          (packets, segments) => {
            const path = { socket: rig.source, destination: rig.destination, segments }
            send(rig, path, packets)
            assert.deepEqual(receiveAll(rig, packets.length).datagrams, expectedOf(packets))
          },
        ),
        { numRuns: 60 },
      )
      assert.deepEqual([rig.lost, rig.refused], [[], []])
    })
  })
}

test('packets of equal length travel as one message, where the kernel can cut it', () => {
  withRig(ip('127.0.0.1'), (rig) => {
    assert.ok(canSegmentDatagrams(rig.source.fd))
    const packets = Array.from({ length: 44 }, () => ({ octets: 1472, tos: 0 }))
    const path = { socket: rig.source, destination: rig.destination, segments: true }
    send(rig, path, packets)
    assert.equal(receiveAll(rig, 44).messages, 1)
    send(rig, { ...path, segments: false }, packets)
    assert.equal(receiveAll(rig, 44).messages, 44)
  })
})

test('where the kernel refuses to cut, the datagrams go one by one, and the path is told of', () => {
  withRig(ip('127.0.0.1'), (rig) => {
    switchOffChecksums(rig.source.fd)
    const packets = Array.from({ length: 10 }, () => ({ octets: 100, tos: 0 }))
    const path = { socket: rig.source, destination: rig.destination, segments: true }
    send(rig, path, packets)
    assert.deepEqual(receiveAll(rig, 10).datagrams, expectedOf(packets))
    assert.equal(rig.refused.length, 1)
    assert.deepEqual(rig.lost, [])
  })
})

test('packets that the kernel does not take are told of, and the others still go', () => {
  withRig(ip('127.0.0.1'), (rig) => {
    const nowhere = { address: ip('127.0.0.1'), port: 0 }
    const lost = {
      socket: rig.source,
      destination: prepareDestination(nowhere),
      segments: true,
    }
    const path = { socket: rig.source, destination: rig.destination, segments: true }
    rig.batch.reserve(10)
    rig.batch.commit(lost, 10, 0)
    send(rig, path, [{ octets: 10, tos: 0 }])
    assert.equal(receiveAll(rig, 1).datagrams.length, 1)
    assert.equal(rig.lost[0], 1)
  })
})

/** Segmentation needs checksums, so that a socket without them refuses it (udp_send_skb: EINVAL). */
function switchOffChecksums(fd: number): void {
  const setsockopt = program.func(
    'int setsockopt(int fd, int level, int option, uint64_t value, unsigned int octets)',
  )
  const value = allocateMemory(8)
  value.words[0] = 1
  assert.equal(setsockopt(fd, 1, 11, value.address, 4), 0)
}
