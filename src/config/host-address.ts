import { type IpAddress, ipFamily, ipOctets } from '#bytes/ip'

/** What an address is that no host has for itself, in words; undefined for all others. */
export function noHost(address: IpAddress): string | undefined {
  const octets = ipOctets(address)
  const first = octets[0] ?? 0
  const multicast = ipFamily(address) === 4 ? first >= 0xe0 && first < 0xf0 : first === 0xff
  if (multicast) return 'a multicast address'
  const isNone = octets.every((octet) => octet === 0) || address === '255.255.255.255'
  return isNone ? 'no host' : undefined
}

/** RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3. */
export function isLoopback(address: IpAddress): boolean {
  return ipFamily(address) === 4 ? address.startsWith('127.') : address === '::1'
}
