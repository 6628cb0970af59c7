import ipaddr from 'ipaddr.js'

/** An IP address in its one canonical text form (dotted decimal, or RFC 5952), so that `===` compares addresses. */
export type IpAddress = string & { readonly __brand: 'IpAddress' }

/** A UDP endpoint. Ports are host numbers, 0…65535. */
export type Endpoint = { readonly address: IpAddress; readonly port: number }

export type IpFamily = 4 | 6

/** @returns undefined when `text` is not an IPv4 or IPv6 address in full notation. */
export function parseIp(text: string): IpAddress | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return canonical(ipaddr.IPv4.parse(text))
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  return canonical(ipaddr.IPv6.parse(text))
}

/** For addresses written in our own code and tests. @throws TypeError when it is none. */
export function ip(text: string): IpAddress {
  const address = parseIp(text)
  if (address === undefined) throw new TypeError(`not an IP address: ${text}`)
  return address
}

export function ipFamily(address: IpAddress): IpFamily {
  return address.includes(':') ? 6 : 4
}

/** 4 or 16 octets in network order. */
export function ipOctets(address: IpAddress): Uint8Array {
  return Uint8Array.from(ipaddr.parse(address).toByteArray())
}

/** @returns undefined unless `octets` is 4 or 16 long. */
export function ipFromOctets(octets: Uint8Array): IpAddress | undefined {
  if (octets.length !== 4 && octets.length !== 16) return undefined
  return canonical(ipaddr.fromByteArray(Array.from(octets)))
}

export function ipToBigInt(address: IpAddress): bigint {
  return ipOctets(address).reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
}

export function ipFromBigInt(value: bigint, family: IpFamily): IpAddress {
  const octets = new Uint8Array(family === 4 ? 4 : 16)
  let left = value
  for (let i = octets.length - 1; i >= 0; i--) {
    octets[i] = Number(left & 0xffn)
    left >>= 8n
  }
  return canonical(ipaddr.fromByteArray(Array.from(octets)))
}

/** `192.0.2.1:500`, `[2001:db8::1]:4500`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return ipFamily(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`
}

function canonical(address: ipaddr.IPv4 | ipaddr.IPv6): IpAddress {
  return (
    address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString()
  ) as IpAddress
}
