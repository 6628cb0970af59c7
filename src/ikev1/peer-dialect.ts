import { encryption, keyExchange } from '#crypto/registry'
import { formatHash } from '#policy/algorithm-names'
import { formatIdentity, type Identity } from '#policy/identity'
import type { IkeSuite } from '#policy/proposal'

/**
 * How a set of phase 1 algorithms is written in the configuration of the product a peer says it is; undefined where we do not know for sure.
 * A vendor ID is no proof, so this is only ever a suggestion to people.
 */
export function phase1InDialect(vendor: string | undefined, suite: IkeSuite): string | undefined {
  const dialect = DIALECTS.find(({ vendors }) => vendor !== undefined && vendors.includes(vendor))
  return dialect?.phase1(suite)
}

/** How a gateway is told to show this identity; of products that do not say who they are, the one that is asked for it most. */
export function identityInDialect(
  vendor: string | undefined,
  identity: Identity,
): { readonly product: string; readonly line: string } | undefined {
  const text = formatIdentity(identity)
  const isName = identity.kind === 'fqdn'
  if (vendor === 'strongSwan') return { product: vendor, line: `local { id = ${text} }` }
  if (vendor === 'Libreswan') {
    return { product: vendor, line: `leftid=${isName ? `@${identity.name}` : text}` }
  }
  if (vendor === 'FortiGate' && isName) return { product: vendor, line: `set localid ${text}` }
  if (vendor !== undefined && !vendor.startsWith('Cisco')) return undefined
  // Both of IOS and of the ASA, which calls itself VPN 3000.
  if (identity.kind === 'address')
    return { product: vendor ?? 'a Cisco', line: 'crypto isakmp identity address' }
  return isName
    ? { product: vendor ?? 'a Cisco', line: 'crypto isakmp identity hostname' }
    : undefined
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
