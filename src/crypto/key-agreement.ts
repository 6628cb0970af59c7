import { MODP_NUMBERS, type ModpName } from './modp-primes.ts'
import { InvalidPublicValue } from './port.ts'
import { type KeyExchangeName, keyExchange } from './registry.ts'

export type ModpGroup = {
  readonly prime: bigint
  readonly generator: bigint
  /** RFC 5114 groups only: the order every honest public value has. */
  readonly order?: bigint
  /** Length of a private exponent: the longer estimate of RFC 3526 §8, or that of the subgroup's order. */
  readonly privateOctets: number
}

type EcpCurve = { readonly prime: bigint; readonly b: bigint }
type EcpName = Extract<KeyExchangeName, `ecp${string}`>

export function modpGroup(name: ModpName): ModpGroup {
  return MODP_GROUPS[name]
}

export function isModp(name: KeyExchangeName): name is ModpName {
  return keyExchange(name).kind === 'modp'
}

/**
 * The recipient tests of RFC 6989 §2 that need no private value. For X25519 and X448 every string of the right length is a
 * value (RFC 7748 §5); their small-order points show as an all-zero secret, which `refuseZeroSecret` finds.
 * @throws InvalidPublicValue
 */
export function validatePublicValue(group: KeyExchangeName, octets: Uint8Array): void {
  const { publicOctets } = keyExchange(group)
  if (octets.length !== publicOctets)
    throw new InvalidPublicValue(
      `the peer's ${group} public value has ${octets.length} octets; the group's have ${publicOctets}`,
    )
  if (isModp(group)) validateModp(group, toBigInt(octets))
  if (isEcp(group)) validateEcp(group, octets)
}

/** RFC 7748 §6, RFC 8031 §3. @throws InvalidPublicValue */
export function refuseZeroSecret(group: KeyExchangeName, secret: Uint8Array): void {
  if (secret.reduce((bits, octet) => bits | octet, 0) === 0)
    throw new InvalidPublicValue(`the peer's ${group} public value is a point of small order`)
}

/** RFC 2409 §5: g^xy is used at the full length of the prime; RFC 5903 §7 says the same of x. */
export function leftPad(octets: Uint8Array, length: number): Uint8Array {
  if (octets.length === length) return octets
  const padded = new Uint8Array(length)
  padded.set(octets, length - octets.length)
  return padded
}

/** Not in constant time: for public values and toys only. */
export function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

function validateModp(group: ModpName, y: bigint): void {
  const { prime, order } = modpGroup(group)
  if (y <= 1n || y >= prime - 1n)
    throw new InvalidPublicValue(`the peer's ${group} public value is not between 1 and p - 1`)
  if (order !== undefined && powerModulo(y, order, prime) !== 1n)
    throw new InvalidPublicValue(`the peer's ${group} public value is outside the group's subgroup`)
}

function validateEcp(group: EcpName, octets: Uint8Array): void {
  const { prime, b } = ECP_CURVES[group]
  const x = toBigInt(octets.subarray(0, octets.length / 2))
  const y = toBigInt(octets.subarray(octets.length / 2))
  const onCurve = x < prime && y < prime && (y * y - (x * x * x - 3n * x + b)) % prime === 0n
  if (!onCurve)
    throw new InvalidPublicValue(`the peer's ${group} public value is not a point of the curve`)
}

function isEcp(name: KeyExchangeName): name is EcpName {
  return keyExchange(name).kind === 'ecp'
}

function toBigInt(octets: Uint8Array): bigint {
  let hex = '0x0'
  for (const octet of octets) hex += octet.toString(16).padStart(2, '0')
  return BigInt(hex)
}

function group(name: ModpName, privateOctets: number): ModpGroup {
  const { prime, generator, order } = MODP_NUMBERS[name]
  return {
    prime: BigInt(`0x${prime}`),
    generator: BigInt(`0x${generator}`),
    ...(order !== undefined && { order: BigInt(`0x${order}`) }),
    privateOctets,
  }
}

const MODP_GROUPS: Readonly<Record<ModpName, ModpGroup>> = {
  modp1024: group('modp1024', 30),
  modp1536: group('modp1536', 30),
  modp2048: group('modp2048', 40),
  modp3072: group('modp3072', 53),
  modp4096: group('modp4096', 60),
  modp6144: group('modp6144', 68),
  modp8192: group('modp8192', 78),
  modp1024s160: group('modp1024s160', 20),
  modp2048s224: group('modp2048s224', 28),
  modp2048s256: group('modp2048s256', 32),
}

/** y² = x³ − 3x + b over the integers modulo the prime (RFC 5903 §3). */
const ECP_CURVES: Readonly<Record<EcpName, EcpCurve>> = {
  ecp256: {
    prime: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  ecp384: {
    prime: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  ecp521: {
    prime: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
}
