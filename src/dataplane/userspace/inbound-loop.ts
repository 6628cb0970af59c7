import { type DatagramSocket, socketOver } from '#platform/datagram-socket'
import { tunOver } from '#platform/tun'
import type { DataPlaneSettings } from '../port.ts'
import { Echoes, EchoWatch } from './echo-watch.ts'
import { type SharedDevices, saFromPlain, TunnelCounter } from './messages.ts'
import { NetworkReader } from './network-reader.ts'
import { Receiver } from './receiver.ts'
import { SocketErrors } from './socket-errors.ts'
import { TunSink } from './tun-sink.ts'
import type { HostSide } from './tunnel.ts'
import { type Order, type ThreadParts, Turns } from './turns.ts'

type AdoptedTunnel = HostSide & { readonly interfaceName: string; close(): void }

/**
 * The network's side of a data plane of two threads: it alone opens packets, and so owns replay windows and merging. Sockets and devices
 * are those that the other thread opened.
 */
export class InboundLoop {
  readonly #parts: ThreadParts
  readonly #receiver: Receiver
  readonly #reader: NetworkReader
  readonly #errors: SocketErrors
  readonly #echoes: EchoWatch
  readonly #turns: Turns
  #sockets: readonly DatagramSocket[] = []
  readonly #tunnels = new Map<string, AdoptedTunnel>()

  constructor(parts: ThreadParts) {
    const { memory, events } = parts
    this.#parts = parts
    this.#echoes = new EchoWatch(memory.arena, events)
    this.#receiver = new Receiver(memory, events, this.#echoes)
    this.#reader = new NetworkReader(memory, events, this.#receiver)
    this.#errors = new SocketErrors(events, (remote, mtu) => events.pathMtu(remote, mtu))
    this.#turns = new Turns(parts, {
      tick: (now) => this.#echoes.tick(this.#tunnels.values(), now),
      obey: (order, now) => this.#obey(order, now),
      handle: (index, place, now) => this.#handle(index, place, now),
    })
  }

  /** Until a `close` message comes. @throws whatever goes wrong beyond repair, with everything given up */
  run(): void {
    try {
      this.#turns.run()
    } finally {
      this.#receiver.close()
      for (const socket of this.#sockets) socket.close()
      for (const tunnel of this.#tunnels.values()) tunnel.close()
    }
  }

  #handle(index: number, place: number, now: number): void {
    const socket = this.#sockets[index]
    if (socket === undefined) return
    const { ready } = this.#turns
    if (ready.failed(place)) this.#errors.read(socket, now)
    if (ready.readable(place)) this.#reader.drain(socket, now)
  }

  #obey(order: Order, now: number): void {
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
        this.#install(order, now)
        return
      case 'remove-sa':
        if (order.direction === 'inbound') this.#receiver.remove(order.spi)
        return
      case 'move-sas':
        this.#receiver.move(order.tunnel, order.local, order.remote)
        return
      case 'trust-ike-spis':
        this.#parts.events.trust(order.come, order.gone)
        return
      case 'probe-path':
        this.#tunnels.get(order.tunnel)?.echoes.expect(now)
        return
      case 'ask-host':
        this.#tunnels.get(order.tunnel)?.echoes.expectHost(order.echo, now)
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

  #install(order: Order & { kind: 'install-sa' }, now: number): void {
    const sa = saFromPlain(order.sa)
    if (sa.direction !== 'inbound') throw new Error('this thread seals nothing')
    const transform = this.#parts.factory('inbound', sa.suite, sa.encryptionKey, sa.integrityKey)
    const tunnel = this.#tunnels.get(sa.child.tunnel)
    this.#receiver.install(sa, transform, new Float64Array(order.counters), tunnel, now)
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
    this.#turns.waitFor(this.#sockets.map(({ fd }) => fd))
  }
}
