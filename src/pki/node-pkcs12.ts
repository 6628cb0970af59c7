import { createDecipheriv, createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import {
  checkDer,
  DER,
  type DerElement,
  derChildren,
  derExpect,
  readDer,
  readOid,
} from '#bytes/der'
import { equalSecret } from '#bytes/equal'
import type { Secret } from '#bytes/secret'
import { UnreadableKey } from './unreadable-key.ts'

export type Pkcs12 = {
  /** PKCS #8, in clear. */
  readonly key: Uint8Array
  /** The one that belongs to the key need not be the first. */
  readonly certificates: readonly Uint8Array[]
}

/**
 * A .p12 file (RFC 7292): integrity by HMAC, contents by PBES2 with AES or the old triple DES.
 *
 * @returns undefined when the octets are no PKCS #12
 * @throws UnreadableKey
 */
export function readPkcs12(file: Uint8Array, passphrase: Secret | undefined): Pkcs12 | undefined {
  const parts = pfxParts(file)
  if (parts === undefined) return undefined
  if (passphrase === undefined)
    throw new UnreadableKey('passphrase-needed', 'it is a PKCS #12 file and no passphrase is given')
  const password = passphrase.reveal()
  try {
    if (parts.mac === undefined) throw unsupported('it has no integrity check by passphrase')
    checkMac(parts.authSafe, parts.mac, password)
    return contents(parts.authSafe, password)
  } catch (error) {
    if (error instanceof UnreadableKey) throw error
    throw new UnreadableKey('not-a-key', 'a PKCS #12 file that cannot be read')
  }
}

const OID = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  pbeSha1TripleDes: '1.2.840.113549.1.12.1.3',
} as const

const HASHES: Readonly<Record<string, { readonly name: string; readonly block: number }>> = {
  '1.3.14.3.2.26': { name: 'sha1', block: 64 },
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', block: 64 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', block: 128 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', block: 128 },
}
const PRFS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
}
const CIPHERS: Readonly<Record<string, { readonly name: string; readonly octets: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', octets: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', octets: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', octets: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', octets: 24 },
}
/** Of a file meant to be opened now; more is a denial of service. */
const MOST_ITERATIONS = 5_000_000

function pfxParts(
  file: Uint8Array,
): { authSafe: Uint8Array; mac: DerElement | undefined } | undefined {
  try {
    checkDer(file, { depth: 32, elements: 10_000 })
    const [version, content, mac] = derChildren(derExpect(readDer(file), DER.sequence, 'PFX'), 3)
    if (version?.tag !== DER.integer || version.content.join() !== '3') return undefined
    const [type, data] = derChildren(derExpect(content, DER.sequence, 'authSafe'), 2)
    if (readOid(derExpect(type, DER.oid, 'its type')) !== OID.data) return undefined
    const octets = derExpect(
      derChildren(data ?? { content: new Uint8Array(0) })[0],
      DER.octetString,
      'content',
    )
    return { authSafe: octets.content, mac }
  } catch {
    return undefined
  }
}

function checkMac(authSafe: Uint8Array, mac: DerElement, password: Uint8Array): void {
  const [digestInfo, salt, iterations] = derChildren(mac, 3)
  const [algorithm, digest] = derChildren(derExpect(digestInfo, DER.sequence, 'the MAC'), 2)
  const oid = algorithmOid(algorithm)
  const hash = HASHES[oid]
  if (hash === undefined) throw unsupported(`its integrity check is of type ${oid}`)
  const expected = derExpect(digest, DER.octetString, 'the MAC').content
  const saltOctets = derExpect(salt, DER.octetString, 'the salt').content
  const count = iterations === undefined ? 1 : smallNumber(iterations)
  // Whether an empty passphrase is one of no octets or of a lone terminator, programs do not agree.
  const right = candidates(password).some((text) => {
    const key = deriveBytes(hash, 3, text, saltOctets, count, expected.length)
    return equalSecret(createHmac(hash.name, key).update(authSafe).digest(), expected)
  })
  if (!right) throw new UnreadableKey('wrong-passphrase', 'the passphrase does not open it')
}

