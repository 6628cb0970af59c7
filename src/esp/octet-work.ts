import { addToChecksum, foldChecksum } from '#wire/checksum'
import type { PacketArena } from './transform.ts'

/** Copying and summing octets of the arena: most of what the packet path does beside the cipher. */
export interface OctetWork {
  copy(to: number, from: number, octets: number): void
  /** The ones' complement sum of big-endian words (RFC 1071), folded to 16 bits, not inverted; an odd last octet is a high one. */
  sum(at: number, octets: number): number
  /** Both at once; the two places must not overlap. */
  copyAndSum(to: number, from: number, octets: number): number
}

/** Where there is no WebAssembly, and what the fast one is tested against. */
export function portableOctetWork({ octets, view }: PacketArena): OctetWork {
  const copy = (to: number, from: number, count: number): void => {
    octets.copyWithin(to, from, from + count)
  }
  const sum = (at: number, count: number): number =>
    ~foldChecksum(addToChecksum(0, view, at, count)) & 0xffff
  return {
    copy,
    sum,
    copyAndSum(to, from, count) {
      copy(to, from, count)
      return sum(from, count)
    },
  }
}
