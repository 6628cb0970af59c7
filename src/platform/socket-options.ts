import type { IpFamily } from '#bytes/ip'
import { checked, ENOPROTOOPT, EOPNOTSUPP, EPERM, SystemError } from './errno.ts'
import { SOL_UDP, UDP_GRO, UDP_SEGMENT } from './message-header.ts'
import { allocateMemory, lastErrno, program } from './native.ts'
import { AF_INET, AF_INET6 } from './socket-address.ts'

/**
 * Whether the kernel may fragment what is sent. `do`: never (DF set), larger packets fail with EMSGSIZE as the kernel knows the
 * path; `probe`: DF set but the kernel's idea of the path is ignored; `dont`: DF clear.
 */
export type PathMtuDiscovery = 'do' | 'probe' | 'dont'

export type SocketOptions = {
  readonly pathMtuDiscovery?: PathMtuDiscovery
  /** Octets; the kernel counts its own overhead in them. Default 4 MiB. */
  readonly receiveBuffer?: number
  readonly sendBuffer?: number
  /** SO_MARK, for policy routing of the outer packets; needs CAP_NET_ADMIN. */
  readonly mark?: number
  /** SO_REUSEPORT: others of this user may bind the same port, if they set it too. */
  readonly sharesPort?: boolean
}

/** What every socket of the gateway needs, by family. */
export function setSocketOptions(fd: number, family: IpFamily, options: SocketOptions): void {
  setBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receiveBuffer ?? DEFAULT_BUFFER)
  setBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.sendBuffer ?? DEFAULT_BUFFER)
  if (options.mark !== undefined) setOption(fd, SOL_SOCKET, SO_MARK, options.mark, 'SO_MARK')
  if (options.sharesPort === true) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1, 'SO_REUSEPORT')
  setPathMtuDiscovery(fd, family, options.pathMtuDiscovery ?? 'do')
  if (family === 4) {
    setOption(fd, SOL_IP, IP_RECVERR, 1, 'IP_RECVERR')
    setOption(fd, SOL_IP, IP_RECVTOS, 1, 'IP_RECVTOS')
  }
  if (family === 6) {
    setOption(fd, SOL_IPV6, IPV6_RECVERR, 1, 'IPV6_RECVERR')
    setOption(fd, SOL_IPV6, IPV6_RECVTCLASS, 1, 'IPV6_RECVTCLASS')
  }
  bypassKernelPolicies(fd, family)
}

/** May be changed at any time; holds for what is sent from then on. */
export function setPathMtuDiscovery(fd: number, family: IpFamily, mode: PathMtuDiscovery): void {
  const value = PMTUDISC[mode]
  if (family === 4) setOption(fd, SOL_IP, IP_MTU_DISCOVER, value, 'IP_MTU_DISCOVER')
  else setOption(fd, SOL_IPV6, IPV6_MTU_DISCOVER, value, 'IPV6_MTU_DISCOVER')
}

/**
 * Datagrams of one sender that arrive together may come as one message; only for who reads it with `ReceiveBatch`.
 * @returns false where the kernel cannot
 */
export function enableReceiveOffload(fd: number): boolean {
  return setsockoptInt(fd, SOL_UDP, UDP_GRO, 1) === 0
}

/** Whether the kernel knows how to cut one message into many datagrams (Linux 4.18). */
export function canSegmentDatagrams(fd: number): boolean {
  // Zero is what it is without anybody asking: nothing is cut unless a message says so itself.
  return setsockoptInt(fd, SOL_UDP, UDP_SEGMENT, 0) === 0
}

/** An IPv6 UDP socket that leaves the IPv4 port alone; a raw socket is of one family anyhow and refuses the option. */
export function setIpv6Only(fd: number): void {
  setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY')
}

/**
 * Keeps IPsec policies that something else put into the kernel from catching our own outer packets (a policy on the route also
 * makes UDP segmentation fail with EIO). Kernels without XFRM and processes without CAP_NET_ADMIN go without.
 */
function bypassKernelPolicies(fd: number, family: IpFamily): void {
  const policy = allocateMemory(XFRM_USERPOLICY_INFO_OCTETS)
  policy.view.setUint16(40, family === 4 ? AF_INET : AF_INET6, true)
  for (const direction of [XFRM_POLICY_IN, XFRM_POLICY_OUT]) {
    policy.octets[160] = direction
    const level = family === 4 ? SOL_IP : SOL_IPV6
    const option = family === 4 ? IP_XFRM_POLICY : IPV6_XFRM_POLICY
    const result = setsockopt(fd, level, option, policy.address, XFRM_USERPOLICY_INFO_OCTETS)
    if (result < 0 && ![EPERM, ENOPROTOOPT, EOPNOTSUPP].includes(lastErrno())) {
      throw new SystemError('setsockopt', lastErrno(), 'IP_XFRM_POLICY')
    }
  }
}

/** Beyond `net.core.rmem_max` where the process may; else as much as it allows. */
function setBuffer(fd: number, forced: number, plain: number, octets: number): void {
  if (setsockoptInt(fd, SOL_SOCKET, forced, octets) === 0) return
  checked('setsockopt', setsockoptInt(fd, SOL_SOCKET, plain, octets), 'SO_RCVBUF')
}

function setOption(fd: number, level: number, option: number, value: number, name: string): void {
  checked('setsockopt', setsockoptInt(fd, level, option, value), name)
}

function setsockoptInt(fd: number, level: number, option: number, value: number): number {
  const memory = allocateMemory(8)
  memory.words[0] = value
  return setsockopt(fd, level, option, memory.address, 4)
}

export const setsockopt: (
  fd: number,
  level: number,
  option: number,
  value: number,
  octets: number,
) => number = program.func(
  'int setsockopt(int fd, int level, int option, uint64_t value, unsigned int octets)',
)

export const getsockopt: (
  fd: number,
  level: number,
  option: number,
  value: number,
  length: number,
) => number = program.func(
  'int getsockopt(int fd, int level, int option, uint64_t value, uint64_t length)',
)

const DEFAULT_BUFFER = 4 * 1024 * 1024

export const SOL_SOCKET = 1
export const SOL_IP = 0
export const SOL_IPV6 = 41
export const IP_TOS = 1
export const IP_RECVERR = 11
export const IPV6_RECVERR = 25
export const IPV6_TCLASS = 67

const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const SO_MARK = 36
const IP_MTU_DISCOVER = 10
const IP_RECVTOS = 13
const IP_XFRM_POLICY = 17
const IPV6_MTU_DISCOVER = 23
const IPV6_V6ONLY = 26
const IPV6_XFRM_POLICY = 35
const IPV6_RECVTCLASS = 66
const PMTUDISC: Readonly<Record<PathMtuDiscovery, number>> = { dont: 0, do: 2, probe: 3 }

/** `struct xfrm_userpolicy_info`: selector family 40 (u16), direction 160, action 161 (0 lets pass). */
const XFRM_USERPOLICY_INFO_OCTETS = 168
const XFRM_POLICY_IN = 0
const XFRM_POLICY_OUT = 1
