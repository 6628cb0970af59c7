import { memoryOver } from './native.ts'

/**
 * The memory all packets live in: one block that every thread can share, at an address that never changes. It satisfies
 * `PacketArena` of `esp/transform.ts` and adds what native calls need.
 */
export type Arena = {
  readonly octets: Uint8Array
  readonly view: DataView
  /** Address of the first octet. */
  readonly address: number
  /**
   * Address of one octet, as a number made once and kept, so that the packet path makes none. One is kept for each offset
   * ever asked for: ask for places that come back (starts of slots), not for every place a packet can end.
   * @param octets how many of them native code may touch from there @throws RangeError when they do not fit
   */
  addressOf(offset: number, octets: number): number
}

/** `octets` is rounded up to whole pages. */
export function allocateArena(octets: number): Arena {
  const size = Math.ceil(octets / PAGE) * PAGE
  return arenaOver(new SharedArrayBuffer(size))
}

/** The same memory seen from another thread; addresses are those of the process and stay equal. */
export function arenaOver(buffer: SharedArrayBuffer): Arena {
  const { octets, view, address } = memoryOver(buffer)
  const size = octets.length
  const pages: (number | undefined)[][] = Array.from({ length: buffer.byteLength / PAGE })
  return {
    octets,
    view,
    address,
    addressOf(offset, length) {
      if (!(length >= 0 && offset + length <= size)) throw outside(offset, length, size)
      const known = pages[offset >>> PAGE_BITS]?.[offset & (PAGE - 1)]
      return known === undefined ? remember(pages, address, size, offset) : known
    },
  }
}

function remember(
  pages: (number | undefined)[][],
  base: number,
  size: number,
  offset: number,
): number {
  if (!Number.isInteger(offset) || offset < 0 || offset >= size) throw outside(offset, 0, size)
  const index = offset >>> PAGE_BITS
  let page = pages[index]
  if (page === undefined) {
    page = new Array<number | undefined>(PAGE).fill(undefined)
    pages[index] = page
  }
  const address = base + offset
  page[offset & (PAGE - 1)] = address
  return address
}

function outside(offset: number, length: number, size: number): RangeError {
  return new RangeError(`${length} octets at ${offset} are outside the packet arena of ${size}`)
}

const PAGE_BITS = 12
const PAGE = 1 << PAGE_BITS
