import { type IpAddress, ipFamily } from '#bytes/ip'
import type { Arena } from './arena.ts'
import { boundSocket, SOCK_RAW } from './bound-socket.ts'
import { DatagramSocket } from './datagram-socket.ts'

/**
 * A raw socket for ICMP or ICMPv6, bound to one address, which may be the unspecified one. What it sends is an ICMP message,
 * its checksum included on IPv4; what it receives begins with the IP header on IPv4 only (raw(7), ipv6(7)). Destinations have
 * port 0. @throws SystemError
 */
export function openIcmpSocket(arena: Arena, address: IpAddress): DatagramSocket {
  const family = ipFamily(address)
  const { descriptor } = boundSocket(
    SOCK_RAW,
    family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
    { address, port: 0 },
    { pathMtuDiscovery: 'dont' },
    `${address}, ICMP`,
  )
  return new DatagramSocket(arena, descriptor, family, { address, port: 0 })
}

const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58
