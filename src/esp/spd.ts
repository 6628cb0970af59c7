import { type IpFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { SelectorPair } from '#policy/traffic-selector'
import { addressWords, compareWords } from './address-words.ts'
import type { FragmentTable } from './fragment-table.ts'
import { Fragment, type PacketFields } from './packet-fields.ts'
import { type CompiledPair, compilePair, Match, matchOutbound } from './selector-match.ts'

/** No pair of the tunnel takes the packet. */
export const NO_PAIR = -1

/**
 * The outbound Security Policy Database of one tunnel (RFC 4301 §4.4.1): which of its network pairs takes a packet. Pairs are
 * ordered, the first that fits wins; everything else is dropped. The destination address space is cut at the ends of the remote
 * ranges, so that a lookup is a binary search and a look at the few pairs that share a piece, however many there are.
 */
export class Spd {
  readonly #pairs: readonly CompiledPair[]
  readonly #ipv4: AddressIndex
  readonly #ipv6: AddressIndex

  constructor(pairs: readonly SelectorPair[]) {
    this.#pairs = pairs.map(compilePair)
    this.#ipv4 = addressIndex(pairs, 4)
    this.#ipv6 = addressIndex(pairs, 6)
  }

  /** @returns the index of the pair, or `NO_PAIR` */
  find(packet: PacketFields, fragments: FragmentTable, now: number): number {
    const index = packet.family === 4 ? this.#ipv4 : this.#ipv6
    const piece = pieceOf(index, packet.destination)
    if (piece < 0) return NO_PAIR
    const end = index.first[piece + 1] as number
    for (let i = index.first[piece] as number; i < end; i++) {
      const candidate = index.pairs[i] as number
      const match = matchOutbound(this.#pairs[candidate] as CompiledPair, packet)
      if (match === Match.no) continue
      if (match === Match.unknown) {
        if (fragments.find(packet, now) === candidate) return candidate
        continue
      }
      if (packet.fragment === Fragment.first) fragments.remember(packet, candidate, now)
      return candidate
    }
    return NO_PAIR
  }
}

/** Piece i begins at `starts[i]` (four words) and its candidates are `pairs[first[i]]` up to `pairs[first[i + 1]]`. */
type AddressIndex = {
  readonly count: number
  readonly starts: Uint32Array
  readonly first: Int32Array
  readonly pairs: Int32Array
}

function addressIndex(pairs: readonly SelectorPair[], family: IpFamily): AddressIndex {
  const ranges = pairs.map(({ remote }, pair) => ({ remote, pair }))
  const relevant = ranges
    .filter(({ remote }) => remote.family === family)
    .map(({ remote, pair }) => ({
      pair,
      start: ipToBigInt(remote.start),
      end: ipToBigInt(remote.end),
    }))
  const last = (1n << (family === 4 ? 32n : 128n)) - 1n
  const cuts = new Set<bigint>()
  for (const { start, end } of relevant) {
    cuts.add(start)
    if (end < last) cuts.add(end + 1n)
  }
  const starts = [...cuts].sort((a, b) => (a < b ? -1 : 1))
  const first: number[] = [0]
  const members: number[] = []
  for (const cut of starts) {
    for (const { pair, start, end } of relevant) {
      if (start <= cut && cut <= end) members.push(pair)
    }
    first.push(members.length)
  }
  const words = new Uint32Array(starts.length * 4)
  for (const [i, cut] of starts.entries()) words.set(addressWords(ipFromBigInt(cut, family)), i * 4)
  return {
    count: starts.length,
    starts: words,
    first: Int32Array.from(first),
    pairs: Int32Array.from(members),
  }
}

/** The last piece that begins at or before `address`, or -1. */
function pieceOf(index: AddressIndex, address: Uint32Array): number {
  let low = 0
  let high = index.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareWords(address, index.starts, middle) >= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}
