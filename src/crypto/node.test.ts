import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '#bytes/hex'
import { loadVectors } from '../../test/vectors/load.ts'
import { nodeCrypto } from './node.ts'
import { type EncryptionName, encryption, HASHES, type HashName, hash } from './registry.ts'

for (const vector of loadVectors('hmac').cases) {
  test(`${vector.name}: HMAC with ${vector.text('hash')}`, () => {
    const mac = vector.octets('mac')
    const computed = nodeCrypto.hmac(
      vector.text('hash') as HashName,
      vector.octets('key'),
      vector.octets('data'),
    )
    assert.equal(toHex(computed.subarray(0, mac.length)), toHex(mac))
  })
}

for (const vector of loadVectors('aes-cbc').cases) {
  test(`${vector.name}: AES-CBC both ways`, () => {
    const cipher = vector.text('encryption') as EncryptionName
    const [key, iv, plain, sealed] = (['key', 'iv', 'plain', 'sealed'] as const).map((name) =>
      vector.octets(name),
    )
    assert.equal(toHex(nodeCrypto.encryptCbc(cipher, key!, iv!, plain!)), toHex(sealed!))
    assert.equal(toHex(nodeCrypto.decryptCbc(cipher, key!, iv!, sealed!)), toHex(plain!))
  })
}

for (const cipher of ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', '3des-cbc'] as const) {
  test(`${cipher} decrypts what it encrypted, without padding, by the registry's sizes`, () => {
    const { keyOctets, ivOctets, blockOctets } = encryption(cipher)
    const key = nodeCrypto.random(keyOctets)
    const iv = nodeCrypto.random(ivOctets)
    const plain = nodeCrypto.random(3 * blockOctets)
    const sealed = nodeCrypto.encryptCbc(cipher, key, iv, plain)
    assert.equal(sealed.length, plain.length)
    assert.notDeepEqual(sealed, plain)
    assert.deepEqual(nodeCrypto.decryptCbc(cipher, key, iv, sealed), plain)
  })
}

test('refuses to encrypt a part of a block', () => {
  const { keyOctets, ivOctets } = encryption('aes128-cbc')
  assert.throws(() =>
    nodeCrypto.encryptCbc(
      'aes128-cbc',
      new Uint8Array(keyOctets),
      new Uint8Array(ivOctets),
      new Uint8Array(15),
    ),
  )
})

test('refuses CBC with a cipher of another mode', () => {
  assert.throws(
    () =>
      nodeCrypto.encryptCbc(
        'aes128-gcm16',
        new Uint8Array(16),
        new Uint8Array(12),
        new Uint8Array(16),
      ),
    /aes128-gcm16 is not a CBC cipher/,
  )
})

for (const { name } of HASHES) {
  test(`${name} hashes parts as their concatenation, to the registry's length`, () => {
    const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)]
    const whole = nodeCrypto.hash(name, Uint8Array.of(1, 2, 3))
    assert.equal(whole.length, hash(name).octets)
    assert.deepEqual(nodeCrypto.hash(name, a, b), whole)
    assert.deepEqual(
      nodeCrypto.hmac(name, a, a, b),
      nodeCrypto.hmac(name, a, Uint8Array.of(1, 2, 1 + 2)),
    )
  })
}

test('draws as many random octets as asked, not twice the same', () => {
  assert.equal(nodeCrypto.random(32).length, 32)
  assert.notDeepEqual(nodeCrypto.random(32), nodeCrypto.random(32))
})
