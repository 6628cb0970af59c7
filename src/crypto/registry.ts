/** Names as the registry spells them; `policy/algorithm-names.ts` reads every dialect an operator may write. */
export type EncryptionName =
  | 'aes128-cbc'
  | 'aes192-cbc'
  | 'aes256-cbc'
  | 'aes128-ctr'
  | 'aes192-ctr'
  | 'aes256-ctr'
  | 'aes128-gcm8'
  | 'aes192-gcm8'
  | 'aes256-gcm8'
  | 'aes128-gcm12'
  | 'aes192-gcm12'
  | 'aes256-gcm12'
  | 'aes128-gcm16'
  | 'aes192-gcm16'
  | 'aes256-gcm16'
  | 'chacha20poly1305'
  | '3des-cbc'

export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'

export type IntegrityName =
  | 'hmac-md5-96'
  | 'hmac-sha1-96'
  | 'hmac-sha256-128'
  | 'hmac-sha256-96'
  | 'hmac-sha384-192'
  | 'hmac-sha512-256'

export type KeyExchangeName =
  | 'modp1024'
  | 'modp1536'
  | 'modp2048'
  | 'modp3072'
  | 'modp4096'
  | 'modp6144'
  | 'modp8192'
  | 'modp1024s160'
  | 'modp2048s224'
  | 'modp2048s256'
  | 'ecp256'
  | 'ecp384'
  | 'ecp521'
  | 'curve25519'
  | 'curve448'

/** The requirement word of RFC 8221 (ESP) or RFC 8247 (IKE), as those tables spell it. */
export type Requirement =
  | 'MUST'
  | 'MUST-'
  | 'SHOULD+'
  | 'SHOULD'
  | 'MAY'
  | 'SHOULD NOT'
  | 'MUST NOT'

/** An algorithm number and, where the cipher has several key sizes, the Key Length attribute in bits. */
export type TransformNumber = { readonly id: number; readonly keyBits?: number }

export type Encryption = {
  readonly name: EncryptionName
  readonly aead: boolean
  /** Octets of key, without the salt. */
  readonly keyOctets: number
  /** Octets taken from KEYMAT after the key and never sent (RFC 4106 §4, RFC 3686 §4, RFC 7634 §2); 0 where there are none. */
  readonly saltOctets: number
  /** Octets of IV in each ESP packet. */
  readonly ivOctets: number
  /** Plaintext is padded to a multiple of it; 1 for stream and AEAD modes (ESP still aligns to 4, RFC 4303 §2.4). */
  readonly blockOctets: number
  /** ICV octets of an AEAD; 0 otherwise. */
  readonly icvOctets: number
  /** Number in IKEv1 phase 1 (RFC 2409 appendix A); absent where IKEv1 never uses it for its own messages. */
  readonly ikev1?: TransformNumber
  /** Number in ESP proposals of IKEv1 (RFC 2407 §4.4.4, IANA "IPSEC ESP Transform Identifiers"). */
  readonly ikev1Esp?: TransformNumber
  /** Number as IKEv2 Transform Type 1. */
  readonly ikev2?: TransformNumber
  readonly ikeRequirement: Requirement
  readonly espRequirement: Requirement
}

export type Hash = {
  readonly name: HashName
  readonly octets: number
  /** Block length of HMAC in octets. */
  readonly blockOctets: number
  /** IKEv1 "Hash Algorithm" attribute value. */
  readonly ikev1: number
  /** IKEv2 PRF number (Transform Type 2). */
  readonly ikev2Prf: number
  readonly requirement: Requirement
}

export type Integrity = {
  readonly name: IntegrityName
  readonly hash: HashName
  readonly keyOctets: number
  readonly icvOctets: number
  /** IKEv1 "Authentication Algorithm" attribute of an ESP transform (RFC 2407 §4.5). */
  readonly ikev1: number
  /** IKEv2 Transform Type 3. */
  readonly ikev2: number
  readonly requirement: Requirement
}

