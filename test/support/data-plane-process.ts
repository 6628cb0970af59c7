import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { toHex } from '#bytes/hex'
import type { Endpoint } from '#bytes/ip'
import type {
  DataPlaneCounters,
  DataPlaneEvent,
  DataPlaneSettings,
  HostEcho,
} from '#dataplane/port'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import type { Namespace } from './topology.ts'

type Keyless<Sa> = Omit<Sa, 'encryptionKey' | 'integrityKey'>

/** Keys and octets are hex. */
export type DataPlaneCall =
  | { readonly kind: 'configure'; readonly settings: DataPlaneSettings }
  | {
      readonly kind: 'install'
      readonly sa: Keyless<InboundSa> | Keyless<OutboundSa>
      readonly encryptionKey: string
      readonly integrityKey: string
    }
  | {
      readonly kind: 'remove'
      readonly sa: {
        readonly direction: 'inbound' | 'outbound'
        readonly child: ChildId
        readonly spi: EspSpi
      }
    }
  | {
      readonly kind: 'move'
      readonly tunnel: string
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  | {
      readonly kind: 'ike'
      readonly octets: string
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  | {
      readonly kind: 'probe-path'
      readonly tunnel: string
      readonly id: number
      readonly octets: number
    }
  | { readonly kind: 'ask-host'; readonly tunnel: string; readonly echo: HostEcho }
  | { readonly kind: 'limit-path'; readonly tunnel: string; readonly octets?: number }
  | { readonly kind: 'keepalive'; readonly local: Endpoint; readonly remote: Endpoint }
  | { readonly kind: 'counters' }
  | { readonly kind: 'close' }
  /** `process.exit` without `close`. */
  | { readonly kind: 'exit' }

/** Threads for packets: `UserspaceOptions.workers`. */
export type Workers = 1 | 2 | 4
/** To run any of these tests once more with more threads. */
const USUAL_WORKERS = Number(process.env.CAUSEWAY_TEST_WORKERS ?? 1) as Workers

/** A userspace data plane in a network namespace, without the engine: SAs are installed by hand. */
export class DataPlaneProcess {
  /** `octets` of IKE datagrams arrive as hex. */
  readonly events: DataPlaneEvent[] = []
  /** What it said of the ways of its tunnels, which comes with every SA. */
  readonly paths: DataPlaneEvent[] = []
  readonly warnings: string[] = []
  readonly process: ChildProcess
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >()
  #id = 0
  #stderr = ''

  constructor(namespace: Namespace, workers: Workers = USUAL_WORKERS) {
    this.process = namespace.start(
      [process.execPath, join(import.meta.dirname, 'data-plane-child.ts'), `${workers}`],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    )
    this.process.stderr?.on('data', (chunk) => {
      this.#stderr += chunk
    })
    const { stdout } = this.process
    if (stdout === null) throw new Error('no output')
    createInterface({ input: stdout }).on('line', (line) => this.#hear(JSON.parse(line)))
    this.process.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`the data plane ended with ${code}: ${this.#stderr}`))
      }
    })
  }

  configure(settings: DataPlaneSettings): Promise<unknown> {
    return this.call({ kind: 'configure', settings })
  }

  install(sa: InboundSa | OutboundSa): Promise<unknown> {
    const { encryptionKey, integrityKey, ...rest } = sa
    return this.call({
      kind: 'install',
      sa: rest as Keyless<InboundSa>,
      encryptionKey: toHex(encryptionKey.reveal()),
      integrityKey: toHex(integrityKey.reveal()),
    })
  }

  remove({ direction, child, spi }: InboundSa | OutboundSa): Promise<unknown> {
    return this.call({ kind: 'remove', sa: { direction, child, spi } })
  }

  async counters(): Promise<DataPlaneCounters> {
    return (await this.call({ kind: 'counters' })) as DataPlaneCounters
  }

  close(): Promise<unknown> {
    return this.call({ kind: 'close' })
  }

  call(call: DataPlaneCall): Promise<unknown> {
    this.#id++
    const id = this.#id
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.process.stdin?.write(`${JSON.stringify({ id, call })}\n`)
    })
  }

  #hear(message: {
    id?: number
    result?: unknown
    error?: string
    event?: DataPlaneEvent
    warning?: string
  }): void {
    const { event } = message
    if (event?.kind === 'path') this.paths.push(event)
    else if (event !== undefined) this.events.push(event)
    if (message.warning !== undefined) this.warnings.push(message.warning)
    if (message.id === undefined) return
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.error === undefined) waiting?.resolve(message.result)
    else waiting?.reject(new Error(message.error))
  }
}
