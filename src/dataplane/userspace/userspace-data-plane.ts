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
import { IkeQueue } from './ike-queue.ts'
import { Lane } from './lane.ts'
import { assignLanes, markedSpi } from './lane-assignment.ts'
import {
  type FromWorker,
  GlobalCounter,
  plainSa,
  type ToWorker,
  TUNNEL_COUNTER_FIELDS,
  TunnelCounter,
} from './messages.ts'
import type { Answer, PacketThread } from './packet-thread.ts'
import { packetsAtFullQueues } from './queue-full.ts'
import type { PlannedTunnel } from './routing-plan.ts'

export type UserspaceOptions = {
  readonly onEvent: (event: DataPlaneEvent) => void
  /** What an operator should know and nobody can act on. */
  readonly onWarning?: (text: string) => void
  /** What it found out about this host, such as the offloads it has. */
  readonly onNotice?: (text: string) => void
  /** Threads for packets: one for all; or an even number, of which two carry a part of the tunnels, one for each direction. */
  readonly workers?: number
  readonly workerFile?: URL
}

type InstalledSa = {
  readonly direction: 'inbound' | 'outbound'
  readonly child: ChildId
  readonly spi: EspSpi
  readonly fields: Float64Array
}

/**
 * The data plane in threads of this process (docs/decisions/0008). Everything is asked for by message and takes effect in the
 * order asked; counters are read from shared memory, without asking.
 */
export class UserspaceDataPlane implements DataPlane {
  readonly #onEvent: (event: DataPlaneEvent) => void
  readonly #onWarning: (text: string) => void
  readonly #onNotice: (text: string) => void
  /** Has port 500, and lays the routes of all. */
  readonly #first: Lane
  readonly #lanes: readonly Lane[]
  readonly #ike: IkeQueue
  /** The index of the lane that carries a tunnel. */
  #laneOf: ReadonlyMap<string, number> = new Map()
  /** What was said of tunnels that should be in one lane. */
  #apart: ReadonlySet<string> = new Set()
  readonly #sas = new Map<string, InstalledSa>()
  #tunnels = new Map<string, SharedArrayBuffer>()
  #interfaces = new Map<string, string>()
  #configuring: Promise<unknown> = Promise.resolve()
  /** What came of the routes that lanes asked for while they were configured; otherwise nobody waits for that. */
  #plans: Promise<Answer>[] | undefined
  #closing = false
  /** What the filter has dropped never becomes less, although it is counted by several that follow each other. */
  #cameInClear = 0