export type KeyExchange = {
  readonly name: KeyExchangeName
  /** The same number in IKEv1 (Group Description) and IKEv2 (Transform Type 4). */
  readonly id: number
  readonly kind: 'modp' | 'ecp' | 'montgomery'
  /** Octets of the public value in a KE payload. */
  readonly publicOctets: number
  /** Octets of the shared secret. */
  readonly sharedOctets: number
  readonly requirement: Requirement
  /** False for RFC 5114 groups: used only where an operator writes the name. */
  readonly onByDefault: boolean
}

/** Every cipher, strongest first among those a default would choose from. */
export const ENCRYPTIONS: readonly Encryption[] = [
  gcm(256, 16),
  gcm(192, 16),
  gcm(128, 16),
  gcm(256, 12),
  gcm(192, 12),
  gcm(128, 12),
  gcm(256, 8),
  gcm(192, 8),
  gcm(128, 8),
  {
    // RFC 7634. IANA gave it no number for IKEv1, and the known gateways invented none.
    name: 'chacha20poly1305',
    aead: true,
    keyOctets: 32,
    saltOctets: 4,
    ivOctets: 8,
    blockOctets: 1,
    icvOctets: 16,
    ikev2: { id: 28 },
    ikeRequirement: 'SHOULD',
    espRequirement: 'SHOULD',
  },
  cbc(256),
  cbc(192),
  cbc(128),
  ctr(256),
  ctr(192),
  ctr(128),
  {
    // RFC 2451. Its key has a fixed length, so no Key Length attribute may be sent (RFC 2409 appendix A).
    name: '3des-cbc',
    aead: false,
    keyOctets: 24,
    saltOctets: 0,
    ivOctets: 8,
    blockOctets: 8,
    icvOctets: 0,
    ikev1: { id: 5 },
    ikev1Esp: { id: 3 },
    ikev2: { id: 3 },
    ikeRequirement: 'MAY',
    espRequirement: 'SHOULD NOT',
  },
]

/** RFC 2409 appendix A, RFC 4868 §4; requirement words are those of the PRFs in RFC 8247 §2.2 (it does not list SHA-384). */
export const HASHES: readonly Hash[] = [
  { name: 'sha512', octets: 64, blockOctets: 128, ikev1: 6, ikev2Prf: 7, requirement: 'SHOULD+' },
  { name: 'sha384', octets: 48, blockOctets: 128, ikev1: 5, ikev2Prf: 6, requirement: 'MAY' },
  { name: 'sha256', octets: 32, blockOctets: 64, ikev1: 4, ikev2Prf: 5, requirement: 'MUST' },
  { name: 'sha1', octets: 20, blockOctets: 64, ikev1: 2, ikev2Prf: 2, requirement: 'MUST-' },
  { name: 'md5', octets: 16, blockOctets: 64, ikev1: 1, ikev2Prf: 1, requirement: 'MUST NOT' },
]

/** RFC 2407 §4.5, RFC 2403, RFC 2404, RFC 4868 §4; requirement words of RFC 8221 §6 (it does not list SHA-384). */
export const INTEGRITIES: readonly Integrity[] = [
  hmac('hmac-sha512-256', 'sha512', 64, 32, { ikev1: 7, ikev2: 14 }, 'SHOULD'),
  hmac('hmac-sha384-192', 'sha384', 48, 24, { ikev1: 6, ikev2: 13 }, 'MAY'),
  hmac('hmac-sha256-128', 'sha256', 32, 16, { ikev1: 5, ikev2: 12 }, 'MUST'),
  hmac('hmac-sha1-96', 'sha1', 20, 12, { ikev1: 2, ikev2: 2 }, 'MUST-'),
  hmac('hmac-md5-96', 'md5', 16, 12, { ikev1: 1, ikev2: 1 }, 'MUST NOT'),
]

