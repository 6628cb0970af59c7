// Two ends that say much to each other, over TCP and UDP, by many addresses at once.
// `conversation-program.ts answer ADDRESS...` says `ready`, and from then on sends back all that it gets.
// `conversation-program.ts ask FROM TO ...`, one pair of addresses after the other, prints one line of JSON, a list of `Answered`.
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { ip, ipFamily } from '#bytes/ip'
import { allocateArena } from '#platform/arena'
import { PollSet } from '#platform/poll'
import { ReceiveBatch } from '#platform/receive-batch'
import { SendBatch } from '#platform/send-batch'
import { prepareDestination } from '#platform/socket-address'
import { openUdpSocket } from '#platform/udp-socket'

export type Answered = {
  readonly to: string
  /** Whether all octets came back as they were sent. */
  readonly tcp: boolean
  /** How many came back, each as it was sent. */
  readonly datagrams: number
}

const PORT = 5001
const TCP_OCTETS = 200_000
/** Of lengths that differ, so that odd ones are among them, but for those that the kernel is to take as one. */
const DATAGRAMS = 40
const DATAGRAM_OCTETS = 1_000

const [role, ...addresses] = process.argv.slice(2)
if (role === 'answer') answer(addresses)
else await ask(addresses)

function answer(here: readonly string[]): void {
  let listening = 2 * here.length
  const ready = () => {
    listening--
    if (listening === 0) process.stdout.write('ready\n')
  }
  for (const address of here) {
    createServer((socket) => socket.pipe(socket)).listen(PORT, address, ready)
    const datagrams = createSocket(`udp${ipFamily(ip(address))}`)
    datagrams.on('message', (octets, { port, address: to }) => datagrams.send(octets, port, to))
    datagrams.bind(PORT, address, ready)
  }
}

async function ask(pairs: readonly string[]): Promise<void> {
  const answered: Answered[] = []
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const [from = '', to = ''] = pairs.slice(i, i + 2)
    answered.push({ to, tcp: await askTcp(from, to), datagrams: askUdp(from, to) })
  }
  process.stdout.write(`${JSON.stringify(answered)}\n`)
}

function askTcp(from: string, to: string): Promise<boolean> {
  const sent = randomBytes(TCP_OCTETS)
  return new Promise((resolve) => {
    const came: Buffer[] = []
    const socket = connect({ port: PORT, host: to, localAddress: from }, () => socket.end(sent))
    socket.on('data', (octets: Buffer) => came.push(octets))
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(Buffer.concat(came).equals(sent)))
  })
}

/** Handed to the kernel as long messages (UDP_SEGMENT); each tells by its octets which it is. */
function askUdp(from: string, to: string): number {
  const arena = allocateArena(16 * 65_536)
  const socket = openUdpSocket(arena, { address: ip(from), port: 0 })
  const path = {
    socket,
    destination: prepareDestination({ address: ip(to), port: PORT }),
    segments: true,
  }
  const batch = new SendBatch(arena, 0, 4 * 65_536, {
    onLost: () => {},
    onRefusedSegments: () => {},
  })
  for (let i = 0; i < DATAGRAMS; i++) {
    const octets = lengthOf(i)
    const at = batch.reserve(octets)
    arena.octets.fill(i, at, at + octets)
    batch.commit(path, octets, 0)
  }
  batch.flush()
  const places = Array.from({ length: 8 }, (_, index) => (8 + index) * 65_536)
  const came = new ReceiveBatch(arena, places, 65_536)
  const poll = new PollSet([socket.fd])
  const whole = new Set<number>()
  while (whole.size < DATAGRAMS && poll.wait(5_000) > 0) {
    const messages = came.receive(socket, 8)
    for (let i = 0; i < messages; i++) {
      came.select(i)
      for (let at = 0; at < came.length; at += came.segmentOctets || came.length) {
        const end = Math.min(came.length, at + (came.segmentOctets || came.length))
        const octets = arena.octets.subarray(came.offset + at, came.offset + end)
        const [index = 0] = octets
        const isWhole = octets.length === lengthOf(index) && octets.every((one) => one === index)
        if (isWhole) whole.add(index)
      }
    }
  }
  socket.close()
  return whole.size
}

/** Runs of equal ones, and a shorter one behind each, are what the kernel takes as one. */
function lengthOf(index: number): number {
  return index % 8 === 7 ? 99 + index : DATAGRAM_OCTETS - (index >> 3)
}
