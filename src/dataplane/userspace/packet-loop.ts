import { messageOf } from '#bytes/thrown'
import type { EspTransformFactory } from '#esp/transform'
import type { DatagramSocket } from '#platform/datagram-socket'
import { SystemError } from '#platform/errno'
import type { EventFd } from '#platform/eventfd'
import { ReadySet } from '#platform/ready-set'
import type { SpiShare } from '#platform/spi-steering'
import { VIRTIO_HEADER_OCTETS } from '#wire/virtio-net'
import { IKE_PORT } from './demux.ts'
import type { Events } from './events.ts'
import { HandOver } from './hand-over.ts'
import { Installation } from './installation.ts'
import type { FromWorker, SharedDevices, ToWorker } from './messages.ts'
import { BURST, BURST_OCTETS, NetworkReader } from './network-reader.ts'
import { MAX_PACKET_OCTETS, type PacketMemory } from './packet-memory.ts'
import type { Tunnel } from './tunnel.ts'

/** Milliseconds; also how long a thread that is told to end by `terminate()` may hang in epoll_wait(). */
const TICK = 500

export type LoopParts = {
  /** Whether another thread reads ESP, and IKE beside it, from the network. */
  readonly outboundOnly: boolean
  readonly share: SpiShare
  readonly memory: PacketMemory
  readonly factory: EspTransformFactory
  readonly events: Events
  readonly wake: EventFd
  readonly takeMessage: () => ToWorker | undefined
  readonly post: (message: FromWorker) => void
  /** Milliseconds of the monotonic clock. */
  readonly clock: () => number
}

/** Waits for any descriptor, moves packets in bursts, and takes orders in between. */
export class PacketLoop {
  readonly #parts: LoopParts
  readonly #installation: Installation
  readonly #ready: ReadySet
  readonly #reader: NetworkReader
  readonly #handOver = new HandOver()
  #sockets: readonly DatagramSocket[] = []
  /** By the same index as their descriptors behind those of the sockets; a device that broke is undefined. */
  #tunnels: (Tunnel | undefined)[] = []
  #now = 0
  #tickedAt = 0
  #running = true

  constructor(parts: LoopParts) {
    this.#parts = parts
    const { memory, factory, events, share } = parts
    this.#installation = new Installation(memory, factory, events, share)
    this.#ready = new ReadySet([parts.wake.fd])
    this.#reader = new NetworkReader(memory, events, this.#installation.receiver)
  }

