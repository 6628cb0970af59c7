// Sends or receives a train of UDP datagrams that the sender hands to its kernel as few long messages (UDP_SEGMENT).
// datagram-train-program.ts send FROM TO COUNT OCTETS | receive AT COUNT OCTETS | mixed FROM TO
import { ip } from '#bytes/ip'
import { allocateArena } from '#platform/arena'
import { PollSet } from '#platform/poll'
import { ReceiveBatch } from '#platform/receive-batch'
import { SendBatch } from '#platform/send-batch'
import { prepareDestination } from '#platform/socket-address'
import { openUdpSocket } from '#platform/udp-socket'

const PORT = 7777
const [role, ...rest] = process.argv.slice(2)
if (role === 'send') send(rest[0] ?? '', rest[1] ?? '', Number(rest[2]), Number(rest[3]))
else if (role === 'mixed') sendMixed(rest[0] ?? '', rest[1] ?? '')
else receive(rest[0] ?? '', Number(rest[1]), Number(rest[2]))

function send(from: string, to: string, count: number, octets: number): void {
  const arena = allocateArena(262_144)
  const socket = openUdpSocket(arena, { address: ip(from), port: 0 })
  const destination = prepareDestination({ address: ip(to), port: PORT })
  const problems: number[] = []
  const batch = new SendBatch(arena, 0, 262_144, {
    onLost: (_, packets, errno) => problems.push(packets, errno),
    onRefusedSegments: (_, errno) => problems.push(errno),
  })
  const path = { socket, destination, segments: true }
  for (let i = 0; i < count; i++) {
    // The last of each message may be shorter.
    const length = i % 40 === 39 ? octets >> 1 : octets
    const at = batch.reserve(length)
    arena.octets.fill(i & 0xff, at, at + length)
    arena.view.setUint32(at, i)
    batch.commit(path, length, 0)
  }
  batch.flush()
  socket.close()
  console.log(JSON.stringify({ problems }))
}

/** One long message to port 4500: three ESP packets of an SPI nobody has, and behind them an IKE message. */
function sendMixed(from: string, to: string): void {
  const arena = allocateArena(65_536)
  const socket = openUdpSocket(arena, { address: ip(from), port: 0 })
  const destination = prepareDestination({ address: ip(to), port: 4500 })
  const path = { socket, destination, segments: true }
  const batch = new SendBatch(arena, 0, 65_536, { onLost: () => {}, onRefusedSegments: () => {} })
  for (const [octets, spi, filler] of [
    [200, 0x1234_5678, 0],
    [200, 0x1234_5678, 0],
    [200, 0x1234_5678, 0],
    [64, 0, 0x11],
  ] as const) {
    const at = batch.reserve(octets)
    arena.octets.fill(filler, at, at + octets)
    arena.view.setUint32(at, spi)
    batch.commit(path, octets, 0)
  }
  batch.flush()
  socket.close()
}

/** Says `ready`, then what came: how many, how many of them whole and of the right length, and whether in order. */
function receive(at: string, count: number, octets: number): void {
  const arena = allocateArena(16 * 65_536)
  const places = Array.from({ length: 16 }, (_, index) => index * 65_536)
  const socket = openUdpSocket(arena, { address: ip(at), port: PORT })
  const batch = new ReceiveBatch(arena, places, 65_536)
  const poll = new PollSet([socket.fd])
  console.log('ready')
  let [received, whole, ordered, last] = [0, 0, true, -1]
  while (received < count && poll.wait(3000) > 0) {
    const messages = batch.receive(socket, 16)
    for (let i = 0; i < messages; i++) {
      batch.select(i)
      received++
      const index = arena.view.getUint32(batch.offset)
      const expected = index % 40 === 39 ? octets >> 1 : octets
      const content = arena.octets.subarray(batch.offset + 4, batch.offset + batch.length)
      if (batch.length === expected && content.every((octet) => octet === (index & 0xff))) whole++
      if (index <= last) ordered = false
      last = index
    }
  }
  socket.close()
  console.log(JSON.stringify({ received, whole, ordered }))
}
