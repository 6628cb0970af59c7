import { DECAPSULATION_HEADROOM } from '#esp/inbound'
import { ENCAPSULATION_HEADROOM, ENCAPSULATION_TAILROOM } from '#esp/outbound'
import { type Arena, allocateArena } from '#platform/arena'

/** The longest IP packet or datagram. */
export const MAX_PACKET_OCTETS = 65_535
const HEADROOM = 128
const TAILROOM = 128
const SLOT_OCTETS = HEADROOM + MAX_PACKET_OCTETS + 1 + TAILROOM

if (HEADROOM < Math.max(DECAPSULATION_HEADROOM, ENCAPSULATION_HEADROOM)) throw new Error('headroom')
if (TAILROOM < ENCAPSULATION_TAILROOM) throw new Error('tailroom')

/**
 * The worker's packets: places in one arena, each with room before and behind it, so that headers, padding and ICV go on and come
 * off without a copy.
 */
export class PacketMemory {
  readonly arena: Arena
  readonly fromHost: number
  readonly fromNetwork: number
  /** For what is made here: IKE datagrams, keepalives, ICMP messages, fragments. */
  readonly made: number

  constructor() {
    const slots = 3
    this.arena = allocateArena(slots * SLOT_OCTETS)
    this.fromHost = HEADROOM
    this.fromNetwork = SLOT_OCTETS + HEADROOM
    this.made = 2 * SLOT_OCTETS + HEADROOM
  }
}
