import { encryption as encryptionOf, integrity as integrityOf, keyExchange } from '#crypto/registry'
import type { EspSuite, IkeSuite, Pfs } from '#policy/proposal'
import { selectorToPrefixes, type TrafficSelector } from '#policy/traffic-selector'

/** Parts of our names that other products put together anew. */

export function groupNumber(pfs: Exclude<Pfs, 'none'>): number {
  return keyExchange(pfs).id
}

/** `aes256-cbc` is AES of 256 bits in CBC. */
export type Cipher = {
  readonly family: 'aes' | '3des' | 'chacha20' | 'other'
  readonly bits: number
  readonly mode: 'cbc' | 'gcm8' | 'gcm12' | 'gcm16' | 'ctr' | 'poly1305'
}

export function cipherOf({ encryption }: IkeSuite | EspSuite): Cipher {
  const [, bits, mode] = /^aes(128|192|256)-(cbc|ctr|gcm8|gcm12|gcm16)$/.exec(encryption) ?? []
  if (bits !== undefined && isMode(mode)) return { family: 'aes', bits: Number(bits), mode }
  if (encryption === '3des-cbc') return { family: '3des', bits: 168, mode: 'cbc' }
  if (encryption === 'chacha20poly1305') return { family: 'chacha20', bits: 256, mode: 'poly1305' }
  return { family: 'other', bits: 0, mode: 'cbc' }
}

/** `sha256` of an ESP suite; undefined with an AEAD. */
export function hashOf({ integrity }: EspSuite): string | undefined {
  return integrity === 'none' ? undefined : integrityOf(integrity).hash
}

export function isAead({ encryption }: EspSuite): boolean {
  return encryptionOf(encryption).aead
}

/** The network of a selector as one prefix; undefined for a range that is none. */
export function prefixOf(selector: TrafficSelector): { address: string; bits: number } | undefined {
  const [prefix, ...more] = selectorToPrefixes(selector)
  return more.length === 0 ? prefix : undefined
}

/** `255.255.0.0` for 16. */
export function maskOf(bits: number): string {
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.')
}

/** `0.0.255.255` for 16. */
export function wildcardOf(bits: number): string {
  return maskOf(bits)
    .split('.')
    .map((octet) => 255 - Number(octet))
    .join('.')
}

/** A name that every product takes: letters, digits and dashes. */
export function plainName(name: string, longest: number): string {
  return name
    .replace(/[^A-Za-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, longest)
}

/** What to say where a product has none of the algorithms of a phase. */
export function nothingFits(
  phase: 1 | 2,
  found: readonly unknown[],
  example: string,
): readonly string[] {
  if (found.length > 0) return []
  return [
    `NOTHING of phase ${phase} can be configured there: agree on another first, such as phase${phase}: ${example}.`,
  ]
}

export function isV4({ family }: TrafficSelector): boolean {
  return family === 4
}

/** Text in double quotes as most command lines have it. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function isMode(mode: string | undefined): mode is Cipher['mode'] {
  return mode !== undefined
}
