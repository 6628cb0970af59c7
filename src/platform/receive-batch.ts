import type { Endpoint } from '#bytes/ip'
import type { Arena } from './arena.ts'
import { type DatagramSocket, REPORTED_ERRORS } from './datagram-socket.ts'
import { EAGAIN, EINTR, SystemError } from './errno.ts'
import { CMSG, MMSGHDR, MSG_TRUNC, MSGHDR, recvmmsg, SOL_UDP, UDP_GRO } from './message-header.ts'
import { allocateMemory, lastErrno, writePointer } from './native.ts'
import { SenderCache, sameAddress } from './sender-cache.ts'
import { type Destination, SOCKET_ADDRESS_OCTETS } from './socket-address.ts'
import { IP_TOS, IPV6_TCLASS, SOL_IP, SOL_IPV6 } from './socket-options.ts'

/**
 * Takes many datagrams from a socket with one system call, each message into a place of its own; with receive offload a message is
 * itself many datagrams. What it holds is overwritten by the next `receive`. Nothing is allocated at packet rate.
 */
export class ReceiveBatch {
  /** Of the message selected: where its octets are, and how many; -1 for one that was cut. */
  offset = 0
  length = 0
  /** Of the datagrams in it; the last may be shorter. */
  segmentOctets = 0
  /** TOS or traffic class octet, for ECN (RFC 6040); 0 where the kernel said nothing. */
  tos = 0

  readonly #places: readonly number[]
  readonly #memory
  readonly #senders = new SenderCache()
  #used: number
  #name = 0

  /** @param places offsets in the arena, `capacity` octets each */
  constructor(arena: Arena, places: readonly number[], capacity: number) {
    const count = places.length
    this.#places = places
    this.#used = count
    this.#memory = allocateMemory(count * (MMSGHDR.octets + ROOM_OCTETS))
    const { words, address } = this.#memory
    for (const [index, place] of places.entries()) {
      const header = index * MMSGHDR.octets
      const room = this.#room(index)
      writePointer(words, header + MSGHDR.name, address + room + NAME)
      writePointer(words, header + MSGHDR.iov, address + room + IOVEC)
      writePointer(words, header + MSGHDR.iovLength, 1)
      writePointer(words, header + MSGHDR.control, address + room + CONTROL)
      writePointer(words, room + IOVEC, arena.addressOf(place, capacity))
      words[(room + IOVEC + 8) >> 2] = capacity
    }
  }

  /**
   * Takes at most `most` messages. @returns how many there are to select; 0 when none waits, and after many errors in a row
   */
  receive(socket: DatagramSocket, most: number): number {
    const { words, address } = this.#memory
    for (let i = 0; i < this.#used; i++) {
      const header = i * MMSGHDR.octets
      words[(header + MSGHDR.nameLength) >> 2] = SOCKET_ADDRESS_OCTETS
      words[(header + MSGHDR.controlLength) >> 2] = CONTROL_OCTETS
    }
    this.#used = 0
    const limit = Math.min(most, this.#places.length)
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const messages = recvmmsg(socket.fd, address, limit, 0, 0)
      if (messages >= 0) {
        this.#used = messages
        return messages
      }
      const errno = lastErrno()
      if (errno === EAGAIN) return 0
      // An ICMP error is told here once and stays in the error queue; the datagrams behind it are still to be read.
      if (errno !== EINTR && !REPORTED_ERRORS.has(errno)) {
        throw new SystemError('recvmmsg', errno, 'socket')
      }
    }
    return 0
  }

  /** How many messages one call can bring. */
  get capacity(): number {
    return this.#places.length
  }

  /** Makes the fields of this object those of message `index`. */
  select(index: number): void {
    const { words } = this.#memory
    const header = index * MMSGHDR.octets
    const length = words[(header + MMSGHDR.length) >> 2] as number
    const cut = ((words[(header + MSGHDR.flags) >> 2] as number) & MSG_TRUNC) !== 0
    this.offset = this.#places[index] as number
    this.length = cut ? -1 : length
    this.segmentOctets = length
    this.tos = 0
    const room = this.#room(index)
    this.#name = (room + NAME) >> 2
    this.#readControl(room + CONTROL, words[(header + MSGHDR.controlLength) >> 2] as number)
  }

  /** Who sent the message selected; made when asked for and kept for the next time. */
  get sender(): Endpoint {
    return this.#senders.find(this.#memory.words, this.#name)
  }

  /** Whether the message selected came from there: two to five comparisons, nothing allocated. */
  isFrom(destination: Destination): boolean {
    return sameAddress(this.#memory.words, this.#name, destination.memory.words, 0)
  }

  #readControl(start: number, octets: number): void {
    const { words } = this.#memory
    const end = start + octets
    for (let at = start; at + CMSG.dataAt <= end; ) {
      const length = words[at >> 2] as number
      if (length < CMSG.dataAt) return
      const level = words[(at + CMSG.level) >> 2]
      const type = words[(at + CMSG.type) >> 2]
      const value = words[(at + CMSG.dataAt) >> 2] as number
      if (level === SOL_UDP && type === UDP_GRO) this.segmentOctets = value
      else if (
        (level === SOL_IP && type === IP_TOS) ||
        (level === SOL_IPV6 && type === IPV6_TCLASS)
      )
        this.tos = value & 0xff
      at += (length + 7) & ~7
    }
  }

  /** Where address, iovec and control messages of a message are kept. */
  #room(index: number): number {
    return this.#places.length * MMSGHDR.octets + index * ROOM_OCTETS
  }
}

const ATTEMPTS = 64
const IOVEC = 0
const NAME = 16
const CONTROL = NAME + SOCKET_ADDRESS_OCTETS
const CONTROL_OCTETS = 96
const ROOM_OCTETS = CONTROL + CONTROL_OCTETS
