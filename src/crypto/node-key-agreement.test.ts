import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, toHex } from '#bytes/hex'
import { loadVectors } from '../../test/vectors/load.ts'
import { modpGroup } from './key-agreement.ts'
import type { ModpName } from './modp-primes.ts'
import { nodeKeyAgreement } from './node-key-agreement.ts'
import { InvalidPublicValue, type KeyPair } from './port.ts'
import { KEY_EXCHANGES, type KeyExchangeName, keyExchange } from './registry.ts'

for (const vector of loadVectors('key-agreement').cases) {
  const group = vector.text('group') as KeyExchangeName
  test(`${vector.name}: both sides of ${group} get the published secret`, () => {
    const [initiator, responder] = (['i', 'r'] as const).map((side) => ({
      privateValue: vector.octets(`private-${side}`),
      publicValue: vector.octets(`public-${side}`),
    }))
    const secret = toHex(vector.octets('shared-secret'))
    assert.equal(toHex(nodeKeyAgreement.agree(group, initiator!, responder!.publicValue)), secret)
    assert.equal(toHex(nodeKeyAgreement.agree(group, responder!, initiator!.publicValue)), secret)
  })
}

for (const { name, publicOctets, sharedOctets } of KEY_EXCHANGES) {
  test(`${name}: two fresh pairs agree, at the lengths of the registry`, () => {
    const [a, b] = [keyPair(name), nodeKeyAgreement.generateKeyPair(name)]
    const secret = nodeKeyAgreement.agree(name, a, b.publicValue)
    assert.equal(a.publicValue.length, publicOctets)
    assert.equal(secret.length, sharedOctets)
    assert.deepEqual(nodeKeyAgreement.agree(name, b, a.publicValue), secret)
    assert.notDeepEqual(a.privateValue, b.privateValue)
  })

  test(`${name}: refuses a public value an octet too short or too long, empty or huge`, () => {
    const { publicValue } = keyPair(name)
    assertRefused(name, publicValue.subarray(1))
    assertRefused(name, Uint8Array.of(0, ...publicValue))
    assertRefused(name, new Uint8Array(0))
    assertRefused(name, new Uint8Array(65_535).fill(0x55))
  })

  test(`${name}: refuses zero`, () => {
    assertRefused(name, new Uint8Array(publicOctets))
  })
}

for (const name of KEY_EXCHANGES.filter(({ kind }) => kind === 'modp').map(({ name }) => name)) {
  test(`${name}: refuses 1, p - 1, p, p + 1 and all ones (RFC 6989 §2.1)`, () => {
    const { prime } = modpGroup(name as ModpName)
    for (const y of [1n, prime - 1n, prime, prime + 1n]) assertRefused(name, encode(name, y))
    assertRefused(name, new Uint8Array(keyExchange(name).publicOctets).fill(0xff))
  })
}

for (const name of ['modp1024s160', 'modp2048s224', 'modp2048s256'] as const) {
  test(`${name}: refuses a value outside the subgroup (RFC 6989 §2.2)`, () => {
    assertRefused(name, encode(name, 2n))
  })
}

for (const name of ['ecp256', 'ecp384', 'ecp521'] as const) {
  test(`${name}: refuses a point beside the curve and coordinates beyond the prime (RFC 6989 §2.3)`, () => {
    const { publicValue } = keyPair(name)
    const half = publicValue.length / 2
    const beside = Uint8Array.from(publicValue)
    beside[beside.length - 1] = (beside.at(-1) ?? 0) ^ 1
    assertRefused(name, beside)
    assertRefused(
      name,
      Uint8Array.from(publicValue, (octet, i) => (i < half ? 0xff : octet)),
    )
    assertRefused(name, new Uint8Array(2 * half).fill(0xff))
  })
}

test('curve25519: refuses every point of small order (RFC 7748 §6.1, RFC 8031 §3)', () => {
  for (const point of [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  ])
    assertRefused('curve25519', fromHex(point))
})

test('curve448: refuses 1 and p - 1, points of small order', () => {
  const minusOne = new Uint8Array(56).fill(0xff)
  minusOne[0] = 0xfe
  minusOne[28] = 0xfe
  assertRefused('curve448', Uint8Array.of(1, ...new Uint8Array(55)))
  assertRefused('curve448', minusOne)
})

test('a shared secret that begins with zeros keeps its full length (RFC 2409 §5)', () => {
  const name = 'modp1024'
  const { prime } = modpGroup(name)
  // y = p - 4 and x = 2 give y² = 16, which is one octet.
  const own: KeyPair = { privateValue: Uint8Array.of(2), publicValue: encode(name, 4n) }
  const secret = nodeKeyAgreement.agree(name, own, encode(name, prime - 4n))
  assert.equal(toHex(secret), '10'.padStart(256, '0'))
})

test('tells the operator which group it was and what was wrong', () => {
  assert.throws(
    () => nodeKeyAgreement.agree('modp2048', keyPair('modp2048'), new Uint8Array(128)),
    /the peer's modp2048 public value has 128 octets; the group's have 256/,
  )
})

const pairs = new Map<KeyExchangeName, KeyPair>()

/** One for each group: making them is the costly part. */
function keyPair(name: KeyExchangeName): KeyPair {
  const known = pairs.get(name)
  if (known !== undefined) return known
  const made = nodeKeyAgreement.generateKeyPair(name)
  pairs.set(name, made)
  return made
}

function assertRefused(name: KeyExchangeName, publicValue: Uint8Array): void {
  assert.throws(() => nodeKeyAgreement.agree(name, keyPair(name), publicValue), InvalidPublicValue)
}

function encode(name: KeyExchangeName, value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * keyExchange(name).publicOctets, '0'))
}
