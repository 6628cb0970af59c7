import type { Endpoint, IpAddress } from '#bytes/ip'
import type { EspEncapsulation } from '#esp/sa'
import type { Arena } from '#platform/arena'
import type { DatagramSocket } from '#platform/datagram-socket'
import { openRawEspSocket } from '#platform/raw-esp-socket'
import { socketDrops } from '#platform/socket-drops'
import { canSegmentDatagrams, enableReceiveOffload } from '#platform/socket-options'
import { type SpiShare, steerDatagrams, takeShare } from '#platform/spi-steering'
import { openUdpSocket } from '#platform/udp-socket'
import { IKE_PORT, NAT_TRAVERSAL_PORT } from './demux.ts'
import { OUTER_MARK } from './routing-plan.ts'

/** The sockets of one local address. Answers leave from the address they were asked at, because each socket is bound to it. */
export type AddressSockets = {
  /** Only where the share begins: nobody else has it. */
  readonly ike: DatagramSocket | undefined
  readonly natTraversal: DatagramSocket
  readonly esp: DatagramSocket
  /** Whether the kernel joins datagrams of one sender, and cuts a message into many: on port 4500. */
  readonly joins: boolean
  readonly cuts: boolean
}

/** All sockets towards the network, by local address. */
export class OuterSockets {
  readonly #arena: Arena
  readonly #share: SpiShare
  readonly #byAddress = new Map<IpAddress, AddressSockets>()
  readonly #drops = new WeakMap<DatagramSocket, number>()

  constructor(arena: Arena, share: SpiShare) {
    this.#arena = arena
    this.#share = share
  }

  get all(): readonly DatagramSocket[] {
    return [...this.#byAddress.values()].flatMap(socketsOf)
  }

  /**
   * After `release`: opens what is missing. @returns what can be told of what was opened
   * @throws SystemError with nothing changed
   */
  configure(addresses: readonly IpAddress[]): readonly string[] {
    const opened = new Map<IpAddress, AddressSockets>()
    try {
      for (const address of new Set(addresses)) {
        if (this.#byAddress.has(address)) continue
        opened.set(address, openSockets(this.#arena, address, this.#share))
      }
    } catch (error) {
      for (const sockets of opened.values()) closeSockets(sockets)
      throw error
    }
    for (const [address, sockets] of opened) this.#byAddress.set(address, sockets)
    // The others are no different.
    if (this.#share.index > 0) return []
    return [...opened].map(([address, sockets]) => offloadSentence(address, sockets))
  }

  /** Closes those of other addresses than these. */
  release(addresses: readonly IpAddress[]): void {
    for (const [address, sockets] of this.#byAddress) {
      if (addresses.includes(address)) continue
      closeSockets(sockets)
      this.#byAddress.delete(address)
    }
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

  /** Datagrams that were lost, since this was asked last, because they came faster than they are read. */
  newDrops(): number {
    return this.all.reduce((sum, socket) => {
      const drops = socketDrops(socket.fd)
      const more = (drops - (this.#drops.get(socket) ?? 0)) >>> 0
      this.#drops.set(socket, drops)
      return sum + more
    }, 0)
  }

  close(): void {
    for (const sockets of this.#byAddress.values()) closeSockets(sockets)
    this.#byAddress.clear()
  }
}

/** Those who share must open theirs in the order of their shares: it is how the kernel numbers them. */
function openSockets(arena: Arena, address: IpAddress, share: SpiShare): AddressSockets {
  const opened: DatagramSocket[] = []
  const keep = (socket: DatagramSocket): DatagramSocket => {
    opened.push(socket)
    return socket
  }
  const shared = share.of > 1
  const first = share.index === 0
  const options = { mark: OUTER_MARK }
  try {
    // A key exchange may be longer than the path is wide; IP fragments carry it then, as in every IKEv1.
    const ike = { ...options, pathMtuDiscovery: 'dont' } as const
    const traversal = { ...options, sharesPort: shared }
    const sockets = {
      ike: first ? keep(openUdpSocket(arena, { address, port: IKE_PORT }, ike)) : undefined,
      natTraversal: keep(openUdpSocket(arena, { address, port: NAT_TRAVERSAL_PORT }, traversal)),
      esp: keep(openRawEspSocket(arena, address, options)),
    }
    const { fd } = sockets.natTraversal
    if (shared && first) steerDatagrams(fd, share.of)
    if (shared) takeShare(sockets.esp.fd, sockets.esp.family, share)
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

function socketsOf({ ike, natTraversal, esp }: AddressSockets): readonly DatagramSocket[] {
  return ike === undefined ? [natTraversal, esp] : [ike, natTraversal, esp]
}

function closeSockets(sockets: AddressSockets): void {
  for (const socket of socketsOf(sockets)) socket.close()
}
