import { type IpAddress, ipOctets } from '#bytes/ip'

/** An address as the packet path compares it: big-endian words; an IPv4 address is the first, the others are 0. */
export function addressWords(address: IpAddress): Uint32Array {
  const octets = ipOctets(address)
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  const words = new Uint32Array(4)
  for (let i = 0; i * 4 < octets.length; i++) words[i] = view.getUint32(i * 4)
  return words
}

/** Negative, 0 or positive, as numbers compare. `index` counts addresses in `list`. */
export function compareWords(words: Uint32Array, list: Uint32Array, index: number): number {
  for (let i = 0; i < 4; i++) {
    const a = words[i] as number
    const b = list[index * 4 + i] as number
    if (a !== b) return a < b ? -1 : 1
  }
  return 0
}
