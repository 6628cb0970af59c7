import type { Endpoint, IpAddress } from '#bytes/ip'
import { EAGAIN, EINTR, EMSGSIZE, SystemError } from './errno.ts'
import { CMSG, MSG_ERRQUEUE, MSGHDR, recvmsg } from './message-header.ts'
import { allocateMemory, lastErrno, writePointer } from './native.ts'
import { readSocketAddress, SOCKET_ADDRESS_OCTETS } from './socket-address.ts'
import { IP_RECVERR, IPV6_RECVERR, SOL_IP, SOL_IPV6 } from './socket-options.ts'

/** Why one of our packets did not arrive, as the kernel heard it (`struct sock_extended_err`, ip(7) IP_RECVERR). */
export type SocketError = {
  /** `local`: our own kernel refused it, for its size. */
  readonly origin: 'local' | 'icmp' | 'icmp6'
  readonly errno: number
  readonly icmpType: number
  readonly icmpCode: number
  /** Where the packet was going. */
  readonly destination: Endpoint
  /** Who reported it. */
  readonly reporter: IpAddress | undefined
  /** What the path takes (ICMP fragmentation needed, ICMPv6 packet too big); 0 when the error is about something else. */
  readonly mtu: number
  /** The first octets of what we sent, as far as they came back: at most 64. Anyone on the path can have written them. */
  readonly quoted: Uint8Array
}

/** One entry of the queue; entries of other kinds (timestamps) are passed over. Not for the packet path: it allocates. */
export function readErrorQueue(fd: number): SocketError | undefined {
  const { view, octets, words, address } = memory
  for (;;) {
    octets.fill(0)
    writePointer(words, MSGHDR.name, address + NAME)
    words[MSGHDR.nameLength >> 2] = SOCKET_ADDRESS_OCTETS
    writePointer(words, MSGHDR.iov, address + IOVEC)
    writePointer(words, MSGHDR.iovLength, 1)
    writePointer(words, MSGHDR.control, address + CONTROL)
    words[MSGHDR.controlLength >> 2] = CONTROL_OCTETS
    writePointer(words, IOVEC, address + QUOTED)
    words[(IOVEC + 8) >> 2] = QUOTED_OCTETS

    const length = recvmsg(fd, address, MSG_ERRQUEUE)
    if (length < 0) {
      const errno = lastErrno()
      if (errno === EAGAIN) return undefined
      if (errno === EINTR) continue
      throw new SystemError('recvmsg', errno, 'error queue')
    }
    const at = findExtendedError(view)
    const destination = readSocketAddress(memory, NAME)
    if (at === undefined || destination === undefined) continue
    const origin = ORIGINS[octets[at + 4] ?? 0]
    if (origin === undefined) continue
    const errno = view.getUint32(at, true)
    return {
      origin,
      errno,
      icmpType: octets[at + 5] ?? 0,
      icmpCode: octets[at + 6] ?? 0,
      destination,
      reporter: readSocketAddress(memory, at + 16)?.address,
      mtu: errno === EMSGSIZE ? view.getUint32(at + 8, true) : 0,
      quoted: octets.slice(QUOTED, QUOTED + Math.min(length, QUOTED_OCTETS)),
    }
  }
}

/** @returns where `struct sock_extended_err` stands: errno 0, origin 4, type 5, code 6, info 8, then the reporter's sockaddr at 16. */
function findExtendedError(view: DataView): number | undefined {
  const end = CONTROL + view.getUint32(MSGHDR.controlLength, true)
  for (let at = CONTROL; at + CMSG.dataAt <= end; ) {
    const length = view.getUint32(at, true)
    if (length < CMSG.dataAt) return undefined
    const level = view.getUint32(at + CMSG.level, true)
    const type = view.getUint32(at + CMSG.type, true)
    const found =
      (level === SOL_IP && type === IP_RECVERR) || (level === SOL_IPV6 && type === IPV6_RECVERR)
    if (found) return at + CMSG.dataAt
    at += (length + 7) & ~7
  }
  return undefined
}

/** SO_EE_ORIGIN_*. */
const ORIGINS: Readonly<Record<number, SocketError['origin']>> = {
  1: 'local',
  2: 'icmp',
  3: 'icmp6',
}

const IOVEC = 64
const NAME = 80
const CONTROL = NAME + SOCKET_ADDRESS_OCTETS
const CONTROL_OCTETS = 256
const QUOTED = CONTROL + CONTROL_OCTETS
const QUOTED_OCTETS = 64
const memory = allocateMemory(QUOTED + QUOTED_OCTETS)
