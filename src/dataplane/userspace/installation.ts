import { type Endpoint, formatEndpoint } from '#bytes/ip'
import { OutboundState } from '#esp/outbound'
import type { ChildId, EspSpi, OutboundSa } from '#esp/sa'
import type { EspTransformFactory } from '#esp/transform'
import type { DatagramSocket } from '#platform/datagram-socket'
import { EMSGSIZE, errnoDetail } from '#platform/errno'
import { type Destination, prepareDestination } from '#platform/socket-address'
import type { SpiShare } from '#platform/spi-steering'
import type { DataPlaneSettings, DataPlaneTunnel, HostEcho } from '../port.ts'
import { ClearTraffic } from './clear-traffic.ts'
import { NAT_KEEPALIVE, NAT_TRAVERSAL_PORT, NON_ESP_MARKER_OCTETS } from './demux.ts'
import { EchoWatch } from './echo-watch.ts'
import type { Events } from './events.ts'
import { HostAsker } from './host-asker.ts'
import { reconcileRouting } from './host-routing.ts'
import { type PlainSa, saFromPlain, TunnelCounter } from './messages.ts'
import { OuterPath, sendOtherwise } from './outer-path.ts'
import { OuterSockets } from './outer-sockets.ts'
import type { PacketMemory } from './packet-memory.ts'
import { PathProber } from './path-prober.ts'
import { Receiver } from './receiver.ts'
import { inOrder, type PlannedTunnel } from './routing-plan.ts'
import { Sender } from './sender.ts'
import { SocketErrors } from './socket-errors.ts'
import { offloadSentence } from './tun-sink.ts'
import { type OutboundSlot, Tunnel } from './tunnel.ts'

const MAX_UDP_PAYLOAD = 65_507
/** Destinations of IKE messages that are kept ready; more are made anew. */
const MAX_DESTINATIONS = 1024

/** All that a lane has on this host: sockets, TUN devices, SAs; the first one lays the routes for all. What the main thread asks for is done here. */
export class Installation {
  readonly sockets: OuterSockets
  readonly receiver: Receiver
  readonly sender: Sender
  tunnels: readonly Tunnel[] = []
  readonly #memory: PacketMemory
  readonly #factory: EspTransformFactory
  readonly #events: Events
  readonly #share: SpiShare
  readonly #prober: PathProber
  readonly #asker: HostAsker
  readonly #echoes: EchoWatch
  readonly #clearTraffic: ClearTraffic
  readonly #paths = new Map<string, OuterPath>()
  readonly #destinations = new Map<string, Destination>()
  readonly #errors: SocketErrors
  /** What other lanes need of the routes. */
  readonly #plannedFor = new Map<number, readonly PlannedTunnel[]>()
  /** What the first lane was told last of the routes that this one needs. */
  #told: string | undefined
  /** Of all tunnels, in the order of the configuration. */
  #names: readonly string[] = []
  /** Once the ports were ours; until then the routes on this host may be those of another gateway. */
  #ownsRoutes = false
  #now = 0