function contents(authSafe: Uint8Array, password: Uint8Array): Pkcs12 {
  let key: Uint8Array | undefined
  const certificates: Uint8Array[] = []
  for (const info of derChildren(derExpect(readDer(authSafe), DER.sequence, 'the contents'), 16)) {
    for (const bag of derChildren(
      derExpect(readDer(safeContents(info, password)), DER.sequence, 'a safe'),
      200,
    )) {
      const [type, wrapped] = derChildren(bag, 3)
      const oid = readOid(derExpect(type, DER.oid, 'the type of a bag'))
      const value = derChildren(wrapped ?? { content: new Uint8Array(0) }, 2)[0]
      if (value === undefined) continue
      if (oid === OID.keyBag) key ??= value.octets
      if (oid === OID.shroudedKeyBag) key ??= unshroud(value, password)
      if (oid === OID.certBag) certificates.push(...certificateIn(value))
    }
  }
  if (key === undefined)
    throw new UnreadableKey('not-a-key', 'the PKCS #12 file holds no private key')
  return { key, certificates }
}

function certificateIn(bag: DerElement): readonly Uint8Array[] {
  const [type, value] = derChildren(bag, 2)
  if (type === undefined || value === undefined || readOid(type) !== OID.x509Certificate) return []
  const octets = derChildren(value, 1)[0]
  return octets?.tag === DER.octetString ? [octets.content.slice()] : []
}

function safeContents(info: DerElement, password: Uint8Array): Uint8Array {
  const [type, wrapped] = derChildren(info, 2)
  const oid = readOid(derExpect(type, DER.oid, 'a type of contents'))
  const value = derChildren(wrapped ?? { content: new Uint8Array(0) }, 1)[0]
  if (oid === OID.data) return derExpect(value, DER.octetString, 'contents').content
  if (oid !== OID.encryptedData)
    throw unsupported('it is protected by a key instead of a passphrase')
  const [, encrypted] = derChildren(derExpect(value, DER.sequence, 'contents'), 3)
  const [, algorithm, sealed] = derChildren(derExpect(encrypted, DER.sequence, 'contents'), 3)
  if (sealed?.tag !== 0x80) throw unsupported('its contents are in pieces')
  return decrypt(derExpect(algorithm, DER.sequence, 'encryption'), sealed.content, password)
}

function unshroud(value: DerElement, password: Uint8Array): Uint8Array {
  const [algorithm, sealed] = derChildren(value, 2)
  const { content } = derExpect(sealed, DER.octetString, 'the key')
  return decrypt(derExpect(algorithm, DER.sequence, 'encryption'), content, password)
}

function decrypt(algorithm: DerElement, sealed: Uint8Array, password: Uint8Array): Uint8Array {
  const [type, parameters] = derChildren(algorithm, 2)
  const oid = readOid(derExpect(type, DER.oid, 'encryption'))
  const fields = derChildren(derExpect(parameters, DER.sequence, 'encryption'), 2)
  if (oid === OID.pbes2) return decryptPbes2(fields, sealed, password)
  if (oid !== OID.pbeSha1TripleDes)
    throw unsupported(
      'its encryption is obsolete (RC2 or RC4); write it again with: openssl pkcs12 -export',
    )
  const salt = derExpect(fields[0], DER.octetString, 'the salt').content
  const count = smallNumber(fields[1])
  const sha1 = { name: 'sha1', block: 64 }
  const text = bmp(password)
  const key = deriveBytes(sha1, 1, text, salt, count, 24)
  return open('des-ede3-cbc', key, deriveBytes(sha1, 2, text, salt, count, 8), sealed)
}

