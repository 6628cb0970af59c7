import { Worker } from 'node:worker_threads'
import type { Endpoint } from '#bytes/ip'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import { SA_COUNTER_FIELDS, SaCounter } from '#esp/sa-counters'
import { type EventFd, openEventFd } from '#platform/eventfd'
import type {
  DataPlane,
  DataPlaneCounters,
  DataPlaneEvent,
  DataPlaneSettings,
  SaCounters,
} from '../port.ts'
import { reconcileRouting } from './host-routing.ts'
import {
  type FromWorker,
  GLOBAL_COUNTER_FIELDS,
  GlobalCounter,
  plainSa,
  type ToWorker,
  TUNNEL_COUNTER_FIELDS,
  TunnelCounter,
  type WorkerData,
} from './messages.ts'

export type UserspaceOptions = {
  readonly onEvent: (event: DataPlaneEvent) => void
  /** What an operator should know and nobody can act on. */
  readonly onWarning?: (text: string) => void
  /** What it found out about this host, such as the offloads it has. */
  readonly onNotice?: (text: string) => void
  readonly workerFile?: URL
}

type InstalledSa = {
  readonly direction: 'inbound' | 'outbound'
  readonly child: ChildId
  readonly spi: EspSpi
  readonly fields: Float64Array
}

type Waiting = { readonly resolve: () => void; readonly reject: (error: Error) => void }

/**
 * The data plane in a worker thread of this process. Everything is asked for by message and takes effect in the order asked; counters
 * are read from shared memory, without asking.
 */
export class UserspaceDataPlane implements DataPlane {
  readonly #onEvent: (event: DataPlaneEvent) => void
  readonly #onWarning: (text: string) => void
  readonly #onNotice: (text: string) => void
  readonly #wake: EventFd
  readonly #worker: Worker
  readonly #global: Float64Array
  readonly #sas = new Map<string, InstalledSa>()
  #tunnels = new Map<string, SharedArrayBuffer>()
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  #closing = false
  #lastId = 0

  constructor(options: UserspaceOptions) {
    this.#onEvent = options.onEvent
    this.#onWarning = options.onWarning ?? (() => {})
    this.#onNotice = options.onNotice ?? (() => {})
    this.#wake = openEventFd()
    const globalCounters = new SharedArrayBuffer(GLOBAL_COUNTER_FIELDS * 8)
    this.#global = new Float64Array(globalCounters)
    const workerData: WorkerData = { wakeFd: this.#wake.fd, globalCounters }
    this.#worker = new Worker(options.workerFile ?? WORKER_FILE, { workerData })
    this.#worker.on('message', (message: FromWorker) => this.#hear(message))
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        process.off('exit', this.#onExit)
        this.#wake.close()
        this.#fail('the packet thread ended')
        resolve()
      })
    })
    this.#worker.on('error', (error: Error) =>
      this.#fail(`the packet thread failed: ${error.message}`),
    )
    process.on('exit', this.#onExit)
  }

  configure(settings: DataPlaneSettings): Promise<void> {
    this.#tunnels = new Map(
      settings.tunnels.map(({ name }) => [
        name,
        this.#tunnels.get(name) ?? new SharedArrayBuffer(TUNNEL_COUNTER_FIELDS * 8),
      ]),
    )
    this.#lastId++
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      if (this.#closing) {
        reject(new Error('the data plane is closed'))
        return
      }
      this.#waiting.set(id, { resolve, reject })
      this.#order({ kind: 'configure', id, settings, tunnelCounters: this.#tunnels })
    })
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
    this.#order({ kind: 'install-sa', sa: plainSa(sa), counters })
  }

  removeSa(sa: {
    readonly direction: 'inbound' | 'outbound'
    readonly child: ChildId
    readonly spi: EspSpi
  }): void {
    const { direction, child, spi } = sa
    this.#sas.delete(keyOf(sa))
    this.#order({ kind: 'remove-sa', direction, child, spi })
  }

  moveSas(tunnel: string, local: Endpoint, remote: Endpoint): void {
    this.#order({ kind: 'move-sas', tunnel, local, remote })
  }

  sendIke(
    octets: Uint8Array,
    local: Endpoint,
    remote: Endpoint,
    how: 'as it fits' | 'whole' = 'as it fits',
  ): void {
    this.#order({ kind: 'send-ike', octets, local, remote, whole: how === 'whole' })
  }

  probePath(tunnel: string, id: number, octets: number): void {
    this.#order({ kind: 'probe-path', tunnel, id, octets })
  }

  limitPath(tunnel: string, octets: number | undefined): void {
    this.#order({ kind: 'limit-path', tunnel, octets })
  }

  sendNatKeepalive(local: Endpoint, remote: Endpoint): void {
    this.#order({ kind: 'nat-keepalive', local, remote })
  }

  counters(): DataPlaneCounters {
    const global = this.#global
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
        }
      }),
      unknownSpi: global[GlobalCounter.unknownSpi] ?? 0,
      malformed: global[GlobalCounter.malformed] ?? 0,
      ikeOverflow: global[GlobalCounter.ikeOverflow] ?? 0,
      notSent: global[GlobalCounter.notSent] ?? 0,
    }
  }

  async close(): Promise<void> {
    if (!this.#closing) this.#order({ kind: 'close' })
    this.#closing = true
    await this.#ended
  }

  #order(message: ToWorker): void {
    if (this.#closing) return
    this.#worker.postMessage(message)
    this.#wake.signal()
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case 'configured':
        this.#waiting.get(message.id)?.resolve()
        this.#waiting.delete(message.id)
        return
      case 'not-configured':
        this.#waiting.get(message.id)?.reject(new Error(message.message))
        this.#waiting.delete(message.id)
        return
      case 'warning':
        this.#onWarning(message.text)
        return
      case 'notice':
        this.#onNotice(message.text)
        return
      case 'event':
        if (message.event.kind === 'ike-datagram') {
          const field = GlobalCounter.ikeTaken
          this.#global[field] = (this.#global[field] ?? 0) + 1
        }
        this.#onEvent(message.event)
        return
      case 'closed':
        this.#closing = true
    }
  }

  #fail(message: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(message))
    this.#waiting.clear()
    if (this.#closing) return
    this.#closing = true
    this.#onEvent({ kind: 'failed', message })
  }

  /**
   * The process ends without `close`: Node stops the thread wherever it is, as soon as it leaves poll(). Devices and sockets go with the
   * process; what stands in the routing tables is undone here.
   */
  readonly #onExit = (): void => {
    if (this.#closing) return
    this.#wake.signal()
    if (this.#global[GlobalCounter.routesAreOurs] === 1) reconcileRouting([])
  }
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
  }
}

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const WORKER_FILE = new URL(`./worker.${EXTENSION}`, import.meta.url)
