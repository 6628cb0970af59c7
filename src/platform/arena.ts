import { memoryOver } from './native.ts'

/**
 * The memory all packets live in: one block that every thread can share, at an address that never changes. It satisfies
 * `PacketArena` of `esp/transform.ts` and adds what native calls need.
 */
export type Arena = {
  readonly octets: Uint8Array
  readonly view: DataView
  /** Address of the first octet. */
  readonly address: bigint
  /**
   * Address of one octet, as a BigInt made once and kept, so that the packet path makes none. One is kept for each offset
   * ever asked for: ask for places that come back (starts of slots), not for every place a packet can end.
   */
  addressOf(offset: number): bigint
}

/** `octets` is rounded up to whole pages. */
export function allocateArena(octets: number): Arena {
  const size = Math.ceil(octets / PAGE) * PAGE
  return arenaOver(new SharedArrayBuffer(size))
}

/** The same memory seen from another thread; addresses are those of the process and stay equal. */
export function arenaOver(buffer: SharedArrayBuffer): Arena {
  const { octets, view, address } = memoryOver(buffer)
  const pages: (bigint | undefined)[][] = Array.from({ length: buffer.byteLength / PAGE })
  return {
    octets,
    view,
    address,
    addressOf(offset) {
      const known = pages[offset >>> PAGE_BITS]?.[offset & (PAGE - 1)]
      return known === undefined ? remember(pages, address, octets.length, offset) : known
    },
  }
}

function remember(
  pages: (bigint | undefined)[][],
  base: bigint,
  octets: number,
  offset: number,
): bigint {
  if (!Number.isInteger(offset) || offset < 0 || offset >= octets) {
    throw new RangeError(`offset ${offset} is outside the packet arena of ${octets} octets`)
  }
  const index = offset >>> PAGE_BITS
  let page = pages[index]
  if (page === undefined) {
    page = new Array<bigint | undefined>(PAGE).fill(undefined)
    pages[index] = page
  }
  const address = base + BigInt(offset)
  page[offset & (PAGE - 1)] = address
  return address
}

const PAGE_BITS = 12
const PAGE = 1 << PAGE_BITS
