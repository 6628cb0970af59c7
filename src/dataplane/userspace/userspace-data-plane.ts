import type { Endpoint } from '#bytes/ip'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import { SA_COUNTER_FIELDS, SaCounter } from '#esp/sa-counters'
import { listLinks } from '#platform/links'
import { withNetlink } from '#platform/netlink'
import type {
  DataPlane,
  DataPlaneCounters,
  DataPlaneEvent,
  DataPlaneSettings,
  HostEcho,
  SaCounters,
} from '../port.ts'
import { clearPacketsDropped } from './clear-traffic.ts'
import { reconcileRouting } from './host-routing.ts'
import {
  type FromWorker,
  GlobalCounter,
  plainSa,
  type ToWorker,
  TUNNEL_COUNTER_FIELDS,
  TunnelCounter,
} from './messages.ts'
import { type Answer, PacketThread } from './packet-thread.ts'
import { packetsAtFullQueues } from './queue-full.ts'

export type UserspaceOptions = {
  readonly onEvent: (event: DataPlaneEvent) => void
  /** What an operator should know and nobody can act on. */
  readonly onWarning?: (text: string) => void
  /** What it found out about this host, such as the offloads it has. */
  readonly onNotice?: (text: string) => void
  /** Threads for packets: one for all, or one for each direction. */
  readonly workers?: 1 | 2
  readonly workerFile?: URL
}

type InstalledSa = {
  readonly direction: 'inbound' | 'outbound'
  readonly child: ChildId
  readonly spi: EspSpi
  readonly fields: Float64Array
}

/**
 * The data plane in one or two threads of this process (docs/decisions/0008). Everything is asked for by message and takes effect in the
 * order asked; counters are read from shared memory, without asking.
 */
export class UserspaceDataPlane implements DataPlane {
  readonly #onEvent: (event: DataPlaneEvent) => void
  readonly #onWarning: (text: string) => void
  readonly #onNotice: (text: string) => void
  /** Has the sockets, the devices and all that is sealed. */
  readonly #outbound: PacketThread
  /** Opens packets; undefined where the other does that too. */
  readonly #inbound: PacketThread | undefined
  readonly #sas = new Map<string, InstalledSa>()
  #tunnels = new Map<string, SharedArrayBuffer>()
  #interfaces = new Map<string, string>()
  /** Orders that wait until both threads agree on what there is. */
  #held: (() => void)[] | undefined
  #configuring: Promise<unknown> = Promise.resolve()
  #closing = false
  #cameInClear = 0

