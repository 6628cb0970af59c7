import { COALESCED_OCTETS, COALESCING_HEADROOM } from '#esp/coalescing'
import { DECAPSULATION_HEADROOM } from '#esp/inbound'
import { type OctetWork, portableOctetWork } from '#esp/octet-work'
import { ENCAPSULATION_HEADROOM, ENCAPSULATION_TAILROOM } from '#esp/outbound'
import type { Arena } from '#platform/arena'
import { allocateWorkingArena } from '#platform/octet-work'
import { VIRTIO_HEADER_OCTETS } from '#wire/virtio-net'

/** The longest IP packet or datagram. */
export const MAX_PACKET_OCTETS = 65_535
const HEADROOM = 128
const TAILROOM = 128
/** Not a multiple of the size of a page, so that packets at the beginning of each place do not share lines of the cache. */
const SLOT_OCTETS = HEADROOM + 65_536 + TAILROOM + 1088
/** Messages taken with one system call. */
const RECEIVE_PLACES = 16
/** Flows that can grow into one packet at the same time. */
const COALESCING_PLACES = 8
export const SEND_OCTETS = 262_144

if (HEADROOM < DECAPSULATION_HEADROOM + COALESCING_HEADROOM) throw new Error('headroom')
if (HEADROOM < ENCAPSULATION_HEADROOM + VIRTIO_HEADER_OCTETS) throw new Error('headroom')
if (TAILROOM < ENCAPSULATION_TAILROOM) throw new Error('tailroom')

/**
 * The worker's packets: places in one arena, each with room before and behind it, so that headers, padding and ICV go on and come
 * off without a copy.
 */
export class PacketMemory {
  readonly arena: Arena
  readonly work: OctetWork
  /** Whether `work` is done by SIMD instructions. */
  readonly fastWork: boolean
  /** Where a packet from the host begins; its virtio header stands before it. */
  readonly fromHost: number
  /** For what is made here: IKE datagrams, keepalives, ICMP messages, fragments. */
  readonly made: number
  /** For segments that are handled one by one. */
  readonly segment: number
  readonly fromNetwork: readonly number[]
  readonly coalesced: readonly number[]
  /** `SEND_OCTETS` for packets that wait to be sent together. */
  readonly toNetwork: number

  constructor() {
    const slots = 3 + RECEIVE_PLACES
    const coalescedAt = slots * SLOT_OCTETS
    const toNetworkAt = coalescedAt + COALESCING_PLACES * COALESCED_STEP
    const { arena, work } = allocateWorkingArena(toNetworkAt + SEND_OCTETS)
    this.arena = arena
    this.work = work ?? portableOctetWork(arena)
    this.fastWork = work !== undefined
    this.fromHost = HEADROOM
    this.made = SLOT_OCTETS + HEADROOM
    this.segment = 2 * SLOT_OCTETS + HEADROOM
    this.fromNetwork = places(RECEIVE_PLACES, 3 * SLOT_OCTETS + HEADROOM, SLOT_OCTETS)
    this.coalesced = places(COALESCING_PLACES, coalescedAt, COALESCED_STEP)
    this.toNetwork = toNetworkAt
  }
}

const COALESCED_STEP = Math.ceil((COALESCED_OCTETS + 1088) / 64) * 64

function places(count: number, start: number, step: number): number[] {
  return Array.from({ length: count }, (_, index) => start + index * step)
}
