import type { DatagramSocket } from '#platform/datagram-socket'
import { ReceiveBatch } from '#platform/receive-batch'
import { HEADER_OCTETS } from '#wire/ike-header'
import { IpProtocol } from '#wire/ip-protocol'
import { ipv4HeaderOctets, ipv4Protocol, isIpv4Packet } from '#wire/ipv4'
import { classify, Datagram, NAT_TRAVERSAL_PORT, NON_ESP_MARKER_OCTETS } from './demux.ts'
import type { Events } from './events.ts'
import { MAX_PACKET_OCTETS, type PacketMemory } from './packet-memory.ts'
import type { Receiver } from './receiver.ts'

/** Packets, long or short, taken from one descriptor before the next has its turn. */
export const BURST = 64
/** Octets after which it has its turn too. */
export const BURST_OCTETS = 524_288
/** Of messages that each are many datagrams, so many are taken at once: more would push each other out of the processor's cache. */
const LONG_MESSAGES = 2

/** Takes datagrams from the outer sockets: ESP goes to the receiver, IKE to the main thread. */
export class NetworkReader {
  readonly #memory: PacketMemory
  readonly #events: Events
  readonly #receiver: Receiver
  readonly #received: ReceiveBatch
  /** Whether the last message was many datagrams in one. */
  #long = false
  #now = 0

  constructor(memory: PacketMemory, events: Events, receiver: Receiver) {
    this.#memory = memory
    this.#events = events
    this.#receiver = receiver
    this.#received = new ReceiveBatch(memory.arena, memory.fromNetwork, MAX_PACKET_OCTETS)
  }

  /** What waits in the socket, up to a fair share. */
  drain(socket: DatagramSocket, now: number): void {
    this.#now = now
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
      this.#receiver.flush()
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
    const kind = classify(port, this.#memory.arena.view, at, length)
    if (kind === Datagram.esp) {
      this.#receiver.handle(socket, this.#received, at, length, this.#now)
      return
    }
    if (kind === Datagram.keepalive) return
    const marker = port === NAT_TRAVERSAL_PORT ? NON_ESP_MARKER_OCTETS : 0
    if (kind === Datagram.malformed || length - marker < HEADER_OCTETS) {
      this.#events.countMalformed()
      return
    }
    this.#events.ikeDatagram({
      kind: 'ike-datagram',
      octets: this.#memory.arena.octets.slice(at + marker, at + length),
      local: socket.local,
      remote: this.#received.sender,
    })
  }

  /** On IPv4 a raw socket gives the IP header too, on IPv6 it does not (raw(7), ipv6(7)). */
  #handleRaw(socket: DatagramSocket, at: number, length: number): void {
    const receiver = this.#receiver
    if (socket.family === 6) {
      receiver.handle(socket, this.#received, at, length, this.#now)
      return
    }
    const { view } = this.#memory.arena
    if (!isIpv4Packet(view, at, length) || ipv4Protocol(view, at) !== IpProtocol.esp) {
      this.#events.countMalformed()
      return
    }
    const header = ipv4HeaderOctets(view, at)
    receiver.handle(socket, this.#received, at + header, length - header, this.#now)
  }
}
