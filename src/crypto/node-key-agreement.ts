import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import {
  isModp,
  leftPad,
  modpGroup,
  refuseZeroSecret,
  validatePublicValue,
} from './key-agreement.ts'
import type { ModpName } from './modp-primes.ts'
import { InvalidPublicValue, type KeyAgreement, type KeyPair } from './port.ts'
import { type KeyExchangeName, keyExchange } from './registry.ts'

/**
 * The OpenSSL inside Node. Costs from 0.1 ms (curve25519) to 20 ms (modp8192) a call, so it belongs in a worker.
 */
export const nodeKeyAgreement: KeyAgreement = {
  generateKeyPair(group) {
    if (isModp(group)) return generateModp(group)
    if (isMontgomery(group)) return generateMontgomery(group)
    return generateEcp(group)
  },

  agree(group, own, peerPublic) {
    validatePublicValue(group, peerPublic)
    const secret = leftPad(derive(group, own, peerPublic), keyExchange(group).sharedOctets)
    if (isMontgomery(group)) refuseZeroSecret(group, secret)
    return secret
  },
}

type MontgomeryName = Extract<KeyExchangeName, `curve${string}`>

function derive(group: KeyExchangeName, own: KeyPair, peerPublic: Uint8Array): Uint8Array {
  try {
    if (isModp(group)) return agreeModp(group, own, peerPublic)
    if (isMontgomery(group)) return agreeMontgomery(group, own, peerPublic)
    return agreeEcp(group, own, peerPublic)
  } catch (error) {
    throw new InvalidPublicValue(`OpenSSL refused the peer's ${group} public value`, {
      cause: error,
    })
  }
}

function generateModp(group: ModpName): KeyPair {
  const { generator, privateOctets } = modpGroup(group)
  const privateValue = plain(randomBytes(privateOctets))
  // Importing a private key computes its public value, which then stands at the very end of the exported key.
  const key = createPublicKey(modpPrivateKey(group, generator, privateValue))
  const integer = lastInteger(key.export({ format: 'der', type: 'spki' }))
  return { privateValue, publicValue: leftPad(integer, keyExchange(group).publicOctets) }
}

/**
 * A generator no group has: y^x does not depend on it, and OpenSSL 3.0 spends ten times longer on groups that it recognizes,
 * testing y^q = 1, which says nothing more than the range test where the prime is safe (RFC 6989 §2.1). Not `createDiffieHellman`
 * either: it tests the prime again each time, for 28 s with modp8192 on OpenSSL 3.5.
 */
const UNKNOWN_GENERATOR = 3n

function agreeModp(group: ModpName, own: KeyPair, peerPublic: Uint8Array): Uint8Array {
  const algorithm = modpAlgorithm(group, UNKNOWN_GENERATOR)
  const bits = der(0x03, Uint8Array.of(0), integer(peerPublic))
  return plain(
    diffieHellman({
      privateKey: modpPrivateKey(group, UNKNOWN_GENERATOR, own.privateValue),
      publicKey: createPublicKey({
        key: Buffer.from(der(SEQUENCE, algorithm, bits)),
        format: 'der',
        type: 'spki',
      }),
    }),
  )
}

function modpPrivateKey(group: ModpName, generator: bigint, privateValue: Uint8Array): KeyObject {
  const key = der(
    SEQUENCE,
    integer(Uint8Array.of(0)),
    modpAlgorithm(group, generator),
    der(0x04, integer(privateValue)),
  )
  return createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' })
}

/** AlgorithmIdentifier of PKCS #3: dhKeyAgreement (1.2.840.113549.1.3.1) with p and g. */
function modpAlgorithm(group: ModpName, generator: bigint): Uint8Array {
  const parameters = der(
    SEQUENCE,
    integer(bigIntOctets(modpGroup(group).prime)),
    integer(bigIntOctets(generator)),
  )
  return der(SEQUENCE, DH_KEY_AGREEMENT, parameters)
}

function generateEcp(group: KeyExchangeName): KeyPair {
  const ecdh = createECDH(opensslCurve(group))
  ecdh.generateKeys()
  const { sharedOctets } = keyExchange(group)
  return {
    privateValue: leftPad(plain(ecdh.getPrivateKey()), sharedOctets),
    // RFC 5903 §7: x | y, without the octet of SEC 1 that says "uncompressed".
    publicValue: plain(ecdh.getPublicKey(null, 'uncompressed').subarray(1)),
  }
}