function decryptPbes2(
  fields: readonly DerElement[],
  sealed: Uint8Array,
  password: Uint8Array,
): Uint8Array {
  const [derivation, encryption] = fields.map((field) => derChildren(field, 2))
  if (algorithmName(derivation?.[0]) !== OID.pbkdf2)
    throw unsupported('its key derivation is not PBKDF2')
  const cipher = CIPHERS[algorithmName(encryption?.[0])]
  const iv = derExpect(encryption?.[1], DER.octetString, 'the IV').content
  const [salt, iterations, ...more] = derChildren(
    derExpect(derivation?.[1], DER.sequence, 'PBKDF2'),
    4,
  )
  const prfElement = more.find(({ tag }) => tag === DER.sequence)
  const prf = prfElement === undefined ? 'sha1' : PRFS[algorithmOid(prfElement)]
  if (cipher === undefined || prf === undefined)
    throw unsupported('its encryption is of an unknown kind')
  const saltOctets = derExpect(salt, DER.octetString, 'the salt').content
  const key = pbkdf2Sync(password, saltOctets, smallNumber(iterations), cipher.octets, prf)
  return open(cipher.name, key, iv, sealed)
}

function open(cipher: string, key: Uint8Array, iv: Uint8Array, sealed: Uint8Array): Uint8Array {
  try {
    const decipher = createDecipheriv(cipher, key, iv)
    return new Uint8Array(Buffer.concat([decipher.update(sealed), decipher.final()]))
  } catch {
    throw new UnreadableKey('wrong-passphrase', 'the passphrase does not open it')
  }
}

/** RFC 7292 appendix B.2. @param purpose 1 key, 2 IV, 3 MAC key */
function deriveBytes(
  hash: { readonly name: string; readonly block: number },
  purpose: 1 | 2 | 3,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  octets: number,
): Uint8Array {
  const { block } = hash
  const diversifier = new Uint8Array(block).fill(purpose)
  const input = Buffer.concat([stretched(salt, block), stretched(password, block)])
  const out: Uint8Array[] = []
  for (let made = 0; made < octets; ) {
    let digest: Uint8Array = createHash(hash.name).update(diversifier).update(input).digest()
    for (let i = 1; i < iterations; i++) digest = createHash(hash.name).update(digest).digest()
    out.push(digest)
    made += digest.length
    addToBlocks(input, stretched(digest, block).subarray(0, block), block)
  }
  return new Uint8Array(Buffer.concat(out)).subarray(0, octets)
}

/** Adds `addend` + 1 to every block, as big-endian numbers. */
function addToBlocks(input: Uint8Array, addend: Uint8Array, block: number): void {
  for (let start = 0; start < input.length; start += block) {
    let carry = 1
    for (let i = block - 1; i >= 0; i--) {
      const sum = (input[start + i] ?? 0) + (addend[i] ?? 0) + carry
      input[start + i] = sum & 0xff
      carry = sum >> 8
    }
  }
}

/** Repeated up to whole blocks. */
function stretched(octets: Uint8Array, block: number): Uint8Array {
  const length = block * Math.ceil(octets.length / block)
  return Uint8Array.from({ length }, (_, i) => octets[i % octets.length] ?? 0)
}

/** The passphrase as UTF-16 with a terminator (RFC 7292 appendix B.1). */
function bmp(password: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(password)
  return Uint8Array.from({ length: 2 * text.length + 2 }, (_, i) => {
    const unit = i < 2 * text.length ? text.charCodeAt(i >> 1) : 0
    return i % 2 === 0 ? unit >> 8 : unit & 0xff
  })
}

function candidates(password: Uint8Array): readonly Uint8Array[] {
  return password.length === 0 ? [bmp(password), new Uint8Array(0)] : [bmp(password)]
}

function algorithmOid(algorithm: DerElement | undefined): string {
  return algorithmName(derChildren(derExpect(algorithm, DER.sequence, 'an algorithm'), 2)[0])
}

function algorithmName(oid: DerElement | undefined): string {
  return readOid(derExpect(oid, DER.oid, 'an algorithm'))
}

function smallNumber(element: DerElement | undefined): number {
  const { content } = derExpect(element, DER.integer, 'a number')
  const value = content.reduce((sum, octet) => sum * 256 + octet, 0)
  if (value < 1 || value > MOST_ITERATIONS)
    throw unsupported('its number of iterations is out of bounds')
  return value
}

function unsupported(why: string): UnreadableKey {
  return new UnreadableKey('unsupported', `a PKCS #12 file that is not read: ${why}`)
}
