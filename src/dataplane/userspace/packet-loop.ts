import type { EspTransformFactory } from '#esp/transform'
import type { DatagramSocket } from '#platform/datagram-socket'
import { SystemError } from '#platform/errno'
import type { EventFd } from '#platform/eventfd'
import { ReadySet } from '#platform/ready-set'
import { ReceiveBatch } from '#platform/receive-batch'
import { IpProtocol } from '#wire/ip-protocol'
import { ipv4HeaderOctets, ipv4Protocol, isIpv4Packet } from '#wire/ipv4'
import { VIRTIO_HEADER_OCTETS } from '#wire/virtio-net'
import { classify, Datagram, NAT_TRAVERSAL_PORT, NON_ESP_MARKER_OCTETS } from './demux.ts'
import type { Events } from './events.ts'
import { Installation } from './installation.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { MAX_PACKET_OCTETS, type PacketMemory } from './packet-memory.ts'
import type { Tunnel } from './tunnel.ts'

/** Packets, long or short, taken from one descriptor before the next has its turn. */
const BURST = 64
/** Octets after which it has its turn too. */
const BURST_OCTETS = 524_288
/** Of messages that each are many datagrams, so many are taken at once: more would push each other out of the processor's cache. */
const LONG_MESSAGES = 2
/** Milliseconds; also how long a thread that is told to end by `terminate()` may hang in epoll_wait(). */
const TICK = 500
/** RFC 2408 §3.1: nothing shorter is an IKE message. */
const IKE_HEADER_OCTETS = 28

export type LoopParts = {
  readonly memory: PacketMemory
  readonly factory: EspTransformFactory
  readonly events: Events
  readonly wake: EventFd
  readonly takeMessage: () => ToWorker | undefined
  readonly post: (message: FromWorker) => void
  /** Milliseconds of the monotonic clock. */
  readonly clock: () => number
}

