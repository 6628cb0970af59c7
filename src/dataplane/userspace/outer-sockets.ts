import type { Endpoint, IpAddress } from '#bytes/ip'
import type { EspEncapsulation } from '#esp/sa'
import type { Arena } from '#platform/arena'
import type { DatagramSocket } from '#platform/datagram-socket'
import { openRawEspSocket } from '#platform/raw-esp-socket'
import { canSegmentDatagrams, enableReceiveOffload } from '#platform/socket-options'
import { openUdpSocket } from '#platform/udp-socket'
import { IKE_PORT, NAT_TRAVERSAL_PORT } from './demux.ts'
import { OUTER_MARK } from './routing-plan.ts'

/** The three sockets of one local address. Answers leave from the address they were asked at, because each socket is bound to it. */
export type AddressSockets = {
  readonly ike: DatagramSocket
  readonly natTraversal: DatagramSocket
  readonly esp: DatagramSocket
  /** Whether the kernel joins datagrams of one sender, and cuts a message into many: on port 4500. */
  readonly joins: boolean
  readonly cuts: boolean
}

/** All sockets towards the network, by local address. */
export class OuterSockets {
  readonly #arena: Arena
  readonly #byAddress = new Map<IpAddress, AddressSockets>()

  constructor(arena: Arena) {
    this.#arena = arena
  }

  get all(): readonly DatagramSocket[] {
    return [...this.#byAddress.values()].flatMap(({ ike, natTraversal, esp }) => [
      ike,
      natTraversal,
      esp,
    ])
  }

  /**
   * Opens what is missing and closes what is no longer needed. @returns what can be told of what was opened
   * @throws SystemError with nothing changed
   */
  configure(addresses: readonly IpAddress[]): readonly string[] {
    const opened = new Map<IpAddress, AddressSockets>()
    try {
      for (const address of new Set(addresses)) {
        if (!this.#byAddress.has(address)) opened.set(address, openSockets(this.#arena, address))
      }
    } catch (error) {
      for (const sockets of opened.values()) closeSockets(sockets)
      throw error
    }
    for (const [address, sockets] of this.#byAddress) {
      if (addresses.includes(address)) continue
      closeSockets(sockets)
      this.#byAddress.delete(address)
    }
    for (const [address, sockets] of opened) this.#byAddress.set(address, sockets)
    return [...opened].map(([address, sockets]) => offloadSentence(address, sockets))
  }

  /** The socket an IKE message leaves by. */
  forIke({ address, port }: Endpoint): DatagramSocket | undefined {
    const sockets = this.#byAddress.get(address)
    return port === NAT_TRAVERSAL_PORT ? sockets?.natTraversal : sockets?.ike
  }

  forEsp(address: IpAddress, encapsulation: EspEncapsulation): DatagramSocket | undefined {
    const sockets = this.#byAddress.get(address)
    return encapsulation === 'udp' ? sockets?.natTraversal : sockets?.esp
  }

  close(): void {
    for (const sockets of this.#byAddress.values()) closeSockets(sockets)
    this.#byAddress.clear()
  }
}

function openSockets(arena: Arena, address: IpAddress): AddressSockets {
  const opened: DatagramSocket[] = []
  const keep = (socket: DatagramSocket): DatagramSocket => {
    opened.push(socket)
    return socket
  }
  const options = { mark: OUTER_MARK }
  try {
    // A key exchange may be longer than the path is wide; IP fragments carry it then, as in every IKEv1.
    const ike = { ...options, pathMtuDiscovery: 'dont' } as const
    const sockets = {
      ike: keep(openUdpSocket(arena, { address, port: IKE_PORT }, ike)),
      natTraversal: keep(openUdpSocket(arena, { address, port: NAT_TRAVERSAL_PORT }, options)),
      esp: keep(openRawEspSocket(arena, address, options)),
    }
    const { fd } = sockets.natTraversal
    return { ...sockets, joins: enableReceiveOffload(fd), cuts: canSegmentDatagrams(fd) }
  } catch (error) {
    for (const socket of opened) socket.close()
    throw error
  }
}

/** For the log; peers that send no UDP checksum are never joined, whatever the kernel can. */
function offloadSentence(address: IpAddress, { joins, cuts }: AddressSockets): string {
  if (joins && cuts) return `${address}: many datagrams to a message on port 4500, both ways`
  const lacks = [joins ? '' : 'in (Linux 5.0)', cuts ? '' : 'out (Linux 4.18)'].filter(Boolean)
  return `${address}: this kernel has no messages of many datagrams on port 4500 ${lacks.join(' and ')}; packets cost more`
}

function closeSockets({ ike, natTraversal, esp }: AddressSockets): void {
  ike.close()
  natTraversal.close()
  esp.close()
}
