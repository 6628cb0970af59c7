import assert from 'node:assert/strict'
import { constants, verify as nodeVerify, privateEncrypt } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { opensslEcdsa } from '#platform/openssl-ecdsa'
import { sampleKey } from '../../test/support/sample-pki.ts'
import { sign, verify } from './node-signatures.ts'
import type { SignatureScheme } from './signature-scheme.ts'
import { SigningError } from './signature-scheme.ts'

const rsa = sampleKey('rsa', 'rsa3072')
const p256 = sampleKey('p256', 'p256')
const p384 = sampleKey('p384', 'p384')
const ed25519 = sampleKey('ed25519', 'ed25519')
const ecdsa = opensslEcdsa()
const hash = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
const bare = { kind: 'rsa-pkcs1-bare' } as const

const SCHEMES: readonly (readonly [typeof rsa, SignatureScheme])[] = [
  [rsa, bare],
  [rsa, { kind: 'rsa-pkcs1', hash: 'sha256' }],
  [rsa, { kind: 'rsa-pss', hash: 'sha512' }],
  [p256, { kind: 'ecdsa-bare', curve: 'P-256' }],
  [p384, { kind: 'ecdsa-bare', curve: 'P-384' }],
  [p256, { kind: 'ecdsa', hash: 'sha256', form: 'fixed' }],
  [p384, { kind: 'ecdsa', hash: 'sha384', form: 'der' }],
  [ed25519, { kind: 'ed25519' }],
]

for (const [key, scheme] of SCHEMES) {
  const words = Object.values(scheme).join(' ')
  const signature = sign(key, scheme, hash, ecdsa)
  const check = (data: Uint8Array, one: Uint8Array) =>
    verify(key.publicKey, scheme, data, one, ecdsa)

  test(`verifies its own signature: ${words}`, () => {
    assert.equal(check(hash, signature), true)
  })

  test(`CVE-2013-2944: refuses zero, empty, all-ones, cut, longer and altered signatures: ${words}`, () => {
    for (const wrong of [
      new Uint8Array(0),
      new Uint8Array(signature.length),
      new Uint8Array(signature.length).fill(0xff),
      signature.subarray(1),
      signature.subarray(0, -1),
      Uint8Array.from([...signature, 0]),
      Uint8Array.from([0, ...signature]),
      Uint8Array.from(signature, (octet, i) => (i === signature.length - 1 ? octet ^ 1 : octet)),
    ]) {
      assert.equal(check(hash, wrong), false)
    }
    assert.equal(check(hash.subarray(1), signature), false)
    // ECDSA takes the leftmost bits of a longer hash (FIPS 186-5 §6.4.2).
    const longer = Uint8Array.from([...hash, 0])
    if (scheme.kind !== 'ecdsa-bare') assert.equal(check(longer, signature), false)
  })

  test(`refuses the signature under every other scheme and key: ${words}`, () => {
    for (const [otherKey, other] of SCHEMES) {
      if (other === scheme) continue
      assert.equal(verify(otherKey.publicKey, other, hash, signature, ecdsa), false)
      assert.equal(verify(key.publicKey, other, hash, signature, ecdsa), false)
    }
  })
}

test('an RSA signature that begins with a zero is refused without it (RFC 8017 §8.1.2)', () => {
  const scheme = { kind: 'rsa-pss', hash: 'sha512' } as const
  // One in 256 does, and each has another salt: that none of so many does will not be seen.
  let signature = sign(rsa, scheme, hash)
  for (let i = 0; i < 6000 && signature[0] !== 0; i++) signature = sign(rsa, scheme, hash)
  assert.equal(signature[0], 0)
  assert.equal(verify(rsa.publicKey, scheme, hash, signature), true)
  assert.equal(verify(rsa.publicKey, scheme, hash, signature.subarray(1)), false)
})

/** A block made with the private key, so that the padding alone decides. */
function forged(block: readonly number[]): Uint8Array {
  const whole = Uint8Array.from(block)
  assert.equal(whole.length, 384)
  return privateEncrypt({ key: rsa.handle(), padding: constants.RSA_NO_PADDING }, whole)
}
const ones = (count: number) => Array.from({ length: count }, () => 0xff)

