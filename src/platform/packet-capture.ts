import { Descriptor } from './descriptor.ts'
import { checked, EAGAIN, ENETDOWN, ENODEV, SystemError } from './errno.ts'
import { allocateMemory, lastErrno, type NativeMemory, program } from './native.ts'
import { attachFilter, type FilterInstruction } from './socket-filter.ts'
import { getsockopt, SOL_SOCKET, setsockopt } from './socket-options.ts'

/** `frames` with their link-layer header, cut after 256 octets; `packets` from the network layer's header on, whole. */
export type CaptureForm = 'frames' | 'packets'

/**
 * What passes one interface, both directions, as packet(7) shows it. With a filter only frames it accepts come
 * through; the kernel applies it before the socket's buffer, so a rare kind of frame is never lost behind many others.
 */
export class PacketCapture {
  readonly #socket: Descriptor
  readonly #frame: NativeMemory
  readonly #time: NativeMemory = allocateMemory(TIMESPEC_OCTETS)
  #total = 0
  #lost = 0

  private constructor(socket: Descriptor, octets: number) {
    this.#socket = socket
    this.#frame = allocateMemory(octets)
    // The kernel keeps times from the first question on.
    this.capturedAt()
  }

  /** @throws SystemError without CAP_NET_RAW, or when there is no such interface. */
  static open(
    device: string,
    filter: readonly FilterInstruction[] = [],
    form: CaptureForm = 'frames',
  ): PacketCapture {
    const index = interfaceIndex(device)
    if (index === 0) throw new SystemError('if_nametoindex', ENODEV, device)
    const type = form === 'frames' ? SOCK_RAW : SOCK_DGRAM
    // Protocol 0 hears nothing until bind names one: no frame of another interface slips in before.
    const socket = new Descriptor(
      checked('socket', openSocket(AF_PACKET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), device),
    )
    try {
      if (filter.length > 0) attachFilter(socket.fd, filter)
      const buffer = allocateMemory(4)
      buffer.view.setInt32(0, BUFFER_OCTETS, true)
      // Best effort: needs CAP_NET_ADMIN of the whole machine, and a smaller buffer only loses sooner.
      setsockopt(socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer.address, 4)
      const address = allocateMemory(SOCKADDR_LL_OCTETS)
      address.view.setUint16(0, AF_PACKET, true)
      address.view.setUint16(2, ETH_P_ALL)
      address.view.setInt32(4, index, true)
      checked('bind', bind(socket.fd, address.address, SOCKADDR_LL_OCTETS), device)
    } catch (error) {
      socket.close()
      throw error
    }
    return new PacketCapture(socket, form === 'frames' ? SNAP_OCTETS : LARGEST_PACKET)
  }

  /** The next frame or packet; it stands there until the next call. @returns undefined when none waits. */
  next(): Uint8Array | undefined {
    const length = receive(this.#socket.fd, this.#frame.address, this.#frame.octets.length, 0)
    if (length >= 0) return this.#frame.octets.subarray(0, length)
    const errno = lastErrno()
    if (errno !== EAGAIN && errno !== ENETDOWN) throw new SystemError('recv', errno)
    return undefined
  }

  /** When the last frame read passed, in milliseconds since 1970; undefined while the kernel has not said. */
  capturedAt(): number | undefined {
    if (ioctl(this.#socket.fd, SIOCGSTAMPNS, this.#time.address) !== 0) return undefined
    const { view } = this.#time
    return Number(view.getBigInt64(0, true)) * 1_000 + Number(view.getBigInt64(8, true)) / 1e6
  }

  /** Frames that passed the filter since the start, and how many of them found the buffer full. */
  totals(): { readonly frames: number; readonly lost: number } {
    const statistics = allocateMemory(16)
    statistics.view.setUint32(8, 8, true)
    const length = statistics.address + 8
    checked(
      'getsockopt',
      getsockopt(this.#socket.fd, SOL_PACKET, PACKET_STATISTICS, statistics.address, length),
    )
    // The kernel starts again from zero after each look.
    this.#total += statistics.view.getUint32(0, true)
    this.#lost += statistics.view.getUint32(4, true)
    return { frames: this.#total, lost: this.#lost }
  }

  close(): void {
    this.#socket.close()
  }
}

const interfaceIndex: (name: string) => number = program.func(
  'unsigned int if_nametoindex(const char *name)',
)
const openSocket: (family: number, type: number, protocol: number) => number = program.func(
  'int socket(int family, int type, int protocol)',
)
const bind: (fd: number, address: number, octets: number) => number = program.func(
  'int bind(int fd, uint64_t address, uint32_t octets)',
)
const receive: (fd: number, buffer: number, octets: number, flags: number) => number = program.func(
  'long recv(int fd, uint64_t buffer, size_t octets, int flags)',
)
const ioctl: (fd: number, request: number, argument: number) => number = program.func(
  'int ioctl(int fd, unsigned long request, uint64_t argument)',
)
const AF_PACKET = 17
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x80000
const ETH_P_ALL = 3
const SO_RCVBUFFORCE = 33
const SOL_PACKET = 263
const PACKET_STATISTICS = 6
/** `struct sockaddr_ll` (packet(7)): family, protocol, interface index, and link-layer details that bind does not need. */
const SOCKADDR_LL_OCTETS = 20
/** Enough for every header in front of ESP or IKE. */
const SNAP_OCTETS = 256
/** With segments that offloads have merged. */
const LARGEST_PACKET = 65_536 + 64
const SIOCGSTAMPNS = 0x8907
/** `struct timespec`: seconds, nanoseconds. */
const TIMESPEC_OCTETS = 16
const BUFFER_OCTETS = 32 * 1024 * 1024
