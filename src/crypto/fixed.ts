import { powerModulo } from './key-agreement.ts'
import { nodeCrypto } from './node.ts'
import { type Crypto, InvalidPublicValue, type KeyAgreement } from './port.ts'
import { keyExchange } from './registry.ts'
import { randomOctets, seededRandom } from './seeded-random.ts'

/** Real hashes and ciphers, but randomness that a seed repeats: for tests and simulation only. */
export function fixedCrypto(seed: number): Crypto {
  const next = seededRandom(seed)
  return { ...nodeCrypto, random: (octets) => randomOctets(next, octets) }
}

/**
 * A toy Diffie-Hellman for tests and simulation: values have the lengths of the real group, both sides get the same secret,
 * any changed octet gives another secret, zero is refused. It protects nothing.
 */
export function fixedKeyAgreement(seed: number): KeyAgreement {
  const next = seededRandom(seed)
  return {
    generateKeyPair(group) {
      const privateValue = randomOctets(next, TOY_OCTETS)
      const publicValue = new Uint8Array(keyExchange(group).publicOctets)
      const y = powerModulo(TOY_GENERATOR, exponent(privateValue), TOY_PRIME)
      new DataView(publicValue.buffer).setBigUint64(publicValue.length - TOY_OCTETS, y)
      return { privateValue, publicValue }
    },

    agree(group, own, peerPublic) {
      const { publicOctets, sharedOctets } = keyExchange(group)
      if (peerPublic.length !== publicOctets)
        throw new InvalidPublicValue(
          `a ${group} public value has ${publicOctets} octets, not ${peerPublic.length}`,
        )
      if (peerPublic.every((octet) => octet === 0))
        throw new InvalidPublicValue(`the ${group} public value is zero`)
      const shared = new Uint8Array(TOY_OCTETS)
      const y = low64(peerPublic) % TOY_PRIME
      new DataView(shared.buffer).setBigUint64(
        0,
        powerModulo(y, exponent(own.privateValue), TOY_PRIME),
      )
      return expand(sharedOctets, shared, ...inOrder(own.publicValue, peerPublic))
    },
  }
}

/** 2⁶¹ − 1, a Mersenne prime. */
const TOY_PRIME = 2n ** 61n - 1n
const TOY_GENERATOR = 37n
const TOY_OCTETS = 8

function exponent(privateValue: Uint8Array): bigint {
  return (low64(privateValue) & 0xffff_ffffn) | 1n
}

function low64(octets: Uint8Array): bigint {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  return view.getBigUint64(octets.length - TOY_OCTETS)
}

/** Both sides must hash the two public values in one order. */
function inOrder(a: Uint8Array, b: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const at = a.findIndex((octet, i) => octet !== b[i])
  return at < 0 || Number(a[at]) < Number(b[at]) ? [a, b] : [b, a]
}

function expand(octets: number, ...data: readonly Uint8Array[]): Uint8Array {
  const digest = nodeCrypto.hash('sha256', ...data)
  return Uint8Array.from(
    { length: octets },
    (_, i) => Number(digest[i % digest.length]) ^ (i >>> 5),
  )
}