function agreeEcp(group: KeyExchangeName, own: KeyPair, peerPublic: Uint8Array): Uint8Array {
  const ecdh = createECDH(opensslCurve(group))
  ecdh.setPrivateKey(own.privateValue)
  return plain(ecdh.computeSecret(Uint8Array.of(0x04, ...peerPublic)))
}

function opensslCurve(group: KeyExchangeName): string {
  if (group === 'ecp256') return 'prime256v1'
  if (group === 'ecp384') return 'secp384r1'
  if (group === 'ecp521') return 'secp521r1'
  throw new TypeError(`${group} is not an ECP group`)
}

function isMontgomery(group: KeyExchangeName): group is MontgomeryName {
  return keyExchange(group).kind === 'montgomery'
}

function generateMontgomery(group: MontgomeryName): KeyPair {
  const privateValue = plain(randomBytes(keyExchange(group).publicOctets))
  const key = createPublicKey(montgomeryPrivateKey(group, privateValue))
  const spki = key.export({ format: 'der', type: 'spki' })
  return { privateValue, publicValue: plain(spki.subarray(-privateValue.length)) }
}

function agreeMontgomery(group: MontgomeryName, own: KeyPair, peerPublic: Uint8Array): Uint8Array {
  const bits = der(0x03, Uint8Array.of(0), peerPublic)
  return plain(
    diffieHellman({
      privateKey: montgomeryPrivateKey(group, own.privateValue),
      publicKey: createPublicKey({
        key: Buffer.from(der(SEQUENCE, der(SEQUENCE, MONTGOMERY_IDS[group]), bits)),
        format: 'der',
        type: 'spki',
      }),
    }),
  )
}

/** RFC 8410 §7. */
function montgomeryPrivateKey(group: MontgomeryName, privateValue: Uint8Array): KeyObject {
  const key = der(
    SEQUENCE,
    integer(Uint8Array.of(0)),
    der(SEQUENCE, MONTGOMERY_IDS[group]),
    der(0x04, der(0x04, privateValue)),
  )
  return createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' })
}

/** One DER element of at most 65,535 octets. */
function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  return Uint8Array.from(Buffer.concat([Uint8Array.of(tag, ...derLength(length)), ...contents]))
}

function derLength(length: number): readonly number[] {
  if (length < 0x80) return [length]
  if (length < 0x100) return [0x81, length]
  return [0x82, length >>> 8, length & 0xff]
}

/** A non-negative INTEGER: no needless zeros in front, but one where the top bit would mean a sign. */
function integer(octets: Uint8Array): Uint8Array {
  const first = octets.findIndex((octet) => octet !== 0)
  const digits = first < 0 ? Uint8Array.of(0) : octets.subarray(first)
  const sign = Number(digits[0]) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0)
  return der(0x02, sign, digits)
}

/** The value of the INTEGER that ends a DER public key: its BIT STRING holds nothing else. */
function lastInteger(spki: Uint8Array): Uint8Array {
  const bits = elementAt(spki, elementAt(spki, elementAt(spki, 0).start).end)
  const value = elementAt(spki, bits.start + 1)
  const digits = spki.subarray(value.start, value.end)
  return plain(digits[0] === 0 ? digits.subarray(1) : digits)
}

/** Only for what OpenSSL itself wrote. */
function elementAt(
  octets: Uint8Array,
  at: number,
): { readonly start: number; readonly end: number } {
  const first = Number(octets[at + 1])
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f
  const start = at + 2 + lengthOctets
  let length = lengthOctets === 0 ? first : 0
  for (const octet of octets.subarray(at + 2, start)) length = length * 256 + octet
  return { start, end: start + length }
}

function bigIntOctets(value: bigint): Uint8Array {
  const hex = value.toString(16)
  return plain(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
}

function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

const SEQUENCE = 0x30
const DH_KEY_AGREEMENT = der(
  0x06,
  Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01),
)
/** 1.3.101.110 and 1.3.101.111 (RFC 8410 §3). */
const MONTGOMERY_IDS: Readonly<Record<MontgomeryName, Uint8Array>> = {
  curve25519: der(0x06, Uint8Array.of(0x2b, 0x65, 0x6e)),
  curve448: der(0x06, Uint8Array.of(0x2b, 0x65, 0x6f)),
}
