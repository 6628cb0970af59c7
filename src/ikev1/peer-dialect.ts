import { encryption, keyExchange } from '#crypto/registry'
import { formatHash } from '#policy/algorithm-names'
import type { IkeSuite } from '#policy/proposal'

/**
 * How a set of phase 1 algorithms is written in the configuration of the product a peer says it is; undefined where we do not know for sure.
 * A vendor ID is no proof, so this is only ever a suggestion to people.
 */
export function phase1InDialect(vendor: string | undefined, suite: IkeSuite): string | undefined {
  const dialect = DIALECTS.find(({ vendors }) => vendor !== undefined && vendors.includes(vendor))
  return dialect?.phase1(suite)
}

const DIALECTS: readonly {
  readonly vendors: readonly string[]
  readonly phase1: (suite: IkeSuite) => string | undefined
}[] = [
  {
    vendors: ['Cisco IOS'],
    phase1: ({ encryption: cipher, hash, keyExchange: group }) => {
      const bits = aesBits(cipher)
      if (bits === undefined) return undefined
      const digest = hash === 'sha1' ? 'sha' : hash
      return `crypto isakmp policy 10, encryption aes ${bits}, hash ${digest}, group ${keyExchange(group).id}`
    },
  },
  {
    vendors: ['strongSwan'],
    phase1: ({ encryption: cipher, hash, keyExchange: group }) => {
      const bits = aesBits(cipher)
      return bits && `proposals = aes${bits}-${formatHash(hash)}-${group}`
    },
  },
  {
    vendors: ['Libreswan'],
    phase1: ({ encryption: cipher, hash, keyExchange: group }) => {
      const bits = aesBits(cipher)
      const digest = hash.startsWith('sha') && hash !== 'sha1' ? `sha2_${hash.slice(3)}` : hash
      return bits && `ike=aes${bits}-${digest}-${group}`
    },
  },
  {
    vendors: ['FortiGate'],
    phase1: ({ encryption: cipher, hash, keyExchange: group }) => {
      const bits = aesBits(cipher)
      return bits && `set proposal aes${bits}-${hash}, set dhgrp ${keyExchange(group).id}`
    },
  },
]

/** Of AES in CBC mode, as text; the only cipher these dialects are needed for. */
function aesBits(cipher: IkeSuite['encryption']): string | undefined {
  const { name, keyOctets } = encryption(cipher)
  return name.startsWith('aes') && name.endsWith('-cbc') ? String(keyOctets * 8) : undefined
}
