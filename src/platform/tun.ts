import type { Arena } from './arena.ts'
import { Descriptor } from './descriptor.ts'
import { checked, EAGAIN, EBUSY, EINTR, EINVAL, ENOENT, EPERM, SystemError } from './errno.ts'
import { allocateMemory, lastErrno, program } from './native.ts'

export type TunOptions = {
  /** Each packet begins with a 10-octet `virtio_net_hdr` (offloads); default without. */
  readonly virtioHeader?: boolean
}

export type TunOffloads = { readonly tcp: boolean; readonly udp: boolean }

/** A network device whose packets this process reads and writes. It disappears when it is closed, or with the process. */
export class Tun {
  readonly name: string
  readonly index: number
  readonly #descriptor: Descriptor
  readonly #arena: Arena

  constructor(arena: Arena, descriptor: Descriptor, name: string, index: number) {
    this.#arena = arena
    this.#descriptor = descriptor
    this.name = name
    this.index = index
  }

  get fd(): number {
    return this.#descriptor.fd
  }

  /**
   * One packet that the host routed into the device, into the arena. @returns its octets, or -1 when there is none.
   * A packet longer than `capacity` is cut by the kernel without a word: give at least the MTU, and suspect a full buffer.
   */
  read(offset: number, capacity: number): number {
    const octets = read(this.fd, this.#arena.addressOf(offset, capacity), capacity)
    if (octets >= 0) return octets
    const errno = lastErrno()
    if (errno === EAGAIN || errno === EINTR) return -1
    throw new SystemError('read', errno, this.name)
  }

  /**
   * Gives one packet to the host. @returns `length`, or a negated errno: EIO while the device is down, EINVAL for
   * something that is no IP packet, ENOBUFS or ENOMEM under pressure.
   */
  write(offset: number, length: number): number {
    const octets = write(this.fd, this.#arena.addressOf(offset, length), length)
    return octets >= 0 ? octets : -lastErrno()
  }

  /**
   * Asks the host for long TCP and UDP packets, which it would otherwise cut, and for packets without checksums (for a device with
   * virtio headers). @returns what the kernel agreed to; UDP needs Linux 6.2
   */
  enableOffloads(): TunOffloads {
    const tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
    if (ioctl(this.fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) === 0) {
      return { tcp: true, udp: true }
    }
    return { tcp: ioctl(this.fd, TUNSETOFFLOAD, tcp) === 0, udp: false }
  }

  /** What routing daemons and operators see as NO-CARRIER (`ip link`). */
  setCarrier(up: boolean): void {
    const value = allocateMemory(8)
    value.words[0] = up ? 1 : 0
    checked('ioctl TUNSETCARRIER', ioctl(this.fd, TUNSETCARRIER, value.address), this.name)
  }

  close(): void {
    this.#descriptor.close()
  }
}

/**
 * Makes a TUN device, down and without addresses; it must not exist yet. @param name at most 15 octets; `%d` in it is
 * replaced by the first free number. @throws SystemError
 */
export function openTun(arena: Arena, name: string, options: TunOptions = {}): Tun {
  const request = allocateMemory(IFREQ_OCTETS)
  const nameOctets = new TextEncoder().encode(name)
  if (nameOctets.length > MAX_NAME_OCTETS || name === '') {
    throw new RangeError(`a network interface name has 1 to 15 octets, got '${name}'`)
  }
  request.octets.set(nameOctets)
  const virtio = options.virtioHeader === true ? IFF_VNET_HDR : 0
  request.view.setUint16(16, IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | virtio, true)

  const descriptor = openControlDevice()
  try {
    if (ioctl(descriptor.fd, TUNSETIFF, request.address) < 0) {
      const errno = lastErrno()
      throw new SystemError('ioctl TUNSETIFF', errno, name, TUNSETIFF_DETAIL[errno])
    }
    const given = readName(request.octets)
    const index = ifNameToIndex(given)
    if (index === 0) throw new SystemError('if_nametoindex', lastErrno(), given)
    return new Tun(arena, descriptor, given, index)
  } catch (error) {
    descriptor.close()
    throw error
  }
}

/** A device that another thread opened, through a descriptor of our own. */
export function tunOver(arena: Arena, fd: number, name: string, index: number): Tun {
  return new Tun(arena, new Descriptor(fd), name, index)
}

/** Whether `/dev/net/tun` can be opened; the reason when it cannot. */
export function tunProblem(): SystemError | undefined {
  try {
    openControlDevice().close()
    return undefined
  } catch (error) {
    if (error instanceof SystemError) return error
    throw error
  }
}

function openControlDevice(): Descriptor {
  const fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC)
  if (fd >= 0) return new Descriptor(fd)
  const errno = lastErrno()
  throw new SystemError('open', errno, DEVICE, OPEN_DETAIL[errno])
}

function readName(octets: Uint8Array): string {
  const end = octets.indexOf(0)
  return new TextDecoder().decode(octets.subarray(0, Math.min(end, IFNAMSIZ)))
}

const open: (path: string, flags: number) => number = program.func(
  'int open(const char *path, int flags)',
)
const ioctl: (fd: number, request: number, argument: number) => number = program.func(
  'int ioctl(int fd, unsigned long request, uint64_t argument)',
)
const read: (fd: number, buffer: number, octets: number) => number = program.func(
  'long read(int fd, uint64_t buffer, size_t octets)',
)
const write: (fd: number, buffer: number, octets: number) => number = program.func(
  'long write(int fd, uint64_t buffer, size_t octets)',
)
const ifNameToIndex: (name: string) => number = program.func(
  'unsigned int if_nametoindex(const char *name)',
)

const DEVICE = '/dev/net/tun'
const OPEN_DETAIL: Readonly<Record<number, string>> = {
  [ENOENT]: 'the device file is missing; load the tun module, or give the container /dev/net/tun',
  19: 'the kernel has no TUN support; load the tun module',
}
const TUNSETIFF_DETAIL: Readonly<Record<number, string>> = {
  [EPERM]: 'making a TUN device needs CAP_NET_ADMIN',
  [EBUSY]: 'an interface of this name exists and belongs to somebody else',
  [EINVAL]: 'an interface of this name exists and is no TUN device, or the name is not allowed',
}

/** `struct ifreq`: name 0…15, flags 16 (u16). */
const IFREQ_OCTETS = 40
const IFNAMSIZ = 16
const MAX_NAME_OCTETS = IFNAMSIZ - 1
const TUNSETIFF = 0x400454ca
const TUNSETOFFLOAD = 0x400454d0
const TUN_F_CSUM = 0x01
const TUN_F_TSO4 = 0x02
const TUN_F_TSO6 = 0x04
const TUN_F_USO4 = 0x20
const TUN_F_USO6 = 0x40
const TUNSETCARRIER = 0x400454e2
const IFF_TUN = 0x1
const IFF_NO_PI = 0x1000
const IFF_VNET_HDR = 0x4000
const IFF_TUN_EXCL = 0x8000
const O_RDWR = 2
const O_NONBLOCK = 0x800
const O_CLOEXEC = 0x80000
