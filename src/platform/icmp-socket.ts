import type { IpAddress } from '#bytes/ip'
import type { Arena } from './arena.ts'
import { boundSocket, SOCK_RAW } from './bound-socket.ts'
import { DatagramSocket } from './datagram-socket.ts'

/**
 * A raw socket for ICMP, bound to one IPv4 address. What it sends is an ICMP message, checksum included; what it receives
 * begins with the IP header (raw(7)). Destinations have port 0. @throws SystemError
 */
export function openIcmpSocket(arena: Arena, address: IpAddress): DatagramSocket {
  const { descriptor } = boundSocket(
    SOCK_RAW,
    IPPROTO_ICMP,
    { address, port: 0 },
    { pathMtuDiscovery: 'dont' },
    `${address}, ICMP`,
  )
  return new DatagramSocket(arena, descriptor, 4, { address, port: 0 })
}

const IPPROTO_ICMP = 1
