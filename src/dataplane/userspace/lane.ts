import type { IpAddress } from '#bytes/ip'
import type { SpiShare } from '#platform/spi-steering'
import type { DataPlaneSettings } from '../port.ts'
import type { ToWorker } from './messages.ts'
import { type Answer, PacketThread, type ThreadListener } from './packet-thread.ts'

/** A thread for all packets of some tunnels, or one for each direction (docs/decisions/0008). */
export class Lane {
  readonly share: SpiShare
  /** Has the sockets, the devices and all that is sealed. */
  readonly outbound: PacketThread
  /** Opens packets; undefined where the other does that too. */
  readonly inbound: PacketThread | undefined
  /** Orders that wait until all threads agree on what there is. */
  #held: (() => void)[] | undefined

  constructor(share: SpiShare, threads: 1 | 2, file: URL, listener: ThreadListener) {
    this.share = share
    const two = threads === 2
    this.outbound = new PacketThread(two ? 'outbound' : 'both', share, file, listener)
    this.inbound = two ? new PacketThread('inbound', share, file, listener) : undefined
  }

  get threads(): readonly PacketThread[] {
    return this.inbound === undefined ? [this.outbound] : [this.outbound, this.inbound]
  }

  /** What comes through `change` waits from now on. */
  hold(): void {
    this.#held ??= []
  }

  letGo(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const order of held) order()
  }

  change(order: () => void): void {
    if (this.#held === undefined) order()
    else this.#held.push(order)
  }

  tellBoth(message: ToWorker): void {
    this.change(() => {
      this.inbound?.order(message)
      this.outbound.order(message)
    })
  }

  /** What `settings` no longer have is given up. @param peers those of all lanes */
  async release(settings: DataPlaneSettings, peers: readonly IpAddress[]): Promise<Answer> {
    const order = (id: number) => ({ kind: 'release', id, settings, peers }) as const
    // Who only borrowed it goes first.
    const lent = await this.inbound?.ask(order)
    if (lent?.problem !== undefined) return lent
    return await this.outbound.ask(order)
  }

  /** And what is new is made, and lent to the second thread. */
  async configure(
    settings: DataPlaneSettings,
    tunnelCounters: ReadonlyMap<string, SharedArrayBuffer>,
  ): Promise<Answer> {
    const configured = await this.outbound.ask((id) => ({
      kind: 'configure',
      id,
      settings,
      tunnelCounters,
    }))
    const { devices } = configured
    if (devices === undefined || this.inbound === undefined) return configured
    const adopted = await this.inbound.ask((id) => ({ kind: 'adopt', id, devices, tunnelCounters }))
    return configured.problem === undefined ? adopted : configured
  }

  async close(): Promise<void> {
    // Whoever only borrowed sockets and devices gives them back first.
    await this.inbound?.close()
    await this.outbound.close()
  }
}