/** HMAC-SHA-256 as a draft before RFC 4868 cut it. It has the same number, so it is never negotiated: an operator says that a peer means it. */
const DRAFT_SHA256 = hmac('hmac-sha256-96', 'sha256', 32, 12, { ikev1: 5, ikev2: 12 }, 'MAY')

/**
 * RFC 2409 §6, RFC 3526, RFC 5903, RFC 5114, RFC 8031; requirement words of RFC 8247 §2.4, MAY where it is silent. RFC 8031
 * defines the Montgomery curves for IKEv2 only; strongSwan uses the same numbers in IKEv1, and so do we.
 */
export const KEY_EXCHANGES: readonly KeyExchange[] = [
  modp('modp1024', 2, 1024, 'SHOULD NOT'),
  modp('modp1536', 5, 1536, 'SHOULD NOT'),
  modp('modp2048', 14, 2048, 'MUST'),
  modp('modp3072', 15, 3072, 'MAY'),
  modp('modp4096', 16, 4096, 'MAY'),
  modp('modp6144', 17, 6144, 'MAY'),
  modp('modp8192', 18, 8192, 'MAY'),
  ecp('ecp256', 19, 32, 'SHOULD'),
  ecp('ecp384', 20, 48, 'MAY'),
  ecp('ecp521', 21, 66, 'MAY'),
  { ...modp('modp1024s160', 22, 1024, 'MUST NOT'), onByDefault: false },
  { ...modp('modp2048s224', 23, 2048, 'SHOULD NOT'), onByDefault: false },
  { ...modp('modp2048s256', 24, 2048, 'SHOULD NOT'), onByDefault: false },
  montgomery('curve25519', 31, 32),
  montgomery('curve448', 32, 56),
]

export function encryption(name: EncryptionName): Encryption {
  return named(encryptionsByName, name)
}

export function hash(name: HashName): Hash {
  return named(hashesByName, name)
}

export function integrity(name: IntegrityName): Integrity {
  return named(integritiesByName, name)
}

export function keyExchange(name: KeyExchangeName): KeyExchange {
  return named(keyExchangesByName, name)
}

/** By the Encryption Algorithm and Key Length attributes of phase 1; a cipher with several key sizes needs the latter. */
export function encryptionByIkev1(id: number, keyBits: number | undefined): Encryption | undefined {
  return ENCRYPTIONS.find((entry) => matches(entry.ikev1, id, keyBits))
}

/** By the transform number and Key Length attribute of an ESP proposal in Quick mode. */
export function encryptionByIkev1Esp(
  id: number,
  keyBits: number | undefined,
): Encryption | undefined {
  return ENCRYPTIONS.find((entry) => matches(entry.ikev1Esp, id, keyBits))
}

/** By the Hash Algorithm attribute of phase 1. */
export function hashByIkev1(id: number): Hash | undefined {
  return HASHES.find((entry) => entry.ikev1 === id)
}

/** By the Authentication Algorithm attribute of Quick mode. */
export function integrityByIkev1(id: number): Integrity | undefined {
  return INTEGRITIES.find((entry) => entry.ikev1 === id)
}

/** By the Group Description attribute of either phase, or IKEv2's Transform Type 4. */
export function keyExchangeById(id: number): KeyExchange | undefined {
  return KEY_EXCHANGES.find((entry) => entry.id === id)
}

type AesBits = 128 | 192 | 256

/** RFC 3602. 192-bit keys stay at MAY in both documents (RFC 8221 §5, RFC 8247 §2.1). */
function cbc(keyBits: AesBits): Encryption {
  const requirement = keyBits === 192 ? 'MAY' : 'MUST'
  return {
    name: `aes${keyBits}-cbc`,
    aead: false,
    keyOctets: keyBits / 8,
    saltOctets: 0,
    ivOctets: 16,
    blockOctets: 16,
    icvOctets: 0,
    ikev1: { id: 7, keyBits },
    ikev1Esp: { id: 12, keyBits },
    ikev2: { id: 12, keyBits },
    ikeRequirement: requirement,
    espRequirement: requirement,
  }
}

