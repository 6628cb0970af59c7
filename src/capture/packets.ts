import { concat } from '#bytes/concat'
import { type IpAddress, ipFromOctets } from '#bytes/ip'
import { type CapturedFrame, LinkType } from '#wire/capture-file'
import {
  IPV4_DESTINATION,
  IPV4_HEADER_OCTETS,
  IPV4_MF,
  IPV4_OFFSET_MASK,
  IPV4_SOURCE,
  ipv4Fragment,
  ipv4HeaderOctets,
  ipv4Identification,
  ipv4Protocol,
  ipv4TotalOctets,
} from '#wire/ipv4'
import {
  IPV6_DESTINATION,
  IPV6_HEADER_OCTETS,
  IPV6_SOURCE,
  ipv6NextHeader,
  ipv6TotalOctets,
} from '#wire/ipv6'

/** What an IP packet carries, put together from its fragments. */
export type IpPayload = {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly protocol: number
  /** As much as was captured. */
  readonly octets: Uint8Array
  /** What it had on the wire. */
  readonly wireOctets: number
}

/** Takes frames apart down to what IP carries. Every length is checked; what does not fit is no packet to us. */
export class PacketReader {
  readonly #fragments = new Fragments()

  /** @returns undefined for what is no IP, damaged, or a fragment that others are missing of. */
  take({ linkType, octets, number }: CapturedFrame): IpPayload | undefined {
    const packet = packetIn(linkType, octets)
    if (packet === undefined || packet.length === 0) return undefined
    const found = (packet[0] ?? 0) >> 4 === 6 ? readIpv6(packet) : readIpv4(packet)
    return found === undefined ? undefined : this.#fragments.take(found, number)
  }
}

/** The IP packet in a frame. */
function packetIn(linkType: number, octets: Uint8Array): Uint8Array | undefined {
  switch (linkType) {
    case LinkType.raw:
    case LinkType.rawBsd:
    case LinkType.rawOpenBsd:
    case LinkType.ipv4:
    case LinkType.ipv6:
      return octets
    // Four octets say the family, in the byte order of whoever captured; IP says it itself.
    case LinkType.null:
    case LinkType.loop:
      return octets.subarray(4)
    case LinkType.ethernet:
      return behindEtherType(octets, 12)
    case LinkType.linuxCooked:
      return behindEtherType(octets, 14)
    case LinkType.linuxCooked2:
      return isIp(u16(octets, 0)) ? octets.subarray(20) : undefined
    default:
      return undefined
  }
}

const MOST_TAGS = 4
const VLAN_TYPES: readonly number[] = [0x8100, 0x88a8, 0x9100]

/** Tags of VLANs stand before the type that counts. */
function behindEtherType(octets: Uint8Array, at: number): Uint8Array | undefined {
  for (let tags = 0; tags <= MOST_TAGS; tags++) {
    const typeAt = at + 4 * tags
    const type = u16(octets, typeAt)
    if (isIp(type)) return octets.subarray(typeAt + 2)
    if (!VLAN_TYPES.includes(type)) return undefined
  }
  return undefined
}

function isIp(etherType: number): boolean {
  return etherType === 0x0800 || etherType === 0x86dd
}

function u16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)
}

type Piece = IpPayload & {
  readonly fragment?: { readonly id: number; readonly offset: number; readonly more: boolean }
}

function readIpv4(packet: Uint8Array): Piece | undefined {
  if (packet.length < IPV4_HEADER_OCTETS) return undefined
  const view = viewOf(packet)
  if (view.getUint8(0) >> 4 !== 4) return undefined
  const header = ipv4HeaderOctets(view, 0)
  // Segmentation offload leaves the length out of what is captured on the way out.
  const total = ipv4TotalOctets(view, 0) || packet.length
  if (header < IPV4_HEADER_OCTETS || total < header || packet.length < header) return undefined
  const word = ipv4Fragment(view, 0)
  const offset = (word & IPV4_OFFSET_MASK) * 8
  const more = (word & IPV4_MF) !== 0
  const source = ipFromOctets(packet.subarray(IPV4_SOURCE, IPV4_SOURCE + 4))
  const destination = ipFromOctets(packet.subarray(IPV4_DESTINATION, IPV4_DESTINATION + 4))
  if (source === undefined || destination === undefined) return undefined
  return {
    source,
    destination,
    protocol: ipv4Protocol(view, 0),
    octets: packet.subarray(header, Math.min(total, packet.length)),
    wireOctets: total - header,
    ...(offset === 0 && !more
      ? {}
      : { fragment: { id: ipv4Identification(view, 0), offset, more } }),
  }
}