for (const [what, block] of [
  ['the hash in the middle, octets behind it', [0, 1, ...ones(8), 0, ...hash, ...ones(341)]],
  ['short padding in front of a longer hash', [0, 1, ...ones(348), 0, 0, ...hash]],
  ['padding of other octets', [0, 1, ...ones(348), 0xfe, 0, ...hash]],
  ['block type 2', [0, 2, ...ones(349), 0, ...hash]],
  ['a first octet that is not zero', [1, 1, ...ones(349), 0, ...hash]],
  ['no separator', [0, 1, ...ones(350), ...hash]],
  [
    'a DigestInfo around the hash',
    [
      0,
      1,
      ...ones(330),
      0,
      0x30,
      0x31,
      0x30,
      0x0d,
      6,
      9,
      0x60,
      0x86,
      0x48,
      1,
      0x65,
      3,
      4,
      2,
      1,
      5,
      0,
      4,
      0x20,
      ...hash,
    ],
  ],
] as const) {
  test(`CVE-2018-16151, CVE-2018-15836, CVE-2026-50721: refuses a PKCS #1 block with ${what}`, () => {
    assert.equal(verify(rsa.publicKey, bare, hash, forged(block)), false)
  })
}

test('signs the bare hash as RFC 2409 §5.1 has it: nothing names the hash', () => {
  assert.deepEqual(
    Uint8Array.from(sign(rsa, bare, hash)),
    Uint8Array.from(forged([0, 1, ...ones(349), 0, ...hash])),
  )
})

test('hashes of other lengths than a PRF has do not verify', () => {
  for (const length of [0, 1, 15, 374, 400]) {
    const odd = new Uint8Array(length).fill(1)
    assert.equal(verify(rsa.publicKey, bare, odd, sign(rsa, bare, hash)), false)
  }
  const sha1 = hash.subarray(0, 20)
  assert.equal(verify(rsa.publicKey, bare, sha1, sign(rsa, bare, sha1)), true)
  assert.equal(verify(rsa.publicKey, bare, hash.subarray(0, 16), sign(rsa, bare, sha1)), false)
})

test('CVE-2018-17540: a signature as large as the modulus or larger is refused', () => {
  const signature = sign(rsa, bare, hash)
  assert.equal(verify(rsa.publicKey, bare, hash, new Uint8Array(384).fill(0xff)), false)
  assert.equal(
    verify(rsa.publicKey, bare, hash, Uint8Array.from([...signature, ...signature])),
    false,
  )
})

test('does not sign with a key of another kind', () => {
  assert.throws(() => sign(p256, bare, hash), SigningError)
  assert.throws(() => sign(rsa, { kind: 'ed25519' }, hash), SigningError)
  assert.throws(() => sign(p256, { kind: 'ecdsa-bare', curve: 'P-384' }, hash, ecdsa), SigningError)
  assert.throws(() => sign(p256, { kind: 'ecdsa-bare', curve: 'P-256' }, hash), SigningError)
})

test('keys with flaws verify nothing', () => {
  const flawed = { ...rsa.publicKey, flaw: 'an even modulus' } as const
  assert.equal(verify(flawed as typeof rsa.publicKey, bare, hash, sign(rsa, bare, hash)), false)
})

test('node:crypto verifies the signatures others will check', () => {
  const signature = sign(rsa, { kind: 'rsa-pkcs1', hash: 'sha256' }, hash)
  const spki = Buffer.from(rsa.publicKey.spki)
  assert.ok(nodeVerify('sha256', hash, { key: spki, format: 'der', type: 'spki' }, signature))
})

test('a private key prints nothing of itself', () => {
  for (const shown of [
    String(rsa),
    JSON.stringify({ rsa }),
    inspect({ rsa }, { depth: 9, showHidden: true }),
  ])
    assert.doesNotMatch(shown, /KeyObject|BEGIN|spki|privateExponent/)
})