  constructor(options: UserspaceOptions) {
    this.#onEvent = options.onEvent
    this.#onWarning = options.onWarning ?? (() => {})
    this.#onNotice = options.onNotice ?? (() => {})
    const file = options.workerFile ?? WORKER_FILE
    const listener = {
      onMessage: (message: FromWorker, thread: PacketThread) => this.#hear(message, thread),
      onFailure: (reason: string) => this.#fail(reason),
    }
    const two = options.workers === 2
    this.#outbound = new PacketThread(two ? 'outbound' : 'both', file, listener)
    this.#inbound = two ? new PacketThread('inbound', file, listener) : undefined
    void this.#outbound.ended.then(() => process.off('exit', this.#onExit))
    process.on('exit', this.#onExit)
  }

  async configure(settings: DataPlaneSettings): Promise<void> {
    if (this.#closing) throw new Error('the data plane is closed')
    this.#tunnels = new Map(
      settings.tunnels.map(({ name }) => [
        name,
        this.#tunnels.get(name) ?? new SharedArrayBuffer(TUNNEL_COUNTER_FIELDS * 8),
      ]),
    )
    this.#interfaces = new Map(settings.tunnels.map((one) => [one.interfaceName, one.name]))
    const configure = (): Promise<Answer> =>
      this.#outbound.ask((id) => ({
        kind: 'configure',
        id,
        settings,
        tunnelCounters: this.#tunnels,
      }))
    const inbound = this.#inbound
    const answer = inbound === undefined ? configure() : this.#agree(settings, inbound, configure)
    const { problem } = await answer
    if (problem !== undefined) throw new Error(problem)
  }

  installSa(sa: InboundSa | OutboundSa): void {
    if (this.#sas.has(keyOf(sa))) {
      // Its sequence numbers would begin anew under the same keys: nonces repeat, and replays pass.
      this.#onWarning(`the ${sa.direction} SA ${sa.spi} of ${sa.child.tunnel} is installed already`)
      return
    }
    const counters = new SharedArrayBuffer(SA_COUNTER_FIELDS * 8)
    const { direction, child, spi } = sa
    this.#sas.set(keyOf(sa), { direction, child, spi, fields: new Float64Array(counters) })
    this.#change(() => {
      const order: ToWorker = { kind: 'install-sa', sa: plainSa(sa), counters }
      if (direction === 'outbound' || this.#inbound === undefined) this.#outbound.order(order)
      else {
        this.#inbound.order(order)
        this.#outbound.order({ kind: 'note-inbound-sa', child, spi })
      }
    })
  }

  removeSa(sa: {
    readonly direction: 'inbound' | 'outbound'
    readonly child: ChildId
    readonly spi: EspSpi
  }): void {
    const { direction, child, spi } = sa
    this.#sas.delete(keyOf(sa))
    this.#tellBoth({ kind: 'remove-sa', direction, child, spi })
  }

  moveSas(tunnel: string, local: Endpoint, remote: Endpoint): void {
    this.#tellBoth({ kind: 'move-sas', tunnel, local, remote })
  }

  sendIke(
    octets: Uint8Array,
    local: Endpoint,
    remote: Endpoint,
    how: 'as it fits' | 'whole' = 'as it fits',
  ): void {
    this.#outbound.order({ kind: 'send-ike', octets, local, remote, whole: how === 'whole' })
  }

  probePath(tunnel: string, id: number, octets: number): void {
    // Who opens packets looks for the answer before it can be there.
    this.#tellBoth({ kind: 'probe-path', tunnel, id, octets })
  }

  limitPath(tunnel: string, octets: number | undefined): void {
    this.#change(() => this.#outbound.order({ kind: 'limit-path', tunnel, octets }))
  }

  askHost(tunnel: string, echo: HostEcho): void {
    this.#tellBoth({ kind: 'ask-host', tunnel, echo })
  }

  sendNatKeepalive(local: Endpoint, remote: Endpoint): void {
    this.#outbound.order({ kind: 'nat-keepalive', local, remote })
  }

  counters(): DataPlaneCounters {
    const total = (field: number): number =>
      (this.#outbound.counters[field] ?? 0) + (this.#inbound?.counters[field] ?? 0)
    return {
      sas: [...this.#sas.values()].map(readSa),
      tunnels: [...this.#tunnels].map(([tunnel, buffer]) => {
        const fields = new Float64Array(buffer)
        return {
          tunnel,
          mtu: fields[TunnelCounter.mtu] ?? 0,
          noSa: fields[TunnelCounter.noSa] ?? 0,
          noPolicy: fields[TunnelCounter.noPolicy] ?? 0,
          tooBig: fields[TunnelCounter.tooBig] ?? 0,
          probes: fields[TunnelCounter.probes] ?? 0,
          notSent: (fields[TunnelCounter.notSent] ?? 0) + (fields[TunnelCounter.notTaken] ?? 0),
        }
      }),
      unknownSpi: total(GlobalCounter.unknownSpi),
      malformed: total(GlobalCounter.malformed),
      ikeOverflow: total(GlobalCounter.ikeOverflow),
      notSent: total(GlobalCounter.notSent),
    }
  }

  queueFull(): ReadonlyMap<string, number> {
    return packetsAtFullQueues(this.#interfaces, () => withNetlink(listLinks))
  }

  cameInClear(): number {
    const before = this.#outbound.counters[GlobalCounter.cameInClear] ?? 0
    // While a filter takes the place of another its packets may be missing in both.
    this.#cameInClear = Math.max(this.#cameInClear, before + clearPacketsDropped())
    return this.#cameInClear
  }

  async close(): Promise<void> {
    this.#closing = true
    // Whoever only borrowed sockets and devices gives them back first.
    await this.#inbound?.close()
    await this.#outbound.close()
  }

  /** What is gone is given up by both threads before anything new takes its name; then the second is given what is new. */
  #agree(
    settings: DataPlaneSettings,
    inbound: PacketThread,
    configure: () => Promise<Answer>,
  ): Promise<Answer> {
    this.#held ??= []
    const turn = this.#configuring.then(async () => {
      const released = await inbound.ask((id) => ({ kind: 'release', id, settings }))
      if (released.problem !== undefined) return released
      const configured = await configure()
      const { devices } = configured
      if (devices === undefined) return configured
      const tunnelCounters = this.#tunnels
      const adopted = await inbound.ask((id) => ({ kind: 'adopt', id, devices, tunnelCounters }))
      return configured.problem === undefined ? adopted : configured
    })
    this.#configuring = turn
    return turn.finally(() => {
      if (this.#configuring !== turn) return
      const held = this.#held ?? []
      this.#held = undefined
      for (const order of held) order()
    })
  }

  #change(order: () => void): void {
    if (this.#held === undefined) order()
    else this.#held.push(order)
  }

  #tellBoth(message: ToWorker): void {
    this.#change(() => {
      this.#inbound?.order(message)
      this.#outbound.order(message)
    })
  }

  #hear(message: FromWorker, thread: PacketThread): void {
    switch (message.kind) {
      case 'configured':
      case 'not-configured':
        return
      case 'warning':
        this.#onWarning(message.text)
        return
      case 'notice':
        this.#onNotice(message.text)
        return
      case 'path-mtu':
      case 'echo-shown':
        this.#outbound.order(message)
        return
      case 'event':
        if (message.event.kind === 'ike-datagram') {
          const field = GlobalCounter.ikeTaken
          thread.counters[field] = (thread.counters[field] ?? 0) + 1
        }
        this.#onEvent(message.event)
        return
      case 'closed':
        // One cannot do without the other.
        if (!this.#closing) void this.close()
    }
  }

  #fail(message: string): void {
    if (this.#closing) return
    this.#onEvent({ kind: 'failed', message })
    void this.close()
  }

  /** Devices and sockets go with the process; what stands in the routing tables is undone here. */
  readonly #onExit = (): void => {
    this.#inbound?.abandon()
    if (!this.#outbound.abandon()) return
    if (this.#outbound.counters[GlobalCounter.routesAreOurs] === 1) reconcileRouting([])
  }
}