  constructor(options: UserspaceOptions) {
    this.#onEvent = options.onEvent
    this.#ike = new IkeQueue(options.onEvent)
    this.#onWarning = options.onWarning ?? (() => {})
    this.#onNotice = options.onNotice ?? (() => {})
    const listener = {
      onMessage: (message: FromWorker, thread: PacketThread) => this.#hear(message, thread),
      onFailure: (reason: string) => this.#fail(reason),
    }
    const workers = options.workers ?? 1
    const of = Math.max(1, Math.floor(workers / 2))
    const lane = (index: number): Lane =>
      new Lane({ index, of }, workers === 1 ? 1 : 2, options.workerFile ?? WORKER_FILE, listener)
    this.#first = lane(0)
    this.#lanes = [this.#first, ...Array.from({ length: of - 1 }, (_, i) => lane(i + 1))]
    void this.#first.outbound.ended.then(() => process.off('exit', this.#onExit))
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
    this.#assign(settings)
    const counters = this.#tunnels
    const parts = this.#lanes.map((lane) => {
      const tunnels = settings.tunnels.filter(({ name }) => this.#carrierOf(name) === lane)
      return { lane, part: { ...settings, tunnels } }
    })
    for (const lane of this.#lanes) lane.hold()
    const turn = this.#configuring.then(() => this.#agree(parts, counters))
    this.#configuring = turn
    const problem = await turn
    if (this.#configuring === turn) for (const lane of this.#lanes) lane.letGo()
    if (problem !== undefined) throw new Error(problem)
  }

  /** An SPI for an inbound SA of the tunnel, made of one drawn by lot: it says whose packets these are. */
  spiFor(tunnel: string, drawn: EspSpi): EspSpi {
    return markedSpi(drawn, this.#carrierOf(tunnel).share)
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
    const lane = this.#carrierOf(child.tunnel)
    lane.change(() => {
      const order: ToWorker = { kind: 'install-sa', sa: plainSa(sa), counters }
      if (direction === 'outbound' || lane.inbound === undefined) lane.outbound.order(order)
      else {
        lane.inbound.order(order)
        lane.outbound.order({ kind: 'note-inbound-sa', child, spi })
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
    // Its tunnel may be gone.
    for (const lane of this.#lanes) lane.tellBoth({ kind: 'remove-sa', direction, child, spi })
  }

  moveSas(tunnel: string, local: Endpoint, remote: Endpoint): void {
    this.#carrierOf(tunnel).tellBoth({ kind: 'move-sas', tunnel, local, remote })
  }

  sendIke(
    octets: Uint8Array,
    local: Endpoint,
    remote: Endpoint,
    how: 'as it fits' | 'whole' = 'as it fits',
  ): void {
    const whole = how === 'whole'
    this.#first.outbound.order({ kind: 'send-ike', octets, local, remote, whole })
  }

  trustIkeSpis(come: readonly string[], gone: readonly string[]): void {
    const [numbers, old] = [come, gone].map((spis) => spis.map((spi) => BigInt(`0x${spi}`)))
    const message = { kind: 'trust-ike-spis', come: numbers ?? [], gone: old ?? [] } as const
    // IKE comes to the first lane; and while a change of configuration is under way, it goes on.
    for (const thread of this.#first.threads) thread.order(message)
  }

  probePath(tunnel: string, id: number, octets: number): void {
    // Who opens packets looks for the answer before it can be there.
    this.#carrierOf(tunnel).tellBoth({ kind: 'probe-path', tunnel, id, octets })
  }

  limitPath(tunnel: string, octets: number | undefined): void {
    const lane = this.#carrierOf(tunnel)
    lane.change(() => lane.outbound.order({ kind: 'limit-path', tunnel, octets }))
  }

  askHost(tunnel: string, echo: HostEcho): void {
    this.#carrierOf(tunnel).tellBoth({ kind: 'ask-host', tunnel, echo })
  }

  sendNatKeepalive(local: Endpoint, remote: Endpoint): void {
    this.#first.outbound.order({ kind: 'nat-keepalive', local, remote })
  }

  counters(): DataPlaneCounters {
    const threads = this.#lanes.flatMap((lane) => lane.threads)
    const total = (field: number): number =>
      threads.reduce((sum, { counters }) => sum + (counters[field] ?? 0), 0)
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
      notReceived: total(GlobalCounter.notReceived),
    }
  }

  queueFull(): ReadonlyMap<string, number> {
    return packetsAtFullQueues(this.#interfaces, () => withNetlink(listLinks))
  }

  cameInClear(): number {
    const before = this.#first.outbound.counters[GlobalCounter.cameInClear] ?? 0
    // While a filter takes the place of another its packets may be missing in both.
    this.#cameInClear = Math.max(this.#cameInClear, before + clearPacketsDropped())
    return this.#cameInClear
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#ike.close()
    // The first stays until nobody needs its routes.
    for (const lane of this.#lanes.toReversed()) await lane.close()
  }

  #carrierOf(tunnel: string): Lane {
    return this.#lanes[this.#laneOf.get(tunnel) ?? 0] ?? this.#first
  }

  #assign({ tunnels }: DataPlaneSettings): void {
    const { lanes, apart } = assignLanes(tunnels, this.#laneOf, this.#lanes.length)
    this.#laneOf = lanes
    const before = this.#apart
    this.#apart = new Set(
      apart.map(
        ([tunnel, other]) =>
          `${tunnel} and ${other} have one peer or overlapping networks now, but other threads carry them: until the next start packets of theirs may be lost`,
      ),
    )
    // A reload configures twice.
    for (const text of this.#apart) if (!before.has(text)) this.#onWarning(text)
  }

  /**
   * What is gone is given up by all threads before anything new takes its name; then lane by lane, in order, gets what is new.
   * @returns what went wrong
   */
  async #agree(
    parts: readonly { readonly lane: Lane; readonly part: DataPlaneSettings }[],
    counters: ReadonlyMap<string, SharedArrayBuffer>,
  ): Promise<string | undefined> {
    const peers = parts.flatMap(({ part }) => part.tunnels.flatMap(({ remote }) => remote ?? []))
    this.#plans = []
    try {
      for (const { lane, part } of parts) {
        const { problem } = await lane.release(part, peers)
        if (problem !== undefined) return problem
      }
      for (const { lane, part } of parts) {
        const { problem } = await lane.configure(part, counters)
        if (problem !== undefined) return problem
      }
      const answers = await Promise.all(this.#plans)
      return answers.find(({ problem }) => problem !== undefined)?.problem
    } finally {
      this.#plans = undefined
    }
  }

  #plan(lane: number, tunnels: readonly PlannedTunnel[]): void {
    const laid = this.#first.outbound.ask((id) => ({ kind: 'plan', id, lane, tunnels }))
    if (this.#plans !== undefined) {
      this.#plans.push(laid)
      return
    }
    void laid.then(({ problem }) => {
      if (problem === undefined || this.#closing) return
      this.#onEvent({ kind: 'failed', message: `routes: ${problem}` })
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
        for (const { outbound } of this.#lanes) if (outbound !== thread) outbound.order(message)
        return
      case 'echo-shown':
        this.#carrierOf(message.tunnel).outbound.order(message)
        return
      case 'plan':
        this.#plan(thread.share.index, message.tunnels)
        return
      case 'event':
        this.#onEvent(message.event)
        return
      case 'ike':
        this.#ike.add(message.event, message.trusted, () => {
          const field = GlobalCounter.ikeTaken
          thread.counters[field] = (thread.counters[field] ?? 0) + 1
        })
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
    for (const { inbound } of this.#lanes) inbound?.abandon()
    for (const { outbound } of this.#lanes.slice(1)) outbound.abandon()
    const { outbound } = this.#first
    if (!outbound.abandon()) return
    if (outbound.counters[GlobalCounter.routesAreOurs] === 1) reconcileRouting([])
  }
}

/**
 * Threads for a machine: a second one helps where it has a processor to itself beside the applications or the interrupts of both
 * sides; on two processors one thread costs less. More of them go to other peers.
 */
export function workersFor(processors: number, peers: number): number {
  const lanes = Math.min(Math.floor(processors / 4), Math.max(1, peers), MAX_LANES)
  return lanes === 0 ? 1 : 2 * lanes
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

const MAX_LANES = 8
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const WORKER_FILE = new URL(`./worker.${EXTENSION}`, import.meta.url)
