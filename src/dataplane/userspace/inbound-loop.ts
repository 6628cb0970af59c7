import { messageOf } from '#bytes/thrown'
import type { EspTransformFactory } from '#esp/transform'
import { type DatagramSocket, socketOver } from '#platform/datagram-socket'
import type { EventFd } from '#platform/eventfd'
import { ReadySet } from '#platform/ready-set'
import { tunOver } from '#platform/tun'
import type { DataPlaneSettings } from '../port.ts'
import { Echoes, EchoWatch } from './echo-watch.ts'
import type { Events } from './events.ts'
import {
  type FromWorker,
  type SharedDevices,
  saFromPlain,
  type ToWorker,
  TunnelCounter,
} from './messages.ts'
import { NetworkReader } from './network-reader.ts'
import type { PacketMemory } from './packet-memory.ts'
import { Receiver } from './receiver.ts'
import { SocketErrors } from './socket-errors.ts'
import { TunSink } from './tun-sink.ts'
import type { HostSide } from './tunnel.ts'

/** Milliseconds; also how long a thread that is told to end by `terminate()` may hang in epoll_wait(). */
const TICK = 500

export type InboundLoopParts = {
  readonly memory: PacketMemory
  readonly factory: EspTransformFactory
  readonly events: Events
  readonly wake: EventFd
  readonly takeMessage: () => ToWorker | undefined
  readonly post: (message: FromWorker) => void
  /** Milliseconds of the monotonic clock. */
  readonly clock: () => number
}

type AdoptedTunnel = HostSide & { readonly interfaceName: string; close(): void }

/**
 * The network's side of a data plane of two threads: it alone opens packets, and so owns replay windows and merging. Sockets and devices
 * are those that the other thread opened.
 */
export class InboundLoop {
  readonly #parts: InboundLoopParts
  readonly #receiver: Receiver
  readonly #reader: NetworkReader
  readonly #errors: SocketErrors
  readonly #echoes: EchoWatch
  readonly #ready: ReadySet
  #sockets: readonly DatagramSocket[] = []
  readonly #tunnels = new Map<string, AdoptedTunnel>()
  #now = 0
  #tickedAt = 0
  #running = true

  constructor(parts: InboundLoopParts) {
    const { memory, events } = parts
    this.#parts = parts
    this.#echoes = new EchoWatch(memory.arena, events)
    this.#receiver = new Receiver(memory, events, this.#echoes)
    this.#reader = new NetworkReader(memory, events, this.#receiver)
    this.#errors = new SocketErrors(events, (remote, mtu) => events.pathMtu(remote, mtu))
    this.#ready = new ReadySet([parts.wake.fd])
  }