  constructor(memory: PacketMemory, factory: EspTransformFactory, events: Events, share: SpiShare) {
    this.#memory = memory
    this.#factory = factory
    this.#events = events
    this.#share = share
    this.sockets = new OuterSockets(memory.arena, share)
    this.#errors = new SocketErrors(events, (remote, mtu, now) => {
      this.reportMtu(remote, mtu, now)
      // Of sockets that share a port the kernel tells any one.
      if (share.of > 1) events.pathMtu(remote, mtu)
    })
    this.#clearTraffic = new ClearTraffic(
      (text) => events.warn(text),
      (packets) => events.countCameInClear(packets),
    )
    this.sender = new Sender(memory, events, this, (path) =>
      // The kernel has learned a smaller MTU, and says which in the error queue.
      this.readErrors(path.socket),
    )
    this.#prober = new PathProber(memory, events, this.sender)
    this.#asker = new HostAsker(memory, this.sender)
    this.#echoes = new EchoWatch(memory.arena, events)
    this.receiver = new Receiver(memory, events, this.#echoes)
  }

  /** After `release`. @throws SystemError; what had been changed until then stays, and `close` undoes it */
  configure(settings: DataPlaneSettings, counters: ReadonlyMap<string, SharedArrayBuffer>): void {
    for (const fact of this.sockets.configure(settings.localAddresses)) this.#events.notice(fact)
    this.#ownsRoutes = this.#share.index === 0
    // Those of all lanes.
    this.#names = [...counters.keys()]
    for (const tunnel of settings.tunnels) this.#configureTunnel(tunnel, counters)
    this.receiver.attach((name) => this.#tunnel(name))
    // Whoever holds the ports is the one gateway of this host: what stands in its table now is ours, or was left behind.
    if (this.#ownsRoutes) this.#events.claimRoutes()
    this.#reconcileRouting()
  }

  /**
   * Gives up what `settings` no longer have: others may use the names of devices, and sockets that share a port all go before one of them
   * comes again, because the kernel numbers them by the order in which they come.
   */
  release(settings: DataPlaneSettings): void {
    this.sockets.release(settings.localAddresses)
    const open = new Set(this.sockets.all)
    for (const [key, path] of this.#paths) if (!open.has(path.socket)) this.#paths.delete(key)
    const wanted = new Map(settings.tunnels.map((one) => [one.name, one.interfaceName]))
    this.tunnels = this.tunnels.filter((tunnel) => {
      const { name, interfaceName } = tunnel.settings
      if (wanted.get(name) === interfaceName) return true
      tunnel.close()
      return false
    })
    // Before others lay routes: there may be none into what is gone.
    if (this.#share.index > 0) this.#reconcileRouting()
  }

  /** The routes of another lane's tunnels. @throws SystemError */
  planFor(lane: number, tunnels: readonly PlannedTunnel[]): void {
    this.#plannedFor.set(lane, tunnels)
    if (this.#ownsRoutes) this.#reconcileRouting()
  }

  installSa(plain: PlainSa, counters: SharedArrayBuffer, now: number): void {
    const sa = saFromPlain(plain)
    const transform = this.#factory(sa.direction, sa.suite, sa.encryptionKey, sa.integrityKey)
    const fields = new Float64Array(counters)
    const tunnel = this.#tunnel(sa.child.tunnel)
    if (sa.direction === 'inbound') {
      this.receiver.install(sa, transform, fields, tunnel, now)
      this.noteInboundSa(sa.child, sa.spi)
      return
    }
    const pair = tunnel?.pairs[sa.child.pair]
    const path = this.#path(sa)
    if (tunnel !== undefined) path?.use(tunnel.counters)
    if (tunnel === undefined || pair === undefined || path === undefined) {
      transform.free()
      this.#events.warn(
        `an SA for ${sa.child.tunnel}, network pair ${sa.child.pair}, from ${formatEndpoint(sa.local)} has no place here`,
      )
      return
    }
    pair.add({ state: new OutboundState(sa, transform, fields), path })
    tunnel.adjustMtu()
    this.#tellPath(tunnel)
    if (tunnel.followSas()) this.#reconcileRouting()
    this.sender.flush(tunnel, pair, now)
  }

  /** The other end may use it from now on. */
  noteInboundSa(child: ChildId, spi: EspSpi): void {
    const tunnel = this.#tunnel(child.tunnel)
    tunnel?.pairs[child.pair]?.inboundSpis.add(spi)
    if (tunnel?.followSas() === true) this.#reconcileRouting()
  }

  removeSa(direction: 'inbound' | 'outbound', child: ChildId, spi: EspSpi): void {
    const tunnel = this.#tunnel(child.tunnel)
    if (direction === 'inbound') {
      this.receiver.remove(spi)
      tunnel?.pairs[child.pair]?.inboundSpis.delete(spi)
      if (tunnel?.followSas() === true) this.#reconcileRouting()
      return
    }
    const slot = tunnel?.pairs[child.pair]?.remove(spi)
    if (tunnel === undefined || slot === undefined) return
    slot.state.transform.free()
    tunnel.adjustMtu()
    if (tunnel.followSas()) this.#reconcileRouting()
  }

  moveSas(name: string, local: Endpoint, remote: Endpoint): void {
    this.receiver.move(name, local, remote)
    const tunnel = this.#tunnel(name)
    if (tunnel === undefined) return
    for (const slot of tunnel.pairs.flatMap(({ slots }) => slots)) {
      slot.path = this.#path({ ...slot.state.sa, local, remote }) ?? slot.path
      slot.path.use(tunnel.counters)
    }
    tunnel.adjustMtu()
    this.#tellPath(tunnel)
  }

  probePath(name: string, id: number, octets: number, now: number): void {
    const tunnel = this.#tunnel(name)
    if (tunnel !== undefined) this.#prober.probe(tunnel, id, octets, now)
  }

  askHost(name: string, echo: HostEcho, now: number): void {
    const tunnel = this.#tunnel(name)
    if (tunnel !== undefined) this.#asker.ask(tunnel, echo, now)
  }

  /** A gateway at the other end of the tunnel has answered an echo. */
  noteShown(name: string, address: Uint32Array): void {
    const tunnel = this.#tunnel(name)
    if (tunnel !== undefined) tunnel.echoes.shown = address
  }

  limitPath(name: string, octets: number | undefined): void {
    const tunnel = this.#tunnel(name)
    tunnel?.limitPath(octets)
    if (tunnel !== undefined) this.#tellPath(tunnel)
  }

  sendIke(octets: Uint8Array, local: Endpoint, remote: Endpoint, whole: boolean): void {
    const marker = local.port === NAT_TRAVERSAL_PORT ? NON_ESP_MARKER_OCTETS : 0
    if (octets.length + marker > MAX_UDP_PAYLOAD) {
      this.#events.countNotSent(1)
      return
    }
    const at = this.#memory.made
    this.#memory.arena.octets.fill(0, at, at + marker)
    this.#memory.arena.octets.set(octets, at + marker)
    this.#sendDatagram(at, octets.length + marker, local, remote, whole)
  }

  sendNatKeepalive(local: Endpoint, remote: Endpoint): void {
    this.#memory.arena.view.setUint8(this.#memory.made, NAT_KEEPALIVE)
    this.#sendDatagram(this.#memory.made, 1, local, remote, false)
  }

  /** What routers, or our own kernel, said about packets of this socket. */
  readErrors(socket: DatagramSocket): void {
    this.#errors.read(socket, this.#now)
  }

  reportMtu(remote: Endpoint, mtu: number, now: number): void {
    for (const path of this.#paths.values()) {
      if (path.remote === remote.address && path.report(mtu, now)) this.#adjust(path)
    }
  }

  /** What is due about once a second. */
  tick(now: number): void {
    this.#now = now
    this.#events.countNotReceived(this.sockets.newDrops())
    for (const tunnel of this.tunnels) {
      for (const { waiting } of tunnel.pairs) {
        const lost = waiting.expire(now)
        tunnel.counters[TunnelCounter.noSa] = (tunnel.counters[TunnelCounter.noSa] ?? 0) + lost
      }
    }
    this.#echoes.tick(this.tunnels, now)
    const used = new Set(this.#slots().map(({ path }) => path))
    for (const [key, path] of this.#paths) {
      if (!used.has(path)) this.#paths.delete(key)
      else if (path.refresh(now)) this.#adjust(path)
    }
  }

  /** Undoes everything. @throws SystemError when routes stay behind; sockets and devices are closed all the same */
  close(): void {
    this.receiver.close()
    this.#clearTraffic.close()
    try {
      if (this.#ownsRoutes) reconcileRouting([])
    } finally {
      for (const tunnel of this.tunnels) tunnel.close()
      this.tunnels = []
      this.sockets.close()
    }
  }

  #reconcileRouting(): void {
    const planned = this.tunnels.map(({ settings, tun, takesPackets }) => ({
      tunnel: settings,
      link: tun.index,
      takesPackets,
    }))
    if (this.#share.index > 0) {
      // Laying routes holds up the packets of the first lane.
      const text = JSON.stringify(planned)
      if (text !== this.#told) this.#events.plan(planned)
      this.#told = text
      return
    }
    const all = inOrder([...planned, ...[...this.#plannedFor.values()].flat()], this.#names)
    reconcileRouting(all)
    this.#clearTraffic.follow(all)
  }

  #configureTunnel(
    settings: DataPlaneTunnel,
    counters: ReadonlyMap<string, SharedArrayBuffer>,
  ): void {
    const present = this.#tunnel(settings.name)
    if (present === undefined) {
      const fields = counters.get(settings.name)
      if (fields === undefined) throw new RangeError(`no counters for tunnel ${settings.name}`)
      const memory = this.#memory
      const tunnel = new Tunnel(memory, settings, new Float64Array(fields), this.#events)
      this.tunnels = [...this.tunnels, tunnel]
      this.#events.notice(offloadSentence(settings.interfaceName, tunnel.offloads))
      return
    }
    if (JSON.stringify(present.settings) === JSON.stringify(settings)) return
    for (const { state } of present.change(settings)) state.transform.free()
  }

  #sendDatagram(
    at: number,
    length: number,
    local: Endpoint,
    remote: Endpoint,
    whole: boolean,
  ): void {
    const socket = this.sockets.forIke(local)
    if (socket === undefined) {
      this.#events.countNotSent(1)
      return
    }
    const destination = this.#destination(remote)
    if (whole) {
      sendOtherwise(socket, at, length, destination, 'probe')
      return
    }
    let result = socket.send(at, length, destination)
    // ESP shares this port and must not be fragmented; IKE may be.
    if (result === -EMSGSIZE) result = sendOtherwise(socket, at, length, destination, 'dont')
    if (result >= 0) return
    this.#events.countNotSent(1)
    this.#events.warn(
      `IKE from ${formatEndpoint(local)} to ${formatEndpoint(remote)} was not sent: ${errnoDetail(-result)}`,
    )
  }

  #tunnel(name: string): Tunnel | undefined {
    return this.tunnels.find(({ settings }) => settings.name === name)
  }

  #slots(): readonly OutboundSlot[] {
    return this.tunnels.flatMap(({ pairs }) => pairs.flatMap(({ slots }) => slots))
  }

  #path(sa: Pick<OutboundSa, 'local' | 'remote' | 'encapsulation'>): OuterPath | undefined {
    const socket = this.sockets.forEsp(sa.local.address, sa.encapsulation)
    if (socket === undefined) return undefined
    const key = `${sa.local.address} ${sa.encapsulation} ${formatEndpoint(sa.remote)}`
    const path = this.#paths.get(key) ?? new OuterPath(socket, sa.remote, sa.encapsulation)
    this.#paths.set(key, path)
    return path
  }

  #adjust(path: OuterPath): void {
    for (const tunnel of this.tunnels) {
      const uses = tunnel.pairs.some(({ slots }) => slots.some((slot) => slot.path === path))
      if (!uses) continue
      tunnel.adjustMtu()
      this.#tellPath(tunnel)
    }
  }

  #tellPath(tunnel: Tunnel): void {
    const facts = tunnel.pathFacts()
    if (facts !== undefined)
      this.#events.emit({ kind: 'path', tunnel: tunnel.settings.name, ...facts })
  }

  #destination(remote: Endpoint): Destination {
    const key = formatEndpoint(remote)
    const known = this.#destinations.get(key)
    if (known !== undefined) return known
    if (this.#destinations.size >= MAX_DESTINATIONS) this.#destinations.clear()
    const destination = prepareDestination(remote)
    this.#destinations.set(key, destination)
    return destination
  }
}
