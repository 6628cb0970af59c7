import { type Endpoint, type IpAddress, ipFamily, ipFromOctets, ipOctets } from '#bytes/ip'
import { allocateMemory, type NativeMemory } from './native.ts'

export const AF_INET = 2
export const AF_INET6 = 10
/** Room for the longest address we use, `struct sockaddr_in6` (28), in whole pointers. */
export const SOCKET_ADDRESS_OCTETS = 32

/** Where to send: a `sockaddr` made once, whose address goes to the kernel with every packet. */
export type Destination = {
  readonly endpoint: Endpoint
  readonly memory: NativeMemory
  readonly octets: number
}

/** For a raw ESP socket the port must be 0. */
export function prepareDestination(endpoint: Endpoint): Destination {
  const memory = allocateMemory(SOCKET_ADDRESS_OCTETS)
  return { endpoint, memory, octets: writeSocketAddress(memory, 0, endpoint) }
}

/**
 * `struct sockaddr_in`: family 0, port 2, address 4. `struct sockaddr_in6`: family 0, port 2, flow 4, address 8, scope 24.
 * @returns its length
 */
export function writeSocketAddress(
  memory: NativeMemory,
  offset: number,
  { address, port }: Endpoint,
): number {
  const { octets, view } = memory
  octets.fill(0, offset, offset + SOCKET_ADDRESS_OCTETS)
  const version = ipFamily(address)
  view.setUint16(offset, version === 4 ? AF_INET : AF_INET6, true)
  view.setUint16(offset + 2, port)
  octets.set(ipOctets(address), offset + (version === 4 ? 4 : 8))
  return version === 4 ? 16 : 28
}

/** @returns undefined for a family other than IPv4 and IPv6. */
export function readSocketAddress(memory: NativeMemory, offset: number): Endpoint | undefined {
  const { octets, view } = memory
  const family = view.getUint16(offset, true)
  const address = readAddress(octets, offset, family)
  return address === undefined ? undefined : { address, port: view.getUint16(offset + 2) }
}

function readAddress(octets: Uint8Array, offset: number, family: number): IpAddress | undefined {
  if (family === AF_INET) return ipFromOctets(octets.slice(offset + 4, offset + 8))
  if (family === AF_INET6) return ipFromOctets(octets.slice(offset + 8, offset + 24))
  return undefined
}
