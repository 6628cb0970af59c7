import { type IpAddress, ipFamily, ipFromBigInt, ipToBigInt, parseIp } from '#bytes/ip'
import { selectorFromPrefix } from '#policy/traffic-selector'

/** What Mode Config gives, as it is written here: one address, or a network they come from. */
export type GivenAddresses = {
  readonly key: 'mode-config.address' | 'mode-config.pool'
  readonly value: string
  /** Whether it was a range, of which a network is a part. */
  readonly isPart: boolean
}

/** Reads `10.9.0.7`, `10.9.0.0/24`, `10.9.0.10-10.9.0.250`; `10.9.0.100/24` begins at that address, as in strongSwan. */
export function givenAddresses(text: string): GivenAddresses | undefined {
  const [from, to] = endsOf(text.trim()) ?? []
  if (from === undefined || to === undefined) return undefined
  const [first, last] = [ipToBigInt(from), ipToBigInt(to)]
  const most = ipFamily(from) === 4 ? 32 : 128
  const block = largestBlock(first, last, most)
  const start = ipFromBigInt(block.start, ipFamily(from))
  const isPart = block.start !== first || block.start + (1n << BigInt(block.free)) - 1n !== last
  return block.free === 0
    ? { key: 'mode-config.address', value: start, isPart }
    : { key: 'mode-config.pool', value: `${start}/${most - block.free}`, isPart }
}

export function partOfPool({ value }: GivenAddresses, whole: string): string {
  return `The pool ${whole} is no network, so ${value} of it is taken: a tunnel serves one peer at a time.`
}

function endsOf(text: string): readonly [IpAddress, IpAddress] | undefined {
  const [, base = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const [low = '', high = low, ...more] = base.split('-').map((one) => one.trim())
  const [from, to] = [parseIp(low), parseIp(high)]
  if (from === undefined || to === undefined || more.length > 0) return undefined
  if (ipFamily(from) !== ipFamily(to) || ipToBigInt(from) > ipToBigInt(to)) return undefined
  if (bits === undefined) return [from, to]
  if (from !== to || Number(bits) > (ipFamily(from) === 4 ? 32 : 128)) return undefined
  return [from, selectorFromPrefix(from, Number(bits)).end]
}

/** The largest network that lies in a range, the first of them. */
function largestBlock(
  first: bigint,
  last: bigint,
  most: number,
): { readonly start: bigint; readonly free: number } {
  for (let free = most; free > 0; free--) {
    const size = 1n << BigInt(free)
    const start = ((first + size - 1n) / size) * size
    if (start + size - 1n <= last) return { start, free }
  }
  return { start: first, free: 0 }
}