/** The one thread of the data plane: waits for any descriptor, moves packets in bursts, and takes orders in between. */
export class PacketLoop {
  readonly #parts: LoopParts
  readonly #installation: Installation
  readonly #ready: ReadySet
  readonly #received: ReceiveBatch
  #sockets: readonly DatagramSocket[] = []
  /** By the same index as their descriptors behind those of the sockets; a device that broke is undefined. */
  #tunnels: (Tunnel | undefined)[] = []
  /** Whether the last message was many datagrams in one. */
  #long = false
  #now = 0
  #tickedAt = 0
  #running = true

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#installation = new Installation(parts.memory, parts.factory, parts.events)
    this.#ready = new ReadySet([parts.wake.fd])
    const { arena, fromNetwork } = parts.memory
    this.#received = new ReceiveBatch(arena, fromNetwork, MAX_PACKET_OCTETS)
  }

  /** Until a `close` message comes. @throws whatever goes wrong beyond repair, with everything undone */
  run(): void {
    try {
      while (this.#running) this.#turn()
    } finally {
      this.#installation.close()
      this.#ready.close()
    }
  }

  #turn(): void {
    const ready = this.#ready.wait(TICK)
    this.#now = this.#parts.clock()
    if (this.#now - this.#tickedAt >= 1000) {
      this.#tickedAt = this.#now
      this.#installation.tick(this.#now)
    }
    for (let place = 0; place < ready; place++) {
      if (this.#ready.index(place) !== 0) continue
      this.#parts.wake.clear()
      // Orders may change the set of descriptors, so that these answers mean nothing any more.
      if (this.#takeOrders()) return
    }
    const sockets = this.#sockets.length
    for (let place = 0; place < ready; place++) {
      const index = this.#ready.index(place) - 1
      if (index >= sockets) this.#drainTunnel(index - sockets)
      else if (index >= 0) this.#handleSocket(this.#sockets[index] as DatagramSocket, place)
    }
  }

  #handleSocket(socket: DatagramSocket, place: number): void {
    if (this.#ready.failed(place)) this.#installation.readErrors(socket)
    if (this.#ready.readable(place)) this.#drainSocket(socket)
  }

  #drainTunnel(index: number): void {
    const tunnel = this.#tunnels[index]
    if (tunnel === undefined) return
    const { sender } = this.#installation
    const { fromHost } = this.#parts.memory
    const header = fromHost - VIRTIO_HEADER_OCTETS
    try {
      let octets = 0
      for (let i = 0; i < BURST && octets < BURST_OCTETS; i++) {
        const length = tunnel.tun.read(header, VIRTIO_HEADER_OCTETS + MAX_PACKET_OCTETS)
        if (length < 0) break
        octets += length
        sender.handle(tunnel, header, length, this.#now)
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      // Somebody removed the device; the other tunnels go on.
      this.#tunnels[index] = undefined
      this.#watch()
      this.#parts.events.emit({
        kind: 'failed',
        message: `tunnel ${tunnel.settings.name}: ${error.message}`,
      })
    }
    sender.sendAll()
  }

  #drainSocket(socket: DatagramSocket): void {
    const received = this.#received
    const { port } = socket.local
    let octets = 0
    for (let taken = 0; taken < BURST && octets < BURST_OCTETS; ) {
      const most = this.#long ? LONG_MESSAGES : received.capacity
      const messages = received.receive(socket, most)
      for (let i = 0; i < messages; i++) {
        received.select(i)
        if (received.length < 0) continue
        octets += received.length
        this.#long = received.length > received.segmentOctets
        if (port === 0) this.#handleRaw(socket, received.offset, received.length)
        else this.#handleMessage(socket, port)
      }
      this.#installation.receiver.flush()
      if (messages < most) return
      taken += messages
    }
  }

  /** One datagram or several: each is looked at by itself, because the kernel joins whatever has the same ports and length. */
  #handleMessage(socket: DatagramSocket, port: number): void {
    const { offset, length, segmentOctets } = this.#received
    const end = offset + length
    let at = offset
    do {
      const octets = Math.min(segmentOctets, end - at)
      this.#handleUdp(socket, port, at, octets)
      at += segmentOctets
    } while (at < end && segmentOctets > 0)
  }

  #handleUdp(socket: DatagramSocket, port: number, at: number, length: number): void {
    const kind = classify(port, this.#parts.memory.arena.view, at, length)
    if (kind === Datagram.esp) {
      this.#installation.receiver.handle(socket, this.#received, at, length, this.#now)
      return
    }
    if (kind === Datagram.keepalive) return
    const marker = port === NAT_TRAVERSAL_PORT ? NON_ESP_MARKER_OCTETS : 0
    if (kind === Datagram.malformed || length - marker < IKE_HEADER_OCTETS) {
      this.#parts.events.countMalformed()
      return
    }
    this.#parts.events.ikeDatagram({
      kind: 'ike-datagram',
      octets: this.#parts.memory.arena.octets.slice(at + marker, at + length),
      local: socket.local,
      remote: this.#received.sender,
    })
  }

  /** On IPv4 a raw socket gives the IP header too, on IPv6 it does not (raw(7), ipv6(7)). */
  #handleRaw(socket: DatagramSocket, at: number, length: number): void {
    const { receiver } = this.#installation
    if (socket.family === 6) {
      receiver.handle(socket, this.#received, at, length, this.#now)
      return
    }
    const { view } = this.#parts.memory.arena
    if (!isIpv4Packet(view, at, length) || ipv4Protocol(view, at) !== IpProtocol.esp) {
      this.#parts.events.countMalformed()
      return
    }
    const header = ipv4HeaderOctets(view, at)
    receiver.handle(socket, this.#received, at + header, length - header, this.#now)
  }

  /** @returns whether there were any */
  #takeOrders(): boolean {
    let any = false
    for (let order = this.#parts.takeMessage(); order; order = this.#parts.takeMessage()) {
      any = true
      try {
        this.#obey(order)
      } catch (error) {
        this.#parts.events.emit({ kind: 'failed', message: `${order.kind}: ${messageOf(error)}` })
      }
      if (!this.#running) return true
    }
    return any
  }

  #obey(order: ToWorker): void {
    const installation = this.#installation
    switch (order.kind) {
      case 'configure':
        this.#configure(order)
        return
      case 'install-sa':
        installation.installSa(order.sa, order.counters, this.#now)
        return
      case 'remove-sa':
        installation.removeSa(order.direction, order.child, order.spi)
        return
      case 'move-sas':
        installation.moveSas(order.tunnel, order.local, order.remote)
        return
      case 'send-ike':
        installation.sendIke(order.octets, order.local, order.remote, order.whole)
        return
      case 'probe-path':
        installation.probePath(order.tunnel, order.id, order.octets, this.#now)
        return
      case 'limit-path':
        installation.limitPath(order.tunnel, order.octets)
        return
      case 'nat-keepalive':
        installation.sendNatKeepalive(order.local, order.remote)
        return
      case 'close':
        this.#running = false
    }
  }

  #configure({ id, settings, tunnelCounters }: ToWorker & { kind: 'configure' }): void {
    try {
      this.#installation.configure(settings, tunnelCounters)
      this.#parts.post({ kind: 'configured', id })
    } catch (error) {
      this.#parts.post({ kind: 'not-configured', id, message: messageOf(error) })
    }
    this.#sockets = this.#installation.sockets.all
    this.#tunnels = [...this.#installation.tunnels]
    this.#watch()
  }

  #watch(): void {
    this.#ready.replace([
      this.#parts.wake.fd,
      ...this.#sockets.map(({ fd }) => fd),
      ...this.#tunnels.map((tunnel) => tunnel?.tun.fd ?? -1),
    ])
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
