import type { Arena } from './arena.ts'
import { type DatagramSocket, REPORTED_ERRORS } from './datagram-socket.ts'
import { EINTR, EINVAL, EIO, EMSGSIZE } from './errno.ts'
import { CMSG, MMSGHDR, MSGHDR, SOL_UDP, sendmmsg, UDP_SEGMENT } from './message-header.ts'
import { allocateMemory, lastErrno, writePointer } from './native.ts'
import type { Destination } from './socket-address.ts'
import { IP_TOS, IPV6_TCLASS, SOL_IP, SOL_IPV6 } from './socket-options.ts'

/** A way for packets of a batch. */
export type BatchPath = {
  readonly socket: DatagramSocket
  readonly destination: Destination
  /** Whether many datagrams may leave as one message that the kernel cuts. */
  readonly segments: boolean
}

/** What is told of packets that did not leave. */
export type BatchListener<Path extends BatchPath> = {
  /** So many packets were lost. @param errno EMSGSIZE: the path is narrower than was thought */
  readonly onLost: (path: Path, packets: number, errno: number) => void
  /** The kernel refused to cut a message for this path; its datagrams went one by one. */
  readonly onRefusedSegments: (path: Path, errno: number) => void
}

/**
 * Packets on their way out, one behind the other in a region of the arena. Those of equal length that follow each other on one path
 * become one message with UDP_SEGMENT, which costs the kernel little more than a single packet; all messages leave with one system
 * call. The caller writes a packet where `reserve` says and then calls `commit`.
 */
export class SendBatch<Path extends BatchPath> {
  readonly #arena: Arena
  readonly #start: number
  readonly #end: number
  readonly #listener: BatchListener<Path>
  readonly #memory = allocateMemory(MESSAGES * (MMSGHDR.octets + ROOM_OCTETS))
  readonly #messages: Message<Path>[]
  readonly #headerAt: readonly number[]
  readonly #tosAt: readonly number[]
  readonly #segmentAt: readonly number[]
  #count = 0
  #tail: number

  /** @param octets of the region at `start`; more than the longest packet */
  constructor(arena: Arena, start: number, octets: number, listener: BatchListener<Path>) {
    this.#arena = arena
    this.#start = start
    this.#end = start + octets
    this.#tail = start
    this.#listener = listener
    const { address } = this.#memory
    const rooms = Array.from({ length: MESSAGES }, (_, index) => roomOf(index))
    this.#messages = rooms.map(() => new Message())
    this.#headerAt = rooms.map((_, index) => address + index * MMSGHDR.octets)
    this.#tosAt = rooms.map((room) => address + room + TOS)
    this.#segmentAt = rooms.map((room) => address + room + SEGMENT)
    for (const [index, room] of rooms.entries()) this.#layOut(index, room)
  }

  /** Where the next packet is to be written; what waits is sent first when there is not so much room left. */
  reserve(octets: number): number {
    if (this.#tail + octets > this.#end || this.#count === MESSAGES) this.flush()
    return this.#tail
  }

  /** The packet now stands where `reserve` said. @param tos TOS or traffic class octet of its outer header */
  commit(path: Path, length: number, tos: number): void {
    const at = this.#tail
    this.#tail += length
    if (this.#count > 0) {
      const last = this.#messages[this.#count - 1] as Message<Path>
      if (last.path === path && last.tos === tos && last.append(length)) return
    }
    const message = this.#messages[this.#count] as Message<Path>
    message.begin(path, at, length, tos)
    this.#count++
  }

  flush(): void {
    let from = 0
    while (from < this.#count) {
      const { path } = this.#messages[from] as Message<Path>
      let to = from
      while (to < this.#count && this.#messages[to]?.path?.socket === path?.socket) {
        this.#fill(to)
        to++
      }
      if (path !== undefined) this.#send(path.socket, from, to)
      from = to
    }
    this.#count = 0
    this.#tail = this.#start
  }

  #send(socket: DatagramSocket, from: number, to: number): void {
    let next = from
    let repeated = false
    while (next < to) {
      const sent = sendmmsg(socket.fd, this.#headerAt[next] as number, to - next, 0)
      if (sent > 0) {
        next += sent
        repeated = false
        continue
      }
      const errno = lastErrno()
      // That may have been the error of an earlier packet, which the kernel tells once: this one was not sent yet.
      if (!repeated && (errno === EINTR || REPORTED_ERRORS.has(errno))) {
        repeated = true
        continue
      }
      this.#recover(next, errno)
      repeated = false
      next++
    }
  }

  /** Message `index` was refused. */
  #recover(index: number, errno: number): void {
    const message = this.#messages[index] as Message<Path>
    const { path, count } = message
    if (path === undefined) return
    if (count === 1 || !REFUSALS.has(errno)) {
      this.#listener.onLost(path, count, errno)
      return
    }
    let lost = 0
    let lastError = 0
    for (let i = 0; i < count; i++) {
      const offset = i * message.segmentOctets
      const length = Math.min(message.segmentOctets, message.length - offset)
      const result = path.socket.send(message.at + offset, length, path.destination, message.tos)
      if (result >= 0) continue
      lost++
      lastError = -result
    }
    if (lost < count) this.#listener.onRefusedSegments(path, errno)
    if (lost > 0) this.#listener.onLost(path, lost, lastError)
  }

