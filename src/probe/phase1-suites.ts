import {
  type Encryption,
  encryption,
  type Hash,
  hash,
  type KeyExchange,
  keyExchange,
  type Requirement,
} from '#crypto/registry'
import { EncryptionAlgorithm, GroupDescription } from '#iana/ikev1'
import { formatEncryption, formatHash, formatKeyExchange } from '#policy/algorithm-names'

/** An algorithm that a peer is asked for; `supported`: a tunnel of ours can be configured with it. */
export type ProbedAlgorithm = {
  /** As the configuration names it. */
  readonly name: string
  readonly number: number
  readonly keyBits?: number
  /** The word of RFC 8247. */
  readonly requirement: Requirement
  readonly supported: boolean
  /** How far it is from what one would choose: 0 is best. */
  readonly distance: number
  /** 0 for what nearly every peer has. */
  readonly rarity: number
}

/** One combination of phase 1. */
export type ProbedSuite = {
  readonly encryption: ProbedAlgorithm
  readonly hash: ProbedAlgorithm
  readonly group: ProbedAlgorithm
}

/** `aes256-sha256-group14`. */
export function suiteName({ encryption, hash, group }: ProbedSuite): string {
  return `${encryption.name}-${hash.name}-${group.name}`
}

/** What RFC 8247 advises against in it. */
export function weakParts({ encryption, hash, group }: ProbedSuite): readonly ProbedAlgorithm[] {
  return [encryption, hash, group].filter(({ requirement }) => requirement.endsWith('NOT'))
}

export function isSupported({ encryption, hash, group }: ProbedSuite): boolean {
  return encryption.supported && hash.supported && group.supported
}

/** Best first: what no RFC advises against before the rest, then the nearest to what one would choose. */
export function byStrength(a: ProbedSuite, b: ProbedSuite): number {
  return worst(a) - worst(b) || distanceOf(a) - distanceOf(b)
}

/** The likeliest to be accepted somewhere first. */
export function byLikelihood(a: ProbedSuite, b: ProbedSuite): number {
  return rarityOf(a) - rarityOf(b) || byStrength(a, b)
}

function worst(suite: ProbedSuite): number {
  const words = [suite.encryption, suite.hash, suite.group].map(({ requirement }) => requirement)
  if (words.includes('MUST NOT')) return 2
  return words.includes('SHOULD NOT') ? 1 : 0
}

function distanceOf({ encryption, hash, group }: ProbedSuite): number {
  return encryption.distance + hash.distance + group.distance
}

function rarityOf({ encryption, hash, group }: ProbedSuite): number {
  return encryption.rarity + hash.rarity + group.rarity
}

/** Distance and rarity of each. */
type Place = readonly [distance: number, rarity: number]

function cipher({ name, ikev1, ikeRequirement }: Encryption, place: Place): ProbedAlgorithm {
  if (ikev1 === undefined) throw new TypeError(`${name} has no number in IKEv1 phase 1`)
  return {
    name: formatEncryption(name),
    number: ikev1.id,
    ...(ikev1.keyBits === undefined ? {} : { keyBits: ikev1.keyBits }),
    requirement: ikeRequirement,
    supported: true,
    ...placed(place),
  }
}

function digest({ name, ikev1, requirement }: Hash, place: Place): ProbedAlgorithm {
  return { name: formatHash(name), number: ikev1, requirement, supported: true, ...placed(place) }
}

function group({ name, id, requirement }: KeyExchange, place: Place): ProbedAlgorithm {
  return {
    name: formatKeyExchange(name),
    number: id,
    requirement,
    supported: true,
    ...placed(place),
  }
}

/** Some peers still accept what no tunnel of ours can be configured with (RFC 8247 §2.1, §2.4: MUST NOT). */
function broken(name: string, number: number, place: Place): ProbedAlgorithm {
  return { name, number, requirement: 'MUST NOT', supported: false, ...placed(place) }
}

function placed([distance, rarity]: Place): Pick<ProbedAlgorithm, 'distance' | 'rarity'> {
  return { distance, rarity }
}

const PROBED_ENCRYPTIONS: readonly ProbedAlgorithm[] = [
  cipher(encryption('aes256-cbc'), [0, 0]),
  cipher(encryption('aes128-cbc'), [2, 1]),
  cipher(encryption('aes192-cbc'), [1, 4]),
  cipher(encryption('3des-cbc'), [30, 2]),
  broken('des', EncryptionAlgorithm.number('DES-CBC'), [60, 5]),
]

const PROBED_HASHES: readonly ProbedAlgorithm[] = [
  digest(hash('sha256'), [0, 0]),
  digest(hash('sha1'), [20, 0]),
  digest(hash('sha512'), [1, 2]),
  digest(hash('sha384'), [1, 2]),
  digest(hash('md5'), [60, 3]),
]

export const PROBED_GROUPS: readonly ProbedAlgorithm[] = [
  group(keyExchange('ecp256'), [0, 1]),
  group(keyExchange('ecp384'), [1, 2]),
  group(keyExchange('curve25519'), [1, 3]),
  group(keyExchange('modp2048'), [2, 0]),
  group(keyExchange('modp3072'), [2, 2]),
  group(keyExchange('ecp521'), [2, 3]),
  group(keyExchange('modp4096'), [3, 2]),
  group(keyExchange('modp6144'), [4, 5]),
  group(keyExchange('modp8192'), [4, 4]),
  group(keyExchange('curve448'), [4, 5]),
  group(keyExchange('modp2048s256'), [20, 4]),
  group(keyExchange('modp2048s224'), [21, 5]),
  group(keyExchange('modp1536'), [30, 1]),
  group(keyExchange('modp1024'), [40, 0]),
  group(keyExchange('modp1024s160'), [60, 5]),
  broken('group1', GroupDescription.number('modp768'), [70, 4]),
]

/** All that is asked for, 400 combinations. */
export const PROBED_SUITES: readonly ProbedSuite[] = PROBED_ENCRYPTIONS.flatMap((encryption) =>
  PROBED_HASHES.flatMap((hash) => PROBED_GROUPS.map((group) => ({ encryption, hash, group }))),
)
