import type { IpAddress } from '#bytes/ip'
import { SAME_DATAGRAM } from './conversation.ts'
import type { Traffic } from './traffic.ts'

/** All ESP packets of one SA in one direction. */
export type EspFlow = {
  readonly spi: number
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly udp: boolean
  packets: number
  octets: number
  readonly firstAt: number
  lastAt: number
  firstSequence: number
  lastSequence: number
  /** Numbers between the first and the last that were not seen: lost, or sent another way. */
  missing: number
  /** Seen again, as far back as replay windows go. */
  repeated: number
}

/** Counts; keeps no packet. Bounded in SAs. */
export class EspCounter {
  readonly #flows = new Map<string, Counted>()
  /** Packets of further SAs. */
  beyond = 0

  get flows(): readonly EspFlow[] {
    return [...this.#flows.values()].map(({ flow }) => ({
      ...flow,
      missing: Math.max(
        0,
        flow.lastSequence - flow.firstSequence + 1 - (flow.packets - flow.repeated),
      ),
    }))
  }

  take(packet: Extract<Traffic, { kind: 'esp' }>): void {
    const { spi, source, destination, udp, sequence, octets, at } = packet
    const key = `${source} ${destination} ${spi}`
    const known = this.#flows.get(key)
    if (known === undefined) {
      if (this.#flows.size === MOST_FLOWS) {
        this.beyond++
        return
      }
      const flow: EspFlow = {
        ...{ spi, source, destination, udp, packets: 1, octets, firstAt: at, lastAt: at },
        ...{ firstSequence: sequence, lastSequence: sequence, missing: 0, repeated: 0 },
      }
      this.#flows.set(key, { flow, recent: new Map([[sequence, at]]) })
      return
    }
    const { flow, recent } = known
    const before = recent.get(sequence)
    if (before !== undefined && at - before < SAME_DATAGRAM) return
    flow.packets++
    flow.octets += octets
    flow.lastAt = Math.max(flow.lastAt, at)
    if (before !== undefined) flow.repeated++
    recent.set(sequence, at)
    if (recent.size > WINDOW) recent.delete(recent.keys().next().value ?? 0)
    flow.firstSequence = Math.min(flow.firstSequence, sequence)
    flow.lastSequence = Math.max(flow.lastSequence, sequence)
  }
}

type Counted = { readonly flow: EspFlow; readonly recent: Map<number, number> }

const MOST_FLOWS = 4_096
const WINDOW = 1_024