  #layOut(index: number, room: number): void {
    const { words, address } = this.#memory
    const header = index * MMSGHDR.octets
    writePointer(words, header + MSGHDR.iov, address + room + IOVEC)
    writePointer(words, header + MSGHDR.iovLength, 1)
    writePointer(words, room + TOS, CMSG.dataAt + 4)
    writePointer(words, room + SEGMENT, CMSG.dataAt + 2)
    words[(room + SEGMENT + CMSG.level) >> 2] = SOL_UDP
    words[(room + SEGMENT + CMSG.type) >> 2] = UDP_SEGMENT
  }

  /** Writes message `index` into its header. */
  #fill(index: number): void {
    const { path, at, length, tos, count, segmentOctets } = this.#messages[index] as Message<Path>
    if (path === undefined) return
    const { words } = this.#memory
    const header = index * MMSGHDR.octets
    const room = roomOf(index)
    writePointer(words, header + MSGHDR.name, path.destination.memory.address)
    words[(header + MSGHDR.nameLength) >> 2] = path.destination.octets
    writePointer(words, room + IOVEC, this.#arena.addressOf(at, length))
    words[(room + IOVEC + 8) >> 2] = length
    const marked = tos !== 0
    const segmented = count > 1
    if (marked) {
      const ipv4 = path.socket.family === 4
      words[(room + TOS + CMSG.level) >> 2] = ipv4 ? SOL_IP : SOL_IPV6
      words[(room + TOS + CMSG.type) >> 2] = ipv4 ? IP_TOS : IPV6_TCLASS
      words[(room + TOS + CMSG.dataAt) >> 2] = tos
    }
    if (segmented) words[(room + SEGMENT + CMSG.dataAt) >> 2] = segmentOctets
    const control = marked ? this.#tosAt[index] : this.#segmentAt[index]
    writePointer(words, header + MSGHDR.control, control as number)
    words[(header + MSGHDR.controlLength) >> 2] =
      (marked ? CONTROL_OCTETS : 0) + (segmented ? CONTROL_OCTETS : 0)
  }
}

/** One message: a packet, or several of equal length, of which the last may be shorter. */
class Message<Path extends BatchPath> {
  path: Path | undefined = undefined
  at = 0
  length = 0
  tos = 0
  segmentOctets = 0
  count = 0
  #closed = false

  begin(path: Path, at: number, length: number, tos: number): void {
    this.path = path
    this.at = at
    this.length = length
    this.tos = tos
    this.segmentOctets = length
    this.count = 1
    this.#closed = !path.segments
  }

  /** @returns false when the next packet needs a message of its own */
  append(length: number): boolean {
    if (this.#closed || length > this.segmentOctets || this.count === MAX_SEGMENTS) return false
    if (this.length + length > MAX_UDP_PAYLOAD) return false
    this.length += length
    this.count++
    this.#closed = length < this.segmentOctets
    return true
  }
}

function roomOf(index: number): number {
  return MESSAGES * MMSGHDR.octets + index * ROOM_OCTETS
}

/** What the kernel answers where it cannot cut a message: no checksum offload, an IPsec policy, a path too narrow. */
const REFUSALS: ReadonlySet<number> = new Set([EIO, EINVAL, EMSGSIZE])

const MESSAGES = 64
/** Linux before 6.9 takes no more (UDP_MAX_SEGMENTS). */
const MAX_SEGMENTS = 64
const MAX_UDP_PAYLOAD = 65_507

// Beside each message header: its iovec and two control messages, which stand one behind the other.
const CONTROL_OCTETS = 24
const IOVEC = 0
const TOS = 16
const SEGMENT = TOS + CONTROL_OCTETS
const ROOM_OCTETS = SEGMENT + CONTROL_OCTETS
