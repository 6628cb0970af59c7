import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ip } from '#bytes/ip'
import { allocateArena } from './arena.ts'
import type { DatagramSocket } from './datagram-socket.ts'
import { SystemError } from './errno.ts'
import { PollSet } from './poll.ts'
import { prepareDestination } from './socket-address.ts'
import { socketDrops } from './socket-drops.ts'
import { openUdpSocket } from './udp-socket.ts'

for (const loopback of [ip('127.0.0.1'), ip('::1')]) {
  describe(`UDP socket on ${loopback}`, () => {
    it('carries octets, tells the sender, and says -1 when nothing is there', () => {
      withPair((a, b, arena) => {
        arena.octets.set([1, 2, 3, 4, 5], 0)
        assert.equal(b.receive(4096, 2000), -1)
        assert.equal(a.send(0, 5, prepareDestination(b.local)), 5)
        arrival(b)
        assert.equal(b.receive(4096, 2000), 5)
        assert.deepEqual([...arena.octets.subarray(4096, 4101)], [1, 2, 3, 4, 5])
        assert.deepEqual(b.lastSender, a.local)
        assert.equal(b.lastSender, b.lastSender)
        assert.equal(b.isFrom(prepareDestination(a.local)), true)
        assert.equal(b.isFrom(prepareDestination(b.local)), false)
        assert.equal(b.receive(4096, 2000), -1)
      })
    })

    it('receives an empty datagram as 0 octets', () => {
      withPair((a, b) => {
        assert.equal(a.send(0, 0, prepareDestination(b.local)), 0)
        arrival(b)
        assert.equal(b.receive(0, 2000), 0)
      })
    })

    it('carries the TOS octet of each packet', () => {
      withPair((a, b) => {
        const destination = prepareDestination(b.local)
        for (const tos of [0, 0xb8, 0x03, 0]) {
          a.send(0, 1, destination, tos)
          arrival(b)
          assert.equal(b.receive(0, 2000), 1)
          assert.equal(b.lastTos, tos)
        }
      })
    })

    it('drops and counts what does not fit', () => {
      withPair((a, b) => {
        const destination = prepareDestination(b.local)
        a.send(0, 100, destination)
        a.send(0, 10, destination)
        arrival(b)
        assert.equal(b.receive(0, 50), 10)
        assert.equal(b.truncated, 1)
      })
    })

    it('the kernel counts what met its full buffer', () => {
      withPair((a, b) => {
        const destination = prepareDestination(b.local)
        assert.equal(socketDrops(b.fd), 0)
        let unread = 0
        for (; unread < 100_000 && socketDrops(b.fd) === 0; unread++) a.send(0, 8_000, destination)
        assert.equal(socketDrops(b.fd), 1)
        assert.ok(unread > 1)
      })
    })

    it('reads from the error queue that a port was closed, and still sends the next packet', () => {
      withPair((a, b, arena) => {
        const gone = prepareDestination(b.local)
        b.close()
        arena.octets.set([9, 8, 7], 0)
        assert.equal(a.send(0, 3, gone), 3)
        const set = new PollSet([a.fd])
        set.wait(2000)
        assert.equal(set.failed(0), true)
        assert.equal(a.receive(0, 2000), -1)
        const error = a.receiveError()
        assert.ok(error)
        assert.deepEqual(error.destination, gone.endpoint)
        assert.equal(error.reporter, loopback)
        // Port unreachable: ICMP 3/3 (RFC 792), ICMPv6 1/4 (RFC 4443 §3.1).
        const expected = loopback === '::1' ? ['icmp6', 1, 4] : ['icmp', 3, 3]
        assert.deepEqual([error.origin, error.icmpType, error.icmpCode], expected)
        assert.deepEqual([...error.quoted], [9, 8, 7])
        assert.equal(a.receiveError(), undefined)
        assert.equal(a.send(0, 3, gone), 3)
        set.wait(2000)
        assert.equal(a.send(0, 3, gone), 3)
      })
    })

    it('refuses a port that is taken, with the kernel’s reason', () => {
      withPair((a, _b, arena) => {
        assert.throws(
          () => openUdpSocket(arena, a.local),
          (error) => error instanceof SystemError && error.name === 'EADDRINUSE',
        )
      })
    })

    function withPair(
      body: (a: DatagramSocket, b: DatagramSocket, arena: ReturnType<typeof allocateArena>) => void,
    ): void {
      const arena = allocateArena(65536)
      const a = openUdpSocket(arena, { address: loopback, port: 0 })
      const b = openUdpSocket(arena, { address: loopback, port: 0 })
      try {
        body(a, b, arena)
      } finally {
        a.close()
        b.close()
      }
    }
  })
}

describe('UDP socket', () => {
  it('keeps finding senders when more came than it remembers', () => {
    const arena = allocateArena(4096)
    const sink = openUdpSocket(arena, { address: ip('127.0.0.1'), port: 0 })
    const sources = Array.from({ length: 20 }, () =>
      openUdpSocket(arena, { address: ip('127.0.0.1'), port: 0 }),
    )
    try {
      for (const source of [...sources, ...sources]) {
        source.send(0, 1, prepareDestination(sink.local))
        arrival(sink)
        assert.equal(sink.receive(0, 100), 1)
        assert.deepEqual(sink.lastSender, source.local)
      }
    } finally {
      for (const socket of [sink, ...sources]) socket.close()
    }
  })

  it('names the address that this machine does not have', () => {
    assert.throws(
      () => openUdpSocket(allocateArena(4096), { address: ip('192.0.2.77'), port: 0 }),
      /bind 192\.0\.2\.77:0: no interface of this machine has this address \(EADDRNOTAVAIL\)/,
    )
  })
})

function arrival(socket: DatagramSocket): void {
  assert.equal(new PollSet([socket.fd]).wait(2000), 1)
}
