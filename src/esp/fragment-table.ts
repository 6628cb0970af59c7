import type { PacketFields } from './packet-fields.ts'

const ENTRIES = 256
const KEY_WORDS = 10
/** Longer than any reassembly waits (RFC 1122 §3.3.2: 60 to 120 s; Linux 30 s), short enough that an ID does not come round again. */
const LIFE_MS = 30_000

/**
 * Which policy the first fragment of a packet met, so that the later ones, which carry no ports, follow it: the stateful
 * fragment checking of RFC 4301 §7.3. A later fragment that overtakes its first is dropped. Of fixed size: an attacker's
 * fragments can only push out other fragments.
 */
export class FragmentTable {
  readonly #keys = new Uint32Array(ENTRIES * KEY_WORDS)
  readonly #values = new Float64Array(ENTRIES).fill(-1)
  readonly #times = new Float64Array(ENTRIES)

  /** @param value what `find` is to answer, 0 or more */
  remember(packet: PacketFields, value: number, now: number): void {
    const slot = slotOf(packet)
    for (let i = 0; i < KEY_WORDS; i++) this.#keys[slot * KEY_WORDS + i] = keyWord(packet, i)
    this.#values[slot] = value
    this.#times[slot] = now
  }

  /** @returns the value remembered for the first fragment of this packet, or -1 */
  find(packet: PacketFields, now: number): number {
    const slot = slotOf(packet)
    if (now - (this.#times[slot] as number) > LIFE_MS) return -1
    for (let i = 0; i < KEY_WORDS; i++) {
      if (this.#keys[slot * KEY_WORDS + i] !== keyWord(packet, i)) return -1
    }
    return this.#values[slot] as number
  }
}

function keyWord(packet: PacketFields, index: number): number {
  if (index < 4) return packet.source[index] as number
  if (index < 8) return packet.destination[index - 4] as number
  return index === 8 ? packet.identification : packet.protocol
}

function slotOf(packet: PacketFields): number {
  let hash = 0
  for (let i = 0; i < KEY_WORDS; i++) {
    hash = Math.imul(hash ^ keyWord(packet, i), 0x9e37_79b1)
    hash ^= hash >>> 15
  }
  return hash & (ENTRIES - 1)
}
