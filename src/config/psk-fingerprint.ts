import { scryptSync } from 'node:crypto'
import type { Secret } from '#bytes/secret'

// Crockford's base32: no I, L, O or U, so that it survives the telephone.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CHARACTERS = 6
const SALT = 'causeway pre-shared key fingerprint 1'
// 32 MiB and some 0.1 s for each guess (RFC 7914 §2).
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }

/**
 * Six characters (30 bits) that two operators compare without reading the key to each other. For a weak key even these would let a
 * guess be confirmed, so ask only for keys that `readPsk` has nothing to say about.
 */
export function pskFingerprint(psk: Secret): string {
  const octets = scryptSync(psk.reveal(), SALT, 4, COST)
  const bits = octets.readUInt32BE() >>> 2
  return Array.from({ length: CHARACTERS }, (_, index) => {
    const shift = 5 * (CHARACTERS - 1 - index)
    return ALPHABET[(bits >>> shift) & 31]
  }).join('')
}
