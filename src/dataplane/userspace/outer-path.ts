import { type Endpoint, type IpAddress, ipFamily } from '#bytes/ip'
import { IPV4_MIN_MTU, IPV6_MIN_MTU } from '#esp/mtu'
import type { EspEncapsulation } from '#esp/sa'
import type { DatagramSocket } from '#platform/datagram-socket'
import { withNetlink } from '#platform/netlink'
import { routeTo } from '#platform/routes'
import { type Destination, prepareDestination } from '#platform/socket-address'
import { canSegmentDatagrams, type PathMtuDiscovery } from '#platform/socket-options'
import { OUTER_MARK } from './routing-plan.ts'

const USUAL_MTU = 1500
/** How long a smaller MTU that somebody reported is believed (RFC 1191 §6.3, RFC 8201 §4: ten minutes). */
const REPORT_LIFE_MS = 600_000

/** How long a path goes without segmentation offload after the kernel refused it: routes and devices change. */
const REFUSAL_LIFE_MS = 60_000

/** How ESP packets of some SAs travel: the socket they leave by, where they go, and how large they may be. */
export class OuterPath {
  readonly socket: DatagramSocket
  readonly destination: Destination
  readonly encapsulation: EspEncapsulation
  /** Whether datagrams may leave as one message that the kernel cuts; a raw socket cannot. */
  segments: boolean
  /** Counters of the tunnel that packets of this path are of; undefined where several share it. */
  user: Float64Array | undefined
  #shared = false
  #mtu: number
  #reportedUntil = 0
  #refusedUntil = 0

  constructor(socket: DatagramSocket, remote: Endpoint, encapsulation: EspEncapsulation) {
    const port = encapsulation === 'udp' ? remote.port : 0
    this.socket = socket
    this.destination = prepareDestination({ address: remote.address, port })
    this.encapsulation = encapsulation
    this.segments = this.#canSegment()
    this.#mtu = pathMtu(remote.address)
  }

  /** Of the outer IP packet. */
  get mtu(): number {
    return this.#mtu
  }

  get remote(): IpAddress {
    return this.destination.endpoint.address
  }

  /** A tunnel with these counters sends by it. */
  use(counters: Float64Array): void {
    this.#shared ||= this.user !== undefined && this.user !== counters
    this.user = this.#shared ? undefined : counters
  }

  /** @returns whether the MTU changed */
  report(mtu: number, now: number): boolean {
    const floor = ipFamily(this.remote) === 4 ? IPV4_MIN_MTU : IPV6_MIN_MTU
    const believed = Math.max(mtu, floor)
    this.#reportedUntil = now + REPORT_LIFE_MS
    if (believed >= this.#mtu) return false
    this.#mtu = believed
    return true
  }

  refuseSegments(now: number): void {
    this.segments = false
    this.#refusedUntil = now + REFUSAL_LIFE_MS
  }

  /** Forgets a report that has grown old, and asks the host again. @returns whether the MTU changed */
  refresh(now: number): boolean {
    if (this.#refusedUntil > 0 && now >= this.#refusedUntil) {
      this.#refusedUntil = 0
      this.segments = this.#canSegment()
    }
    if (this.#reportedUntil === 0 || now < this.#reportedUntil) return false
    this.#reportedUntil = 0
    const before = this.#mtu
    this.#mtu = pathMtu(this.remote)
    return this.#mtu !== before
  }

  #canSegment(): boolean {
    return this.encapsulation === 'udp' && canSegmentDatagrams(this.socket.fd)
  }
}

/**
 * One datagram for which another rule holds than for the others of its socket: `probe` has DF set whatever the host believes of the
 * path, so that the answer tells; `dont` may be cut. @returns as `send` does
 */
export function sendOtherwise(
  socket: DatagramSocket,
  at: number,
  octets: number,
  destination: Destination,
  how: PathMtuDiscovery,
  tos = 0,
): number {
  const usual = socket.pathMtuDiscovery
  socket.setPathMtuDiscovery(how)
  const result = socket.send(at, octets, destination, tos)
  socket.setPathMtuDiscovery(usual)
  return result
}

function pathMtu(remote: IpAddress): number {
  const path = withNetlink((netlink) => routeTo(netlink, remote, OUTER_MARK))
  // Loopback and some virtual devices claim more than an IP packet can have.
  return path === undefined || path.mtu === 0 ? USUAL_MTU : Math.min(path.mtu, 0xffff)
}
