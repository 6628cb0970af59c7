import { type Endpoint, type IpFamily, ipFamily } from '#bytes/ip'
import type { Arena } from './arena.ts'
import { Descriptor } from './descriptor.ts'
import {
  EACCES,
  EAGAIN,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EINTR,
  EMSGSIZE,
  ENETUNREACH,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
  SystemError,
} from './errno.ts'
import { readErrorQueue, type SocketError } from './error-queue.ts'
import { CMSG, MSG_TRUNC, MSGHDR, recvmsg, sendmsg } from './message-header.ts'
import { allocateMemory, lastErrno, writePointer } from './native.ts'
import { SenderCache, sameAddress } from './sender-cache.ts'
import { type Destination, SOCKET_ADDRESS_OCTETS } from './socket-address.ts'
import {
  IP_TOS,
  IPV6_TCLASS,
  type PathMtuDiscovery,
  SOL_IP,
  SOL_IPV6,
  setPathMtuDiscovery,
} from './socket-options.ts'

/**
 * A bound, non-blocking UDP or raw ESP socket. Its message headers are laid out once; a packet changes a few words in them,
 * so that nothing is allocated at packet rate.
 */
export class DatagramSocket {
  readonly local: Endpoint
  readonly family: IpFamily
  /** What holds for its datagrams, unless it is set otherwise for some. */
  readonly pathMtuDiscovery: PathMtuDiscovery
  /** Of the datagram received last: its TOS or traffic class octet, for ECN (RFC 6040); 0 where the kernel said nothing. */
  lastTos = 0
  /** Datagrams dropped because they did not fit the capacity given. */
  truncated = 0

  readonly #descriptor: Descriptor
  readonly #arena: Arena
  readonly #receive = allocateMemory(RECEIVE_OCTETS)
  readonly #send = allocateMemory(SEND_OCTETS)
  readonly #senders = new SenderCache()

