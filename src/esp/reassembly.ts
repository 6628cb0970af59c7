import { IpProtocol } from '#wire/ip-protocol'
import {
  IPV4_DF,
  IPV4_HEADER_OCTETS,
  IPV4_MF,
  IPV4_OFFSET_MASK,
  ipv4Fragment,
  sealIpv4Header,
} from '#wire/ipv4'
import { IPV6_HEADER_OCTETS, ipv6NextHeader } from '#wire/ipv6'
import { Fragment, type PacketFields } from './packet-fields.ts'
import type { PacketArena } from './transform.ts'

/** The longest IPv4 packet; IPv6 ones are not made longer, since ESP has no room around them. */
const MAX_OCTETS = 65_535
const IPV6_FRAGMENT_OCTETS = 8
/** Packets that may grow at once: fragments of several sockets of the host can mix. */
const PLACES = 8

/**
 * Makes packets whole again that the host cut for our device, because transport mode takes whole packets only: they are cut after ESP instead
 * (RFC 4303 §3.3.4). The host hands the fragments of a packet over in order; what comes out of order is given up.
 */
export class Reassembly {
  readonly #places: Growing[] = []
  #clock = 0

  /**
   * Takes the fragment at `at`.
   * @param to room for 65,535 octets
   * @returns the length of the whole packet, now at `to`; 0 while some of it is missing; -1 when the fragment belongs to nothing
   */
  add(arena: PacketArena, at: number, fields: PacketFields, to: number): number {
    const header = fields.family === 4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS
    const body = header + (fields.family === 4 ? 0 : IPV6_FRAGMENT_OCTETS)
    if (!isPlainFragment(arena.view, at, fields)) return -1
    const place =
      fields.fragment === Fragment.first
        ? this.#begin(arena, at, fields, header)
        : this.#places.find((one) => one.isOf(arena, at, fields))
    if (place === undefined) return -1
    const octets = fields.totalOctets - body
    const { offset, more } = position(arena.view, at, fields)
    const fits = header + offset + octets <= MAX_OCTETS && (!more || octets % 8 === 0)
    if (!fits || header + offset !== place.filled) {
      place.filled = 0
      return -1
    }
    place.octets.set(arena.octets.subarray(at + body, at + body + octets), place.filled)
    place.filled += octets
    if (more) return 0
    const whole = place.filled
    arena.octets.set(place.octets.subarray(0, whole), to)
    place.filled = 0
    closeHeader(arena.view, to, fields.family, whole)
    return whole
  }

  /** A place that is free, or of the packet that has waited longest for its rest. */
  #begin(arena: PacketArena, at: number, fields: PacketFields, header: number): Growing {
    let place = this.#places.find((one) => one.filled === 0 || one.isOf(arena, at, fields))
    if (place === undefined && this.#places.length < PLACES) {
      place = new Growing()
      this.#places.push(place)
    }
    place ??= this.#places.reduce((oldest, one) => (one.begun < oldest.begun ? one : oldest))
    place.begin(arena, at, fields, header, ++this.#clock)
    return place
  }
}

/** A packet whose last octets have not come. */
class Growing {
  readonly octets: Uint8Array = new Uint8Array(MAX_OCTETS)
  /** 0 when nothing grows here. */
  filled = 0
  begun = 0
  #identification = 0

  begin(arena: PacketArena, at: number, fields: PacketFields, header: number, begun: number): void {
    this.octets.set(arena.octets.subarray(at, at + header))
    // IPv6 has the next header of the whole packet in the fragment header (RFC 8200 §4.5).
    if (fields.family === 6) this.octets[6] = arena.octets[at + header] as number
    this.filled = header
    this.begun = begun
    this.#identification = fields.identification
  }

  /** RFC 791 §3.2: identification, addresses and protocol; RFC 8200 §4.5: without the protocol. */
  isOf({ octets }: PacketArena, at: number, { family, identification }: PacketFields): boolean {
    if (this.filled === 0 || this.#identification !== identification) return false
    if ((this.octets[0] as number) >>> 4 !== family) return false
    if (family === 4 && this.octets[9] !== octets[at + 9]) return false
    const [start, end] = family === 4 ? [12, 20] : [8, 40]
    for (let i = start; i < end; i++) if (this.octets[i] !== octets[at + i]) return false
    return true
  }
}

/** Without IPv4 options or other extension headers before the fragment header: transport mode would not take the whole either. */
function isPlainFragment(view: DataView, at: number, fields: PacketFields): boolean {
  if (fields.family === 4) return fields.transportAt === IPV4_HEADER_OCTETS
  return (
    ipv6NextHeader(view, at) === IpProtocol.fragment &&
    fields.transportAt === IPV6_HEADER_OCTETS + IPV6_FRAGMENT_OCTETS
  )
}

/** Where in the payload of the whole packet it stands, and whether more follows. */
function position(
  view: DataView,
  at: number,
  { family }: PacketFields,
): { readonly offset: number; readonly more: boolean } {
  if (family === 4) {
    const word = ipv4Fragment(view, at)
    return { offset: (word & IPV4_OFFSET_MASK) * 8, more: (word & IPV4_MF) !== 0 }
  }
  const word = view.getUint16(at + IPV6_HEADER_OCTETS + 2)
  return { offset: word & 0xfff8, more: (word & 1) !== 0 }
}

function closeHeader(view: DataView, at: number, family: 4 | 6, octets: number): void {
  if (family === 6) {
    view.setUint16(at + 4, octets - IPV6_HEADER_OCTETS)
    return
  }
  view.setUint16(at + 2, octets)
  view.setUint16(at + 6, ipv4Fragment(view, at) & IPV4_DF)
  sealIpv4Header(view, at)
}
