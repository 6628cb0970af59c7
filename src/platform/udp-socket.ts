import { type Endpoint, formatEndpoint, ipFamily } from '#bytes/ip'
import type { Arena } from './arena.ts'
import { boundSocket, SOCK_DGRAM } from './bound-socket.ts'
import { DatagramSocket } from './datagram-socket.ts'
import type { SocketOptions } from './socket-options.ts'

/**
 * A UDP socket bound to one address and port (port 0: any free one). UDP checksums stay on: receivers may not merge datagrams
 * without one, and segmentation offload refuses it. Nothing else of this machine may share the port, unless `sharesPort` says so. @throws SystemError
 */
export function openUdpSocket(
  arena: Arena,
  local: Endpoint,
  options: SocketOptions = {},
): DatagramSocket {
  const { descriptor, endpoint } = boundSocket(
    SOCK_DGRAM,
    IPPROTO_UDP,
    local,
    options,
    formatEndpoint(local),
  )
  return new DatagramSocket(
    arena,
    descriptor,
    ipFamily(local.address),
    endpoint,
    options.pathMtuDiscovery,
  )
}

const IPPROTO_UDP = 17
