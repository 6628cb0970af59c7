import { type IpAddress, ipFromOctets } from '#bytes/ip'
import type { PacketFields } from '#esp/packet-fields'
import type { PacketSummary } from '#policy/packet-summary'
import type { Events } from './events.ts'
import type { HostSide } from './tunnel.ts'

type Cause = 'outside' | 'unmatched'

/** Milliseconds between two examples of the same kind. */
const EVERY = 1_000

/** Shows the operator examples of what is dropped: a counter alone says nothing of what to change. */
export class OddPackets {
  readonly #events: Events
  readonly #cause: Cause
  readonly #toldAt = new WeakMap<HostSide, number>()

  constructor(events: Events, cause: Cause) {
    this.#events = events
    this.#cause = cause
  }

  note(tunnel: HostSide, fields: PacketFields, now: number): void {
    if (now - (this.#toldAt.get(tunnel) ?? Number.NEGATIVE_INFINITY) < EVERY) return
    this.#toldAt.set(tunnel, now)
    const packet = summaryOf(fields)
    this.#events.emit({
      kind: 'odd-packet',
      tunnel: tunnel.settings.name,
      cause: this.#cause,
      packet,
    })
  }
}

export function summaryOf(fields: PacketFields): PacketSummary {
  return {
    source: addressOf(fields.source, fields.family),
    destination: addressOf(fields.destination, fields.family),
    protocol: fields.protocol,
    sourcePort: fields.sourcePort,
    destinationPort: fields.destinationPort,
  }
}

function addressOf(words: Uint32Array, family: 4 | 6): IpAddress {
  const octets = new Uint8Array(family === 4 ? 4 : 16)
  const view = new DataView(octets.buffer)
  for (let i = 0; i * 4 < octets.length; i++) view.setUint32(i * 4, words[i] as number)
  return ipFromOctets(octets) as IpAddress
}
