import type { Endpoint, IpAddress } from '#bytes/ip'
import type { DatagramSocket } from '#platform/datagram-socket'
import { NAT_TRAVERSAL_PORT } from './demux.ts'
import type { Events } from './events.ts'

/** Entries of an error queue read in one go. */
const MAX_ERRORS = 64
/** Of IKE, so many are told in a second: who forges them faster must not fill the memory with what waits for the main thread. */
const MAX_TOLD = 256

/** Tells what routers, or our own kernel, said about packets that left by one of our sockets. */
export class SocketErrors {
  readonly #events: Events
  readonly #onMtu: (remote: Endpoint, mtu: number, now: number) => void
  #espRefusedAt = Number.NEGATIVE_INFINITY
  #told = 0
  #toldSince = Number.NEGATIVE_INFINITY

  /** @param onMtu somebody knows how much the path to `remote` takes */
  constructor(events: Events, onMtu: (remote: Endpoint, mtu: number, now: number) => void) {
    this.#events = events
    this.#onMtu = onMtu
  }

  read(socket: DatagramSocket, now: number): void {
    for (let i = 0; i < MAX_ERRORS; i++) {
      const error = socket.receiveError()
      if (error === undefined) return
      if (error.mtu > 0) this.#onMtu(error.destination, error.mtu, now)
      if (error.origin === 'local') continue
      if (!isAboutIke(socket, error.quoted)) {
        if (error.mtu === 0) this.#espRefused(error.destination.address, error.reporter, now)
        continue
      }
      if (!this.#mayTell(now)) continue
      this.#events.emit({
        kind: 'unreachable',
        remote: error.destination,
        reporter: error.reporter,
        icmpType: error.icmpType,
        icmpCode: error.icmpCode,
      })
    }
  }

  #mayTell(now: number): boolean {
    if (now - this.#toldSince >= 1000) {
      this.#toldSince = now
      this.#told = 0
    }
    this.#told++
    return this.#told <= MAX_TOLD
  }

  /** Once a second at most: as many may come as there are packets. */
  #espRefused(remote: IpAddress, reporter: IpAddress | undefined, now: number): void {
    if (now - this.#espRefusedAt < 1000) return
    this.#espRefusedAt = now
    this.#events.emit({ kind: 'esp-refused', remote, reporter })
  }
}

/** On port 4500 our own packets come back quoted: those of IKE begin with the non-ESP marker. */
function isAboutIke(socket: DatagramSocket, quoted: Uint8Array): boolean {
  const { port } = socket.local
  if (port !== NAT_TRAVERSAL_PORT) return port !== 0
  return quoted.length >= 4 && quoted.subarray(0, 4).every((octet) => octet === 0)
}
