import { type IpAddress, type IpFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'

export type Prefix = { readonly address: IpAddress; readonly length: number }

/** The fewest prefixes that make up the inclusive range, in order. */
export function prefixesOf(range: {
  readonly family: IpFamily
  readonly start: IpAddress
  readonly end: IpAddress
}): readonly Prefix[] {
  const bits = range.family === 4 ? 32 : 128
  const end = ipToBigInt(range.end)
  const prefixes: Prefix[] = []
  let at = ipToBigInt(range.start)
  while (at <= end) {
    let hostBits = 0
    while (hostBits < bits && isAligned(at, hostBits + 1) && lastOf(at, hostBits + 1) <= end) {
      hostBits++
    }
    prefixes.push({ address: ipFromBigInt(at, range.family), length: bits - hostBits })
    at = lastOf(at, hostBits) + 1n
  }
  return prefixes
}

function isAligned(address: bigint, hostBits: number): boolean {
  return (address & ((1n << BigInt(hostBits)) - 1n)) === 0n
}

function lastOf(address: bigint, hostBits: number): bigint {
  return address + (1n << BigInt(hostBits)) - 1n
}