/**
 * Threads for a machine: a second one helps where it has a processor to itself beside the applications or the interrupts of both
 * sides; on two processors one thread costs less.
 */
export function workersFor(processors: number): 1 | 2 {
  return processors >= 4 ? 2 : 1
}

function keyOf(sa: {
  readonly direction: string
  readonly child: ChildId
  readonly spi: EspSpi
}): string {
  return `${sa.direction} ${sa.child.tunnel} ${sa.spi}`
}

function readSa({ direction, child, spi, fields }: InstalledSa): SaCounters {
  return {
    direction,
    child,
    spi,
    packets: fields[SaCounter.packets] ?? 0,
    octets: fields[SaCounter.octets] ?? 0,
    sequence: fields[SaCounter.sequence] ?? 0,
    lastUsed: fields[SaCounter.lastUsed] ?? 0,
    replayed: fields[SaCounter.replayed] ?? 0,
    badIcv: fields[SaCounter.badIcv] ?? 0,
    badPadding: fields[SaCounter.badPadding] ?? 0,
    outsideSelectors: fields[SaCounter.outsideSelectors] ?? 0,
    malformed: fields[SaCounter.malformed] ?? 0,
    latest: fields[SaCounter.latest] ?? 0,
    congested: fields[SaCounter.congested] ?? 0,
    exhausted: fields[SaCounter.exhausted] ?? 0,
    cannotCarry: fields[SaCounter.cannotCarry] ?? 0,
    dummies: fields[SaCounter.dummies] ?? 0,
  }
}

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const WORKER_FILE = new URL(`./worker.${EXTENSION}`, import.meta.url)