/** RFC 3686; listed by neither RFC 8221 nor the tables of RFC 8247, whose appendix makes that a MAY. */
function ctr(keyBits: AesBits): Encryption {
  return {
    name: `aes${keyBits}-ctr`,
    aead: false,
    keyOctets: keyBits / 8,
    saltOctets: 4,
    ivOctets: 8,
    blockOctets: 1,
    icvOctets: 0,
    ikev1Esp: { id: 13, keyBits },
    ikev2: { id: 13, keyBits },
    ikeRequirement: 'MAY',
    espRequirement: 'MAY',
  }
}

/** RFC 4106 §8.3: one number for each ICV length; only the 16-octet one is above MAY. */
function gcm(keyBits: AesBits, icvOctets: 8 | 12 | 16): Encryption {
  const number = { id: { 8: 18, 12: 19, 16: 20 }[icvOctets], keyBits }
  const recommended = icvOctets === 16 && keyBits !== 192
  return {
    name: `aes${keyBits}-gcm${icvOctets}`,
    aead: true,
    keyOctets: keyBits / 8,
    saltOctets: 4,
    ivOctets: 8,
    blockOctets: 1,
    icvOctets,
    ikev1Esp: number,
    ikev2: number,
    ikeRequirement: recommended ? 'SHOULD' : 'MAY',
    espRequirement: recommended ? 'MUST' : 'MAY',
  }
}

function hmac(
  name: IntegrityName,
  hash: HashName,
  keyOctets: number,
  icvOctets: number,
  numbers: { readonly ikev1: number; readonly ikev2: number },
  requirement: Requirement,
): Integrity {
  return { name, hash, keyOctets, icvOctets, ...numbers, requirement }
}

function modp(
  name: KeyExchangeName,
  id: number,
  bits: number,
  requirement: Requirement,
): KeyExchange {
  const octets = bits / 8
  return {
    name,
    id,
    kind: 'modp',
    publicOctets: octets,
    sharedOctets: octets,
    requirement,
    onByDefault: true,
  }
}

/** RFC 5903 §7: the KE payload is x | y, the shared secret x alone. */
function ecp(
  name: KeyExchangeName,
  id: number,
  octets: number,
  requirement: Requirement,
): KeyExchange {
  return {
    name,
    id,
    kind: 'ecp',
    publicOctets: 2 * octets,
    sharedOctets: octets,
    requirement,
    onByDefault: true,
  }
}

function montgomery(name: KeyExchangeName, id: number, octets: number): KeyExchange {
  return {
    name,
    id,
    kind: 'montgomery',
    publicOctets: octets,
    sharedOctets: octets,
    requirement: 'MAY',
    onByDefault: true,
  }
}

function matches(
  number: TransformNumber | undefined,
  id: number,
  keyBits: number | undefined,
): boolean {
  return number !== undefined && number.id === id && number.keyBits === keyBits
}

function byName<Name extends string, Entry extends { readonly name: Name }>(
  entries: readonly Entry[],
): ReadonlyMap<Name, Entry> {
  return new Map(entries.map((entry) => [entry.name, entry]))
}

function named<Name extends string, Entry>(entries: ReadonlyMap<Name, Entry>, name: Name): Entry {
  const entry = entries.get(name)
  if (entry === undefined) throw new TypeError(`the algorithm registry has no ${name}`)
  return entry
}

const encryptionsByName = byName<EncryptionName, Encryption>(ENCRYPTIONS)
const hashesByName = byName<HashName, Hash>(HASHES)
const integritiesByName = byName<IntegrityName, Integrity>([...INTEGRITIES, DRAFT_SHA256])
const keyExchangesByName = byName<KeyExchangeName, KeyExchange>(KEY_EXCHANGES)
