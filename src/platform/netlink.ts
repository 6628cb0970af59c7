import { concat } from '#bytes/concat'
import { Descriptor } from './descriptor.ts'
import { checked, EAGAIN, EINTR, EMSGSIZE, errnoDetail, SystemError } from './errno.ts'
import { allocateMemory, lastErrno, program } from './native.ts'
import {
  Attributes,
  decodeMessages,
  type NetlinkMessage,
  NetlinkRequest,
  viewOf,
} from './netlink-message.ts'
import { SOL_SOCKET, setsockopt } from './socket-options.ts'

/** A conversation with the kernel about links, addresses, routes and rules. Synchronous: the kernel answers at once. */
export class Netlink {
  readonly #descriptor: Descriptor
  readonly #buffer = allocateMemory(BUFFER_OCTETS)
  #sequence = 0

  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor
  }

  /**
   * Asks for a change or for one object. @returns what came before the acknowledgement. @param call and `subject` name it in
   * errors, such as `add route`, `10.2.0.0/16`. @throws SystemError with the kernel's own explanation where it gave one
   */
  request(message: NetlinkRequest, call: string, subject: string): NetlinkMessage[] {
    const sequence = this.#send(message, NLM_F_REQUEST | NLM_F_ACK, call, subject)
    const answers: NetlinkMessage[] = []
    for (;;) {
      for (const answer of this.#receive((one) => one === sequence, call, subject)) {
        if (answer.type !== NLMSG_ERROR) answers.push(answer)
        if (answer.type === NLMSG_ERROR) {
          throwFailure(answer, call, subject)
          return answers
        }
      }
    }
  }

  /** Asks for all objects of a kind; again when they changed while the kernel was listing them. */
  dump(message: NetlinkRequest, call: string): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const { answers, interrupted } = this.#dumpOnce(message, call)
      if (!interrupted || attempt === DUMP_ATTEMPTS) return answers
    }
  }

  /**
   * Asks for all changes together, or for none: a transaction of nfnetlink. @param subsystem whose messages they are
   * @throws SystemError of the message that was refused
   */
  batch(
    subsystem: number,
    messages: readonly NetlinkRequest[],
    call: string,
    subject: string,
  ): void {
    const begin = new NetlinkRequest(NFNL_MSG_BATCH_BEGIN, 0, batchHeader(subsystem))
    const end = new NetlinkRequest(NFNL_MSG_BATCH_END, 0, batchHeader(subsystem))
    const first = this.#sequence + 1
    const parts = [begin, ...messages, end].map((message, index) => {
      this.#sequence++
      const octets = message.encode(this.#sequence)
      const flags = NLM_F_REQUEST | (index === messages.length ? NLM_F_ACK : 0)
      viewOf(octets).setUint16(6, message.flags | flags, true)
      return octets
    })
    const last = this.#sequence - 1
    const octets = concat(...parts)
    const memory = allocateMemory(octets.length)
    memory.octets.set(octets)
    growSendBuffer(this.#descriptor.fd, octets.length)
    checked(call, send(this.#descriptor.fd, memory.address, octets.length, 0), subject)
    for (;;) {
      for (const answer of this.#receive((sequence) => sequence >= first, call, subject)) {
        if (answer.type !== NLMSG_ERROR) continue
        throwFailure(answer, call, subject)
        if (answer.sequence === last) return
      }
    }
  }

  close(): void {
    this.#descriptor.close()
  }

  #dumpOnce(
    message: NetlinkRequest,
    call: string,
  ): { readonly answers: NetlinkMessage[]; readonly interrupted: boolean } {
    const sequence = this.#send(message, NLM_F_REQUEST | NLM_F_DUMP, call, '')
    const answers: NetlinkMessage[] = []
    let interrupted = false
    for (;;) {
      for (const answer of this.#receive((one) => one === sequence, call, '')) {
        interrupted ||= (answer.flags & NLM_F_DUMP_INTR) !== 0
        if (answer.type === NLMSG_DONE || answer.type === NLMSG_ERROR) {
          throwFailure(answer, call, '')
          return { answers, interrupted }
        }
        answers.push(answer)
      }
    }
  }

  #send(message: NetlinkRequest, flags: number, call: string, subject: string): number {
    this.#sequence = (this.#sequence + 1) >>> 0
    const octets = message.encode(this.#sequence)
    viewOf(octets).setUint16(6, message.flags | flags, true)
    this.#buffer.octets.set(octets)
    checked(call, send(this.#descriptor.fd, this.#buffer.address, octets.length, 0), subject)
    return this.#sequence
  }

  /** Messages of one datagram that answer this request; leftovers of a request given up are passed over. */
  #receive(isOurs: (sequence: number) => boolean, call: string, subject: string): NetlinkMessage[] {
    for (;;) {
      const octets = recv(this.#descriptor.fd, this.#buffer.address, BUFFER_OCTETS, MSG_TRUNC)
      if (octets > BUFFER_OCTETS) throw new SystemError(call, EMSGSIZE, subject, TRUNCATED)
      if (octets >= 0) {
        const messages = decodeMessages(this.#buffer.octets.subarray(0, octets))
        return messages.filter(({ sequence }) => isOurs(sequence))
      }
      const errno = lastErrno()
      if (errno === EAGAIN) throw new SystemError(call, errno, subject, SILENT)
      if (errno !== EINTR) throw new SystemError(call, errno, subject)
    }
  }
}

/** @param protocol of netlink(7): which part of the kernel is talked to */
export function openNetlink(protocol: number = NETLINK_ROUTE): Netlink {
  const fd = checked('socket', socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), 'netlink')
  const descriptor = new Descriptor(fd)
  const value = allocateMemory(16)
  value.words[0] = 1
  // Kernels before 4.20 lack the last; they then list more than was asked for, and callers filter anyhow.
  for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
    setsockopt(fd, SOL_NETLINK, option, value.address, 4)
  }
  value.words[0] = ANSWER_SECONDS
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, value.address, 16)
  return new Netlink(descriptor)
}

/** nfnetlink(7): `struct nfgenmsg` with the subsystem as its resource. */
function batchHeader(subsystem: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, subsystem)
}

/** A transaction goes in one piece. */
function growSendBuffer(fd: number, octets: number): void {
  const value = allocateMemory(8)
  value.words[0] = Math.max(LEAST_SEND_BUFFER, 2 * octets)
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, value.address, 4)
}