  constructor(
    arena: Arena,
    descriptor: Descriptor,
    family: IpFamily,
    local: Endpoint,
    pathMtuDiscovery: PathMtuDiscovery = 'do',
  ) {
    this.pathMtuDiscovery = pathMtuDiscovery
    this.#arena = arena
    this.#descriptor = descriptor
    this.family = family
    this.local = local
    layOut(this.#receive.words, this.#receive.address)
    layOut(this.#send.words, this.#send.address)
    writePointer(this.#send.words, CONTROL, CMSG.dataAt + 4)
    this.#send.words[(CONTROL + CMSG.level) >> 2] = family === 4 ? SOL_IP : SOL_IPV6
    this.#send.words[(CONTROL + CMSG.type) >> 2] = family === 4 ? IP_TOS : IPV6_TCLASS
  }

  get fd(): number {
    return this.#descriptor.fd
  }

  /**
   * One datagram into the arena; from a raw IPv4 socket it begins with the IP header. @returns its octets (0 is a datagram
   * too), or -1 when none is there. After many errors or cut datagrams in a row also -1, so that a flood of them cannot hold
   * the thread: the socket is still readable then.
   */
  receive(offset: number, capacity: number): number {
    const { words, address } = this.#receive
    writePointer(words, IOVEC, this.#arena.addressOf(offset, capacity))
    words[(IOVEC + 8) >> 2] = capacity
    for (let attempt = 0; attempt < RECEIVE_ATTEMPTS; attempt++) {
      words[MSGHDR.nameLength >> 2] = SOCKET_ADDRESS_OCTETS
      words[MSGHDR.controlLength >> 2] = RECEIVE_CONTROL_OCTETS
      const octets = recvmsg(this.fd, address, 0)
      if (octets < 0) {
        const errno = lastErrno()
        if (errno === EAGAIN) return -1
        // An ICMP error is told here once and stays in the error queue; the datagrams behind it are still to be read.
        if (errno === EINTR || REPORTED_ERRORS.has(errno)) continue
        throw new SystemError('recvmsg', errno, 'socket')
      }
      if (((words[MSGHDR.flags >> 2] ?? 0) & MSG_TRUNC) !== 0) {
        this.truncated++
        continue
      }
      this.lastTos = this.#receivedTos()
      return octets
    }
    return -1
  }

  /** Who sent the datagram received last; made when asked for and kept for the next time. */
  get lastSender(): Endpoint {
    return this.#senders.find(this.#receive.words, NAME >> 2)
  }

  /** Whether the datagram received last came from there: two to five comparisons, nothing allocated. */
  isFrom(destination: Destination): boolean {
    return sameAddress(this.#receive.words, NAME >> 2, destination.memory.words, 0)
  }

  /**
   * @param tos TOS or traffic class octet of the outer header (DSCP and ECN); it goes with the packet as a control message,
   * so that packets of several classes need no system call between them and can share a batch.
   * @returns `length`, or a negated errno: EMSGSIZE when the path is too narrow, ENOBUFS or EAGAIN under pressure,
   * ENETUNREACH, EHOSTUNREACH, EPERM when a packet filter drops it.
   */
  send(offset: number, length: number, destination: Destination, tos = 0): number {
    const { words, address } = this.#send
    writePointer(words, MSGHDR.name, destination.memory.address)
    words[MSGHDR.nameLength >> 2] = destination.octets
    writePointer(words, IOVEC, this.#arena.addressOf(offset, length))
    words[(IOVEC + 8) >> 2] = length
    words[(CONTROL + CMSG.dataAt) >> 2] = tos
    words[MSGHDR.controlLength >> 2] = tos === 0 ? 0 : CMSG.dataAt + 8
    const octets = sendmsg(this.fd, address, 0)
    if (octets >= 0) return octets
    const errno = lastErrno()
    if (errno !== EINTR && !REPORTED_ERRORS.has(errno)) return -errno
    // That may have been the error of an earlier packet, which the kernel tells once: this one was not sent yet.
    const again = sendmsg(this.fd, address, 0)
    return again >= 0 ? again : -lastErrno()
  }

  /** For what is sent from now on; a system call. */
  setPathMtuDiscovery(mode: PathMtuDiscovery): void {
    setPathMtuDiscovery(this.fd, this.family, mode)
  }

  /** The next ICMP error (or local size error) of the socket; undefined when the queue is empty. Read it until then. */
  receiveError(): SocketError | undefined {
    return readErrorQueue(this.fd)
  }

  close(): void {
    this.#descriptor.close()
  }

  #receivedTos(): number {
    const { words, octets, view } = this.#receive
    const end = CONTROL + (words[MSGHDR.controlLength >> 2] ?? 0)
    for (let at = CONTROL; at + CMSG.dataAt <= end; ) {
      const length = words[at >> 2] ?? 0
      if (length < CMSG.dataAt) return 0
      const level = words[(at + CMSG.level) >> 2]
      const type = words[(at + CMSG.type) >> 2]
      if (level === SOL_IP && type === IP_TOS) return octets[at + CMSG.dataAt] ?? 0
      if (level === SOL_IPV6 && type === IPV6_TCLASS)
        return view.getUint32(at + CMSG.dataAt, true) & 0xff
      at += (length + 7) & ~7
    }
    return 0
  }
}

/** A socket that another thread opened, through a descriptor of our own. */
export function socketOver(arena: Arena, fd: number, local: Endpoint): DatagramSocket {
  return new DatagramSocket(arena, new Descriptor(fd), ipFamily(local.address), local)
}

function layOut(words: Uint32Array, address: number): void {
  writePointer(words, MSGHDR.name, address + NAME)
  writePointer(words, MSGHDR.iov, address + IOVEC)
  writePointer(words, MSGHDR.iovLength, 1)
  writePointer(words, MSGHDR.control, address + CONTROL)
}

/** Errors that belong to a packet sent earlier: the kernel's translation of ICMP (icmp_err_convert, and path MTU). */
export const REPORTED_ERRORS: ReadonlySet<number> = new Set([
  EACCES,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
])

const RECEIVE_ATTEMPTS = 64

// A message header, its one iovec, its address and its control messages, in one piece of memory.
const IOVEC = 64
const NAME = 80
const CONTROL = NAME + SOCKET_ADDRESS_OCTETS
const RECEIVE_CONTROL_OCTETS = 128
const RECEIVE_OCTETS = CONTROL + RECEIVE_CONTROL_OCTETS
const SEND_OCTETS = CONTROL + 24
