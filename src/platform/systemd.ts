import { Descriptor } from './descriptor.ts'
import { checked } from './errno.ts'
import { allocateMemory, program } from './native.ts'

/**
 * Tells the service manager about us (sd_notify(3)): lines such as `READY=1`, `RELOADING=1`, `STOPPING=1`,
 * `STATUS=2 tunnels up`, `WATCHDOG=1`. `RELOADING=1` gets the time that systemd asks for. @returns false when no manager
 * listens. @throws SystemError when it cannot be reached
 */
export function notifySystemd(
  lines: readonly string[],
  socketPath: string | undefined = process.env.NOTIFY_SOCKET,
): boolean {
  if (socketPath === undefined || socketPath === '') return false
  const path = new TextEncoder().encode(socketPath)
  if (path.length > MAX_PATH_OCTETS)
    throw new RangeError(`NOTIFY_SOCKET is too long: ${socketPath}`)
  const text = lines.includes('RELOADING=1') ? [...lines, monotonicTime()] : lines
  const message = new TextEncoder().encode(text.join('\n'))

  const memory = allocateMemory(ADDRESS_OCTETS + message.length)
  memory.view.setUint16(0, AF_UNIX, true)
  memory.octets.set(path, 2)
  // A leading `@` stands for the zero octet of an abstract address.
  if (socketPath.startsWith('@')) memory.octets[2] = 0
  memory.octets.set(message, ADDRESS_OCTETS)

  const fd = checked('socket', socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'NOTIFY_SOCKET')
  const descriptor = new Descriptor(fd)
  try {
    const data = memory.address + ADDRESS_OCTETS
    const length = 2 + path.length
    checked('sendto', sendto(fd, data, message.length, 0, memory.address, length), socketPath)
    return true
  } finally {
    descriptor.close()
  }
}

function monotonicTime(): string {
  return `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`
}

const socket: (domain: number, type: number, protocol: number) => number = program.func(
  'int socket(int domain, int type, int protocol)',
)
const sendto: (
  fd: number,
  data: number,
  octets: number,
  flags: number,
  address: number,
  addressOctets: number,
) => number = program.func(
  'long sendto(int fd, uint64_t data, size_t n, int flags, uint64_t address, unsigned int m)',
)

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0x80000
/** `struct sockaddr_un`: family 0, path 2…109; rounded up. */
const ADDRESS_OCTETS = 112
const MAX_PATH_OCTETS = 108
