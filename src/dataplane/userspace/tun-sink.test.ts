import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { Coalescing } from '#esp/coalescing'
import { PacketFields, readPacketFields } from '#esp/packet-fields'
import type { Tun } from '#platform/tun'
import { ipPacket, transportSum } from '../../../test/support/ip-packet.ts'
import { foldChecksum } from '../../wire/checksum.ts'
import { Events } from './events.ts'
import {
  type FromWorker,
  GLOBAL_COUNTER_FIELDS,
  GlobalCounter,
  TUNNEL_COUNTER_FIELDS,
  TunnelCounter,
} from './messages.ts'
import { PacketMemory } from './packet-memory.ts'
import { offloadSentence, TunSink } from './tun-sink.ts'

const EINVAL = 22

/** A device that answers merged packets, and plain ones, as it is told. */
function rig(merged: number, plain: number) {
  const memory = new PacketMemory()
  const written: Uint8Array[] = []
  const tun = {
    name: 'cw-test',
    write(at: number, octets: number): number {
      const result = memory.arena.view.getUint8(at + 1) === 0 ? plain : merged
      if (result === 0) written.push(memory.arena.octets.slice(at + 10, at + octets))
      return result
    },
  } as unknown as Tun
  const posted: FromWorker[] = []
  const counters = new Float64Array(GLOBAL_COUNTER_FIELDS)
  const tunnel = new Float64Array(TUNNEL_COUNTER_FIELDS)
  const events = new Events((message) => posted.push(message), counters)
  const sink = new TunSink(tun, { tcp: true, udp: true }, memory, events, {
    counters: tunnel,
    field: TunnelCounter.notSent,
  })
  const coalescing = new Coalescing<TunSink>(memory.arena, memory.work, memory.coalesced)
  const deliver = (packets: readonly Uint8Array[]): void => {
    const fields = new PacketFields()
    const [at = 0] = memory.fromNetwork
    for (const packet of packets) {
      memory.arena.octets.set(packet, at)
      assert.ok(readPacketFields(memory.arena.view, at, packet.length, fields))
      coalescing.add(sink, at, fields)
    }
    coalescing.flush()
  }
  return { sink, written, posted, counters, tunnel, deliver }
}

function datagrams(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const payload = new Uint8Array(4 + 100).fill(index)
    payload.set([0, 108, 0, 0]) // UDP length and checksum
    const packet = ipPacket({
      source: ip('10.2.0.2'),
      destination: ip('10.1.0.2'),
      sourcePort: 1,
      destinationPort: 2,
      payload,
      identification: index,
    })
    new DataView(packet.buffer).setUint16(26, foldChecksum(transportSum(packet)))
    return packet
  })
}

test('a kernel that takes merged packets gets one', () => {
  const { written, deliver } = rig(0, 0)
  deliver(datagrams(5))
  assert.deepEqual(
    written.map(({ length }) => length),
    [28 + 500],
  )
})

test('a kernel that refuses merged packets gets them one by one, unchanged, now and from then on', () => {
  const { sink, written, posted, counters, deliver } = rig(-EINVAL, 0)
  deliver(datagrams(5))
  assert.deepEqual(written, datagrams(5))
  assert.deepEqual([sink.takesTcp, sink.takesUdp], [true, false])
  assert.deepEqual(
    posted.map((message) => message.kind),
    ['notice'],
  )
  deliver(datagrams(3))
  assert.deepEqual(written.slice(5), datagrams(3))
  assert.equal(counters[GlobalCounter.notSent], 0)
})

test('what a device that is down refuses is counted packet by packet, for the tunnel too', () => {
  const { written, counters, tunnel, deliver } = rig(-5, -5)
  deliver(datagrams(7))
  assert.deepEqual(written, [])
  assert.equal(counters[GlobalCounter.notSent], 7)
  assert.equal(tunnel[TunnelCounter.notSent], 7)
})

test('says what the kernel agreed to', () => {
  assert.match(offloadSentence('cw0', { tcp: true, udp: true }), /TCP and UDP/)
  assert.match(offloadSentence('cw0', { tcp: true, udp: false }), /Linux 6\.2/)
  assert.match(offloadSentence('cw0', { tcp: false, udp: false }), /no segmentation offload/)
})
