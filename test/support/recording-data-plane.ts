import type { DataPlane, DataPlaneCounters, DataPlaneSettings, HostEcho } from '#dataplane/port'
import { NO_COUNTS } from './sample-counters.ts'

/** Writes down what it is asked for, in order. */
export class RecordingDataPlane implements DataPlane {
  readonly calls: string[] = []
  readonly settings: DataPlaneSettings[] = []
  current: DataPlaneCounters = NO_COUNTS
  readonly trusted: Set<string> = new Set()
  full: ReadonlyMap<string, number> = new Map()
  /** Thrown by the next `configure`. */
  refusal: Error | undefined

  async configure(settings: DataPlaneSettings): Promise<void> {
    this.calls.push(`configure ${settings.tunnels.map(({ name }) => name).join('+')}`)
    this.settings.push(settings)
    const { refusal } = this
    this.refusal = undefined
    if (refusal !== undefined) throw refusal
  }

  installSa(sa: Parameters<DataPlane['installSa']>[0]): void {
    this.calls.push(`install ${sa.direction} ${sa.spi.toString(16)}`)
  }

  removeSa(sa: Parameters<DataPlane['removeSa']>[0]): void {
    this.calls.push(`remove ${sa.direction} ${sa.spi.toString(16)}`)
  }

  moveSas(tunnel: string): void {
    this.calls.push(`move ${tunnel}`)
  }

  sendIke(octets: Uint8Array): void {
    this.calls.push(`send ${Buffer.from(octets).toString('utf8')}`)
  }

  trustIkeSpis(come: readonly string[], gone: readonly string[]): void {
    for (const spi of come) this.trusted.add(spi)
    for (const spi of gone) this.trusted.delete(spi)
  }

  probePath(tunnel: string, id: number, octets: number): void {
    this.calls.push(`probe ${tunnel} ${id} ${octets}`)
  }

  limitPath(tunnel: string, octets: number | undefined): void {
    this.calls.push(`limit ${tunnel} ${octets}`)
  }

  askHost(tunnel: string, { id, source, target }: HostEcho): void {
    this.calls.push(`ask ${tunnel} ${id} ${source} ${target}`)
  }

  sendNatKeepalive(): void {
    this.calls.push('keepalive')
  }

  counters(): DataPlaneCounters {
    return this.current
  }

  queueFull(): ReadonlyMap<string, number> {
    return this.full
  }

  cameInClear(): number {
    return 0
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }
}
