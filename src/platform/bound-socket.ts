import { type Endpoint, ipFamily } from '#bytes/ip'
import { Descriptor } from './descriptor.ts'
import { checked } from './errno.ts'
import { allocateMemory, program } from './native.ts'
import {
  AF_INET,
  AF_INET6,
  readSocketAddress,
  SOCKET_ADDRESS_OCTETS,
  writeSocketAddress,
} from './socket-address.ts'
import { type SocketOptions, setIpv6Only, setSocketOptions } from './socket-options.ts'

/** A non-blocking socket with the gateway's options, bound. @param subject names it in errors. @throws SystemError */
export function boundSocket(
  type: number,
  protocol: number,
  local: Endpoint,
  options: SocketOptions,
  subject: string,
): { readonly descriptor: Descriptor; readonly endpoint: Endpoint } {
  const family = ipFamily(local.address)
  const domain = family === 4 ? AF_INET : AF_INET6
  const fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)
  const descriptor = new Descriptor(checked('socket', fd, subject))
  try {
    setSocketOptions(fd, family, options)
    if (family === 6 && type === SOCK_DGRAM) setIpv6Only(fd)
    const memory = allocateMemory(SOCKET_ADDRESS_OCTETS + 8)
    const length = writeSocketAddress(memory, 0, local)
    checked('bind', bind(fd, memory.address, length), subject)
    memory.view.setUint32(SOCKET_ADDRESS_OCTETS, SOCKET_ADDRESS_OCTETS, true)
    const lengthAt = memory.address + SOCKET_ADDRESS_OCTETS
    checked('getsockname', getsockname(fd, memory.address, lengthAt), subject)
    return { descriptor, endpoint: readSocketAddress(memory, 0) ?? local }
  } catch (error) {
    descriptor.close()
    throw error
  }
}

const socket: (domain: number, type: number, protocol: number) => number = program.func(
  'int socket(int domain, int type, int protocol)',
)
const bind: (fd: number, address: number, octets: number) => number = program.func(
  'int bind(int fd, uint64_t address, unsigned int octets)',
)
const getsockname: (fd: number, address: number, octets: number) => number = program.func(
  'int getsockname(int fd, uint64_t address, uint64_t octets)',
)

export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x80000