/** Runs `work` with a conversation of its own. */
export function withNetlink<T>(work: (netlink: Netlink) => T, protocol?: number): T {
  const netlink = openNetlink(protocol)
  try {
    return work(netlink)
  } finally {
    netlink.close()
  }
}

/**
 * `struct nlmsgerr`: negated errno 0, then the header of the request (and nothing of its body: NETLINK_CAP_ACK), then attributes with
 * the kernel's explanation. The end of a dump carries an errno and the attributes.
 */
function throwFailure({ type, flags, body }: NetlinkMessage, call: string, subject: string): void {
  const errno = body.length >= 4 ? -viewOf(body).getInt32(0, true) : 0
  if (errno === 0) return
  const explained = (flags & NLM_F_ACK_TLVS) !== 0
  const from = type === NLMSG_DONE ? 4 : 4 + 16
  const text = explained ? new Attributes(body, from).text(NLMSGERR_ATTR_MSG) : undefined
  const detail = text === undefined ? undefined : `${errnoDetail(errno)}; the kernel says: ${text}`
  throw new SystemError(call, errno, subject === '' ? undefined : subject, detail)
}

const socket: (domain: number, type: number, protocol: number) => number = program.func(
  'int socket(int domain, int type, int protocol)',
)
const send: (fd: number, data: number, octets: number, flags: number) => number = program.func(
  'long send(int fd, uint64_t data, size_t octets, int flags)',
)
const recv: (fd: number, data: number, octets: number, flags: number) => number = program.func(
  'long recv(int fd, uint64_t data, size_t octets, int flags)',
)

export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400

const AF_NETLINK = 16
const NETLINK_ROUTE = 0
export const NETLINK_NETFILTER = 12
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0x80000
const SO_RCVTIMEO = 20
const SO_SNDBUFFORCE = 32
const LEAST_SEND_BUFFER = 212_992
const NFNL_MSG_BATCH_BEGIN = 0x10
const NFNL_MSG_BATCH_END = 0x11
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12
const MSG_TRUNC = 0x20
const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_DUMP_INTR = 0x10
const NLM_F_ACK_TLVS = 0x200
const NLM_F_DUMP = 0x300
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLMSGERR_ATTR_MSG = 1

/** The kernel fills at most 32 KiB of a dump at a time. */
const BUFFER_OCTETS = 64 * 1024
const DUMP_ATTEMPTS = 5
const ANSWER_SECONDS = 5
const SILENT = `the kernel did not answer within ${ANSWER_SECONDS} seconds`
const TRUNCATED = 'the kernel answered with more than fits'