  /** Until a `close` message comes. @throws whatever goes wrong beyond repair, with everything given up */
  run(): void {
    try {
      while (this.#running) this.#turn()
    } finally {
      this.#receiver.close()
      for (const socket of this.#sockets) socket.close()
      for (const tunnel of this.#tunnels.values()) tunnel.close()
      this.#ready.close()
    }
  }

  #turn(): void {
    const ready = this.#ready.wait(TICK)
    this.#now = this.#parts.clock()
    if (this.#now - this.#tickedAt >= 1000) {
      this.#tickedAt = this.#now
      this.#echoes.tick(this.#tunnels.values(), this.#now)
    }
    for (let place = 0; place < ready; place++) {
      if (this.#ready.index(place) !== 0) continue
      this.#parts.wake.clear()
      // Orders may change the set of descriptors, so that these answers mean nothing any more.
      if (this.#takeOrders()) return
    }
    for (let place = 0; place < ready; place++) {
      const socket = this.#sockets[this.#ready.index(place) - 1]
      if (socket === undefined) continue
      if (this.#ready.failed(place)) this.#errors.read(socket, this.#now)
      if (this.#ready.readable(place)) this.#reader.drain(socket, this.#now)
    }
  }

  /** @returns whether there were any */
  #takeOrders(): boolean {
    let any = false
    for (let order = this.#parts.takeMessage(); order; order = this.#parts.takeMessage()) {
      any = true
      try {
        this.#obey(order)
      } catch (error) {
        const reason = messageOf(error)
        this.#parts.events.emit({ kind: 'failed', message: `${order.kind}: ${reason}` })
      }
      if (!this.#running) return true
    }
    return any
  }

  #obey(order: ToWorker): void {
    switch (order.kind) {
      case 'release':
        this.#parts.events.follow(order.peers)
        this.#release(order.settings)
        this.#parts.post({ kind: 'configured', id: order.id })
        return
      case 'adopt':
        this.#adopt(order.devices, order.tunnelCounters)
        this.#parts.post({ kind: 'configured', id: order.id })
        return
      case 'install-sa':
        this.#install(order)
        return
      case 'remove-sa':
        if (order.direction === 'inbound') this.#receiver.remove(order.spi)
        return
      case 'move-sas':
        this.#receiver.move(order.tunnel, order.local, order.remote)
        return
      case 'probe-path':
        this.#tunnels.get(order.tunnel)?.echoes.expect(this.#now)
        return
      case 'ask-host':
        this.#tunnels.get(order.tunnel)?.echoes.expectHost(order.echo, this.#now)
        return
      case 'close':
        this.#running = false
        return
      case 'configure':
      case 'plan':
      case 'send-ike':
      case 'nat-keepalive':
      case 'note-inbound-sa':
      case 'path-mtu':
      case 'limit-path':
      case 'echo-shown':
        throw new Error('this thread sends nothing')
    }
  }

  #install(order: ToWorker & { kind: 'install-sa' }): void {
    const sa = saFromPlain(order.sa)
    if (sa.direction !== 'inbound') throw new Error('this thread seals nothing')
    const transform = this.#parts.factory('inbound', sa.suite, sa.encryptionKey, sa.integrityKey)
    const tunnel = this.#tunnels.get(sa.child.tunnel)
    this.#receiver.install(sa, transform, new Float64Array(order.counters), tunnel, this.#now)
  }

  /** Names of devices and addresses must be free before the other thread uses them for something new. */
  #release({ localAddresses, tunnels }: DataPlaneSettings): void {
    for (const [name, tunnel] of this.#tunnels) {
      const wanted = tunnels.find((one) => one.name === name)
      if (wanted?.interfaceName === tunnel.interfaceName) continue
      tunnel.close()
      this.#tunnels.delete(name)
    }
    const gone = this.#sockets.filter(({ local }) => !localAddresses.includes(local.address))
    for (const socket of gone) socket.close()
    this.#sockets = this.#sockets.filter((socket) => !gone.includes(socket))
    this.#attach()
  }

  #adopt(devices: SharedDevices, counters: ReadonlyMap<string, SharedArrayBuffer>): void {
    const { memory, events } = this.#parts
    for (const { name, interfaceName, index, offloads, fd } of devices.tunnels) {
      const buffer = counters.get(name)
      if (fd === undefined || buffer === undefined) continue
      this.#tunnels.get(name)?.close()
      const tun = tunOver(memory.arena, fd, interfaceName, index)
      const fields = new Float64Array(buffer)
      this.#tunnels.set(name, {
        settings: { name },
        interfaceName,
        sink: new TunSink(tun, offloads, memory, events, {
          counters: fields,
          field: TunnelCounter.notTaken,
        }),
        get mtuInside() {
          return fields[TunnelCounter.mtuInside] as number
        },
        echoes: new Echoes(),
        close: () => tun.close(),
      })
    }
    for (const { local, fd } of devices.sockets) {
      if (fd !== undefined) this.#sockets = [...this.#sockets, socketOver(memory.arena, fd, local)]
    }
    this.#attach()
  }

  #attach(): void {
    this.#receiver.attach((name) => this.#tunnels.get(name))
    this.#ready.replace([this.#parts.wake.fd, ...this.#sockets.map(({ fd }) => fd)])
  }
}