const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const DESTINATION_OPTIONS = 60
const MOST_EXTENSIONS = 8

function readIpv6(packet: Uint8Array): Piece | undefined {
  if (packet.length < IPV6_HEADER_OCTETS) return undefined
  const view = viewOf(packet)
  const source = ipFromOctets(packet.subarray(IPV6_SOURCE, IPV6_SOURCE + 16))
  const destination = ipFromOctets(packet.subarray(IPV6_DESTINATION, IPV6_DESTINATION + 16))
  if (source === undefined || destination === undefined) return undefined
  const total = ipv6TotalOctets(view, 0)
  const end = Math.min(total, packet.length)
  let protocol = ipv6NextHeader(view, 0)
  let at = IPV6_HEADER_OCTETS
  let fragment: Piece['fragment']
  for (let count = 0; count < MOST_EXTENSIONS; count++) {
    if (protocol === FRAGMENT && fragment === undefined) {
      if (end - at < 8) return undefined
      const word = view.getUint16(at + 2)
      fragment = { id: view.getUint32(at + 4), offset: word & 0xfff8, more: (word & 1) !== 0 }
      protocol = view.getUint8(at)
      at += 8
      // What follows in a later fragment is data, whatever it looks like.
      if (fragment.offset > 0) break
      continue
    }
    if (![HOP_BY_HOP, ROUTING, DESTINATION_OPTIONS].includes(protocol)) break
    if (end - at < 8) return undefined
    protocol = view.getUint8(at)
    at += (view.getUint8(at + 1) + 1) * 8
  }
  if (at > end) return undefined
  const whole = fragment === undefined || (fragment.offset === 0 && !fragment.more)
  return {
    source,
    destination,
    protocol,
    octets: packet.subarray(at, end),
    wireOctets: total - at,
    ...(whole || fragment === undefined ? {} : { fragment }),
  }
}

/** IP fragments under way, bounded: a file may hold millions that never fit together. */
class Fragments {
  readonly #sets = new Map<string, FragmentSet>()

  take(piece: Piece, frame: number): IpPayload | undefined {
    const { fragment, ...payload } = piece
    if (fragment === undefined) return payload
    const { source, destination, protocol } = piece
    const key = `${source} ${destination} ${protocol} ${fragment.id}`
    const known = this.#sets.get(key)
    // Identifications come round again.
    const set =
      known !== undefined && frame - known.since < PATIENCE_FRAMES ? known : this.#fresh(key, frame)
    if (set.parts.size === MOST_PARTS || fragment.offset + piece.octets.length > LARGEST_PACKET) {
      this.#sets.delete(key)
      return undefined
    }
    if (!set.parts.has(fragment.offset)) set.parts.set(fragment.offset, piece.octets)
    if (!fragment.more) set.end = fragment.offset + piece.octets.length
    const octets = joined(set)
    if (octets === undefined) return undefined
    this.#sets.delete(key)
    return { ...payload, octets, wireOctets: octets.length }
  }

  #fresh(key: string, since: number): FragmentSet {
    const [oldest] = this.#sets.keys()
    if (oldest !== undefined && this.#sets.size >= MOST_SETS) this.#sets.delete(oldest)
    const set: FragmentSet = { since, parts: new Map(), end: undefined }
    this.#sets.delete(key)
    this.#sets.set(key, set)
    return set
  }
}

type FragmentSet = {
  readonly since: number
  readonly parts: Map<number, Uint8Array>
  end: number | undefined
}

const MOST_SETS = 64
const MOST_PARTS = 64
const LARGEST_PACKET = 65_535
const PATIENCE_FRAMES = 10_000

/** @returns undefined while something is missing, or where parts overlap: honest ones do not. */
function joined({ parts, end }: FragmentSet): Uint8Array | undefined {
  if (end === undefined) return undefined
  const ordered = [...parts].sort(([a], [b]) => a - b)
  let next = 0
  for (const [offset, octets] of ordered) {
    if (offset !== next) return undefined
    next += octets.length
  }
  return next === end ? concat(...ordered.map(([, octets]) => octets)) : undefined
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
}
