import { messageOf } from '#bytes/thrown'
import type { DatagramSocket } from '#platform/datagram-socket'
import { SystemError } from '#platform/errno'
import type { SpiShare } from '#platform/spi-steering'
import { VIRTIO_HEADER_OCTETS } from '#wire/virtio-net'
import { IKE_PORT } from './demux.ts'
import { HandOver } from './hand-over.ts'
import { Installation } from './installation.ts'
import type { SharedDevices } from './messages.ts'
import { BURST, BURST_OCTETS, NetworkReader } from './network-reader.ts'
import { MAX_PACKET_OCTETS } from './packet-memory.ts'
import type { Tunnel } from './tunnel.ts'
import { type Order, type ThreadParts, Turns } from './turns.ts'

export type PacketLoopParts = ThreadParts & {
  /** Whether another thread reads ESP, and IKE beside it, from the network. */
  readonly outboundOnly: boolean
  readonly share: SpiShare
}

/** Moves packets in bursts, from the host and from the network, and takes orders in between. */
export class PacketLoop {
  readonly #parts: PacketLoopParts
  readonly #installation: Installation
  readonly #turns: Turns
  readonly #reader: NetworkReader
  readonly #handOver = new HandOver()
  #sockets: readonly DatagramSocket[] = []
  /** By the same index as their descriptors behind those of the sockets; a device that broke is undefined. */
  #tunnels: (Tunnel | undefined)[] = []

  constructor(parts: PacketLoopParts) {
    this.#parts = parts
    const { memory, factory, events, share } = parts
    this.#installation = new Installation(memory, factory, events, share)
    this.#reader = new NetworkReader(memory, events, this.#installation.receiver)
    this.#turns = new Turns(parts, {
      tick: (now) => this.#installation.tick(now),
      obey: (order, now) => this.#obey(order, now),
      handle: (index, place, now) => this.#handle(index, place, now),
    })
  }

  /** Until a `close` message comes. @throws whatever goes wrong beyond repair, with everything undone */
  run(): void {
    try {
      this.#turns.run()
    } finally {
      this.#installation.close()
    }
  }

  #handle(index: number, place: number, now: number): void {
    const socket = this.#sockets[index]
    if (socket === undefined) {
      this.#drainTunnel(index - this.#sockets.length, now)
      return
    }
    const { ready } = this.#turns
    if (ready.failed(place)) this.#installation.readErrors(socket)
    if (ready.readable(place)) this.#reader.drain(socket, now)
  }

  #drainTunnel(index: number, now: number): void {
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
        sender.handle(tunnel, header, length, now)
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

  #obey(order: Order, now: number): void {
    const installation = this.#installation
    switch (order.kind) {
      case 'configure':
        this.#configure(order)
        return
      case 'install-sa':
        installation.installSa(order.sa, order.counters, now)
        return
      case 'note-inbound-sa':
        installation.noteInboundSa(order.child, order.spi)
        return
      case 'path-mtu':
        installation.reportMtu(order.remote, order.mtu, now)
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
      case 'trust-ike-spis':
        this.#parts.events.trust(order.come, order.gone)
        return
      case 'probe-path':
        installation.probePath(order.tunnel, order.id, order.octets, now)
        return
      case 'ask-host':
        installation.askHost(order.tunnel, order.echo, now)
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
    }
  }

  #configure({ id, settings, tunnelCounters }: Order & { kind: 'configure' }): void {
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
    this.#turns.waitFor(
      [
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