  /** Until a `close` message comes. @throws whatever goes wrong beyond repair, with everything undone */
  run(): void {
    try {
      while (this.#running) this.#turn()
    } finally {
      this.#installation.close()
      this.#ready.close()
    }
  }

  #turn(): void {
    const ready = this.#ready.wait(TICK)
    this.#now = this.#parts.clock()
    if (this.#now - this.#tickedAt >= 1000) {
      this.#tickedAt = this.#now
      this.#installation.tick(this.#now)
    }
    for (let place = 0; place < ready; place++) {
      if (this.#ready.index(place) !== 0) continue
      this.#parts.wake.clear()
      // Orders may change the set of descriptors, so that these answers mean nothing any more.
      if (this.#takeOrders()) return
    }
    const sockets = this.#sockets.length
    for (let place = 0; place < ready; place++) {
      const index = this.#ready.index(place) - 1
      if (index >= sockets) this.#drainTunnel(index - sockets)
      else if (index >= 0) this.#handleSocket(this.#sockets[index] as DatagramSocket, place)
    }
  }

  #handleSocket(socket: DatagramSocket, place: number): void {
    if (this.#ready.failed(place)) this.#installation.readErrors(socket)
    if (this.#ready.readable(place)) this.#reader.drain(socket, this.#now)
  }

  #drainTunnel(index: number): void {
    const tunnel = this.#tunnels[index]
    if (tunnel === undefined) return
    const { sender } = this.#installation
    const { fromHost } = this.#parts.memory
    const header = fromHost - VIRTIO_HEADER_OCTETS
    try {
      let octets = 0
      for (let i = 0; i < BURST && octets < BURST_OCTETS; i++) {
        const length = tunnel.tun.read(header, VIRTIO_HEADER_OCTETS + MAX_PACKET_OCTETS)
        if (length < 0) break
        octets += length
        sender.handle(tunnel, header, length, this.#now)
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      // Somebody removed the device; the other tunnels go on.
      this.#tunnels[index] = undefined
      this.#watch()
      this.#parts.events.emit({
        kind: 'failed',
        message: `tunnel ${tunnel.settings.name}: ${error.message}`,
      })
    }
    sender.sendAll()
  }

  /** @returns whether there were any */
  #takeOrders(): boolean {
    let any = false
    for (let order = this.#parts.takeMessage(); order; order = this.#parts.takeMessage()) {
      any = true
      try {
        this.#obey(order)
      } catch (error) {
        this.#parts.events.emit({ kind: 'failed', message: `${order.kind}: ${messageOf(error)}` })
      }
      if (!this.#running) return true
    }
    return any
  }

  #obey(order: ToWorker): void {
    const installation = this.#installation
    switch (order.kind) {
      case 'configure':
        this.#configure(order)
        return
      case 'install-sa':
        installation.installSa(order.sa, order.counters, this.#now)
        return
      case 'note-inbound-sa':
        installation.noteInboundSa(order.child, order.spi)
        return
      case 'path-mtu':
        installation.reportMtu(order.remote, order.mtu, this.#now)
        return
      case 'echo-shown':
        installation.noteShown(order.tunnel, order.address)
        return
      case 'remove-sa':
        installation.removeSa(order.direction, order.child, order.spi)
        return
      case 'move-sas':
        installation.moveSas(order.tunnel, order.local, order.remote)
        return
      case 'send-ike':
        installation.sendIke(order.octets, order.local, order.remote, order.whole)
        return
      case 'probe-path':
        installation.probePath(order.tunnel, order.id, order.octets, this.#now)
        return
      case 'ask-host':
        installation.askHost(order.tunnel, order.echo, this.#now)
        return
      case 'limit-path':
        installation.limitPath(order.tunnel, order.octets)
        return
      case 'nat-keepalive':
        installation.sendNatKeepalive(order.local, order.remote)
        return
      case 'plan':
        this.#answer(order.id, () => installation.planFor(order.lane, order.tunnels))
        return
      case 'release':
        this.#parts.events.follow(order.peers)
        this.#answer(order.id, () => installation.release(order.settings))
        this.#follow()
        return
      case 'adopt':
        throw new Error('this thread opens sockets and devices itself')
      case 'close':
        this.#running = false
    }
  }

  #configure({ id, settings, tunnelCounters }: ToWorker & { kind: 'configure' }): void {
    let problem: string | undefined
    let devices: SharedDevices | undefined
    try {
      this.#installation.configure(settings, tunnelCounters)
    } catch (error) {
      problem = messageOf(error)
    }
    try {
      devices = this.#shared()
    } catch (error) {
      problem ??= messageOf(error)
    }
    const shared = devices === undefined ? {} : { devices }
    this.#parts.post(
      problem === undefined
        ? { kind: 'configured', id, ...shared }
        : { kind: 'not-configured', id, message: problem, ...shared },
    )
    this.#follow()
  }

  #answer(id: number, work: () => void): void {
    try {
      work()
      this.#parts.post({ kind: 'configured', id })
    } catch (error) {
      this.#parts.post({ kind: 'not-configured', id, message: messageOf(error) })
    }
  }

  /** Waits for what there is now. */
  #follow(): void {
    this.#sockets = this.#installation.sockets.all
    this.#tunnels = [...this.#installation.tunnels]
    this.#watch()
  }

  /** For the thread that reads them; what was changed before something failed is there too. */
  #shared(): SharedDevices | undefined {
    if (!this.#parts.outboundOnly) return undefined
    const { sockets, tunnels } = this.#installation
    return this.#handOver.devices(sockets.all.filter(carriesEsp), tunnels)
  }

  #watch(): void {
    const elsewhere = this.#parts.outboundOnly ? this.#sockets.filter(carriesEsp) : []
    this.#ready.replace(
      [
        this.#parts.wake.fd,
        ...this.#sockets.map(({ fd }) => fd),
        ...this.#tunnels.map((tunnel) => tunnel?.tun.fd ?? -1),
      ],
      new Set(elsewhere.map(({ fd }) => fd)),
    )
  }
}

function carriesEsp({ local }: DatagramSocket): boolean {
  return local.port !== IKE_PORT
}
