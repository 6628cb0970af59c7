import type { EncapsulationMode } from '#policy/proposal'
import { ESP_HEADER_OCTETS, ESP_TRAILER_OCTETS, writeEspHeader } from '#wire/esp'
import { IpProtocol } from '#wire/ip-protocol'
import { IPV4_HEADER_OCTETS } from '#wire/ipv4'
import { IPV6_HEADER_OCTETS, ipv6NextHeader } from '#wire/ipv6'
import { Fragment, type PacketFields } from './packet-fields.ts'
import type { OutboundSa } from './sa.ts'
import { count, SaCounter } from './sa-counters.ts'
import { Expiry, SequenceCounter } from './sequence.ts'
import type { EspTransform, PacketArena } from './transform.ts'

/** Octets that must be free before an inner packet for `encapsulate` to work in place: ESP header and the longest IV. */
export const ENCAPSULATION_HEADROOM: number = ESP_HEADER_OCTETS + 16
/** Octets that must be free behind it: padding, trailer and the longest ICV. */
export const ENCAPSULATION_TAILROOM: number = 15 + ESP_TRAILER_OCTETS + 32

/** What became of an inner packet. */
export const OutboundVerdict = {
  sealed: 0,
  /** The SA has no sequence number, or no volume, left. */
  exhausted: 1,
  /** Transport mode carries whole packets without IPv4 options or IPv6 extension headers (RFC 4303 §3.1.1). */
  cannotCarry: 2,
} as const
export type OutboundVerdict = (typeof OutboundVerdict)[keyof typeof OutboundVerdict]

/** Where the ESP packet lies; one object is made and refilled for each packet. */
export class SealedPacket {
  offset = 0
  length = 0
}

/** An outbound SA at work. */
export class OutboundState {
  readonly sa: OutboundSa
  readonly transform: EspTransform
  readonly sequence: SequenceCounter
  readonly counters: Float64Array
  readonly mode: EncapsulationMode
  /** Rises from none to hard, and each step is told once. */
  expiry: Expiry = Expiry.none
  /** The largest inner packet it takes without fragmentation of the outer one; kept by who knows the path. */
  innerMtu = 0xffff
  readonly #softOctets: number
  readonly #lastOctets: number
  readonly #hardOctets: number

  /** @param counters `SA_COUNTER_FIELDS` long */
  constructor(
    sa: OutboundSa,
    transform: EspTransform,
    counters: Float64Array,
    sequence: SequenceCounter = new SequenceCounter(sa.suite.esn),
  ) {
    this.sa = sa
    this.transform = transform
    this.counters = counters
    this.sequence = sequence
    this.mode = sa.mode
    this.#softOctets = sa.volume?.soft ?? Number.POSITIVE_INFINITY
    this.#hardOctets = sa.volume?.hard ?? Number.POSITIVE_INFINITY
    this.#lastOctets = (this.#softOctets + this.#hardOctets) / 2
  }

  /** Takes the next sequence number. @returns false when the SA may carry nothing more */
  advance(): boolean {
    if (this.expiry === Expiry.hard) return false
    const octets = this.counters[SaCounter.octets] as number
    let expiry: Expiry = Expiry.hard
    if (octets < this.#hardOctets) expiry = this.sequence.next()
    if (expiry !== Expiry.hard && octets >= this.#softOctets) {
      expiry = octets >= this.#lastOctets ? Expiry.last : Expiry.soft
    }
    if (expiry > this.expiry) this.expiry = expiry
    return expiry !== Expiry.hard
  }
}

/**
 * Makes an ESP packet of the inner packet at `at`, in place. `packet` are its fields; `at` must have `ENCAPSULATION_HEADROOM`
 * before it and `ENCAPSULATION_TAILROOM` behind it. The outer IP and UDP headers are the socket's work.
 */
export function encapsulate(
  arena: PacketArena,
  state: OutboundState,
  at: number,
  packet: PacketFields,
  now: number,
  out: SealedPacket,
): OutboundVerdict {
  const { view } = arena
  let payload = at
  let nextHeader: number = packet.family === 4 ? IpProtocol.ipv4 : IpProtocol.ipv6
  if (state.mode === 'transport') {
    if (!isPlainPacket(view, at, packet)) {
      count(state.counters, SaCounter.cannotCarry)
      return OutboundVerdict.cannotCarry
    }
    payload = at + packet.transportAt
    nextHeader = packet.protocol
  }
  if (!state.advance()) {
    count(state.counters, SaCounter.exhausted)
    return OutboundVerdict.exhausted
  }
  const { ivOctets, icvOctets, alignment } = state.transform
  const end = at + packet.totalOctets
  const unpadded = end - payload + ESP_TRAILER_OCTETS
  const padding = (alignment - (unpadded % alignment)) % alignment
  for (let i = 0; i < padding; i++) view.setUint8(end + i, i + 1) // RFC 4303 §2.4
  view.setUint8(end + padding, padding)
  view.setUint8(end + padding + 1, nextHeader)
  out.offset = payload - ivOctets - ESP_HEADER_OCTETS
  out.length = ESP_HEADER_OCTETS + ivOctets + unpadded + padding + icvOctets
  writeEspHeader(view, out.offset, state.sa.spi, state.sequence.low)
  state.transform.seal(out.offset, out.length, state.sequence.high)
  countSealed(state, packet.totalOctets, now)
  return OutboundVerdict.sealed
}

function countSealed(state: OutboundState, octets: number, now: number): void {
  const { counters, sequence } = state
  count(counters, SaCounter.packets)
  counters[SaCounter.octets] = (counters[SaCounter.octets] as number) + octets
  counters[SaCounter.sequence] = sequence.high * 0x1_0000_0000 + sequence.low
  counters[SaCounter.lastUsed] = now
}

function isPlainPacket(view: DataView, at: number, packet: PacketFields): boolean {
  if (packet.fragment !== Fragment.none) return false
  if (packet.family === 4) return packet.transportAt === IPV4_HEADER_OCTETS
  return packet.transportAt === IPV6_HEADER_OCTETS && ipv6NextHeader(view, at) === packet.protocol
}
