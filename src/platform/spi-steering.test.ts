import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ip } from '#bytes/ip'
import { allocateArena } from './arena.ts'
import type { DatagramSocket } from './datagram-socket.ts'
import { PollSet } from './poll.ts'
import { prepareDestination } from './socket-address.ts'
import { steerDatagrams } from './spi-steering.ts'
import { openUdpSocket } from './udp-socket.ts'

const OF = 3

for (const address of [ip('127.0.0.1'), ip('::1')]) {
  describe(`sockets that share a port of ${address}`, () => {
    test('each is given the datagrams whose first four octets leave its index', () => {
      withSockets((sender, sockets, arena) => {
        const to = prepareDestination((sockets[0] as DatagramSocket).local)
        for (let spi = 0xffff_ff00; spi < 0xffff_ff10; spi++) {
          arena.view.setUint32(0, spi)
          sender.send(0, 8, to)
          assert.equal(takenBy(sockets), spi % OF)
        }
      })
    })

    test('the first is given IKE messages, and what is too short for an SPI', () => {
      withSockets((sender, sockets, arena) => {
        const to = prepareDestination((sockets[0] as DatagramSocket).local)
        arena.octets.fill(0, 0, 32)
        for (const octets of [32, 4, 3, 1, 0]) {
          sender.send(0, octets, to)
          assert.equal(takenBy(sockets), 0)
        }
      })
    })
  })

  function withSockets(
    work: (
      sender: DatagramSocket,
      sockets: readonly DatagramSocket[],
      arena: ReturnType<typeof allocateArena>,
    ) => void,
  ): void {
    const arena = allocateArena(8192)
    const opened = [openUdpSocket(arena, { address, port: 0 })]
    try {
      let port = 0
      for (let index = 0; index < OF; index++) {
        const socket = openUdpSocket(arena, { address, port }, { sharesPort: true })
        opened.push(socket)
        port = socket.local.port
        if (index === 0) steerDatagrams(socket.fd, OF)
      }
      const [sender, ...sockets] = opened
      work(sender as DatagramSocket, sockets, arena)
    } finally {
      for (const socket of opened) socket.close()
    }
  }
}

/** The index of the one socket that has got something. */
function takenBy(sockets: readonly DatagramSocket[]): number {
  new PollSet(sockets.map(({ fd }) => fd)).wait(5000)
  const taken = sockets.flatMap((socket, index) => (socket.receive(4096, 2000) < 0 ? [] : [index]))
  assert.equal(taken.length, 1)
  return taken[0] as number
}
