import { type IpAddress, ipFamily } from '#bytes/ip'
import type { Arena } from './arena.ts'
import { boundSocket, SOCK_RAW } from './bound-socket.ts'
import { DatagramSocket } from './datagram-socket.ts'
import type { SocketOptions } from './socket-options.ts'

/**
 * A raw socket for ESP, IP protocol 50, bound to one address. What it sends is an ESP packet; the kernel writes the IP header.
 * What it receives begins with the IP header on IPv4, and with the ESP header on IPv6 (raw(7), ipv6(7)). Fragments
 * are put together by the kernel first. Destinations have port 0. @throws SystemError
 */
export function openRawEspSocket(
  arena: Arena,
  address: IpAddress,
  options: SocketOptions = {},
): DatagramSocket {
  const { descriptor } = boundSocket(
    SOCK_RAW,
    IPPROTO_ESP,
    { address, port: 0 },
    options,
    `${address}, protocol 50`,
  )
  return new DatagramSocket(
    arena,
    descriptor,
    ipFamily(address),
    { address, port: 0 },
    options.pathMtuDiscovery,
  )
}

const IPPROTO_ESP = 50
