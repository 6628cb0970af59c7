import { type IpAddress, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { TrafficSelector } from '#policy/traffic-selector'

/** Every address of its family. */
export function isEverything({ start, end, family }: TrafficSelector): boolean {
  const last = (1n << (family === 4 ? 32n : 128n)) - 1n
  return ipToBigInt(start) === 0n && ipToBigInt(end) === last
}

/** Some host of the range: not its first address, which is the network's, but the one behind it, where a gateway often is. */
export function hostIn({ start, end, family }: TrafficSelector): IpAddress {
  const first = ipToBigInt(start)
  return first === ipToBigInt(end) ? start : ipFromBigInt(first + 1n, family)
}
