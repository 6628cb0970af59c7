import type { Endpoint } from '#bytes/ip'
import { allocateMemory } from './native.ts'
import { readSocketAddress, SOCKET_ADDRESS_OCTETS } from './socket-address.ts'

/** Endpoints by their `sockaddr`, a few of them: who sends much is found again, who floods cannot make it grow. */
export class SenderCache {
  readonly #known = allocateMemory(SENDERS * SOCKET_ADDRESS_OCTETS)
  readonly #endpoints: Endpoint[] = []
  #next = 0

  /** @param at index of the first word of a `sockaddr` in `message` */
  find(message: Uint32Array, at: number): Endpoint {
    const { words } = this.#known
    for (let i = 0; i < this.#endpoints.length; i++) {
      const known = this.#endpoints[i]
      if (known !== undefined && sameAddress(message, at, words, i * ADDRESS_WORDS)) return known
    }
    const slot = this.#next
    this.#next = (slot + 1) % SENDERS
    words.set(message.subarray(at, at + ADDRESS_WORDS), slot * ADDRESS_WORDS)
    const endpoint = readSocketAddress(this.#known, slot * SOCKET_ADDRESS_OCTETS)
    if (endpoint === undefined) throw new RangeError('no datagram was received yet')
    this.#endpoints[slot] = endpoint
    return endpoint
  }
}

/** Family and port stand in word 0, an IPv4 address in word 1, an IPv6 address in words 2 to 5. */
export function sameAddress(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  const first = a[i] ?? 0
  if (first !== b[j]) return false
  if ((first & 0xffff) === 2) return a[i + 1] === b[j + 1]
  return (
    a[i + 2] === b[j + 2] && a[i + 3] === b[j + 3] && a[i + 4] === b[j + 4] && a[i + 5] === b[j + 5]
  )
}

const SENDERS = 16
const ADDRESS_WORDS = SOCKET_ADDRESS_OCTETS / 4
