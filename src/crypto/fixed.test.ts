import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedCrypto, fixedKeyAgreement } from './fixed.ts'
import { nodeCrypto } from './node.ts'
import { InvalidPublicValue } from './port.ts'
import { KEY_EXCHANGES } from './registry.ts'

test('the same seed gives the same octets, another seed others', () => {
  const [a, b, c] = [fixedCrypto(7), fixedCrypto(7), fixedCrypto(8)]
  const first = a.random(20)
  assert.deepEqual(b.random(20), first)
  assert.notDeepEqual(c.random(20), first)
  assert.notDeepEqual(a.random(20), first)
})

test('hashes and ciphers are the real ones', () => {
  const data = Uint8Array.of(1, 2, 3)
  assert.deepEqual(fixedCrypto(1).hash('sha256', data), nodeCrypto.hash('sha256', data))
  assert.deepEqual(fixedCrypto(1).hmac('sha1', data, data), nodeCrypto.hmac('sha1', data, data))
})

for (const { name, publicOctets, sharedOctets } of KEY_EXCHANGES) {
  test(`${name}: the toy group agrees at the lengths of the real one`, () => {
    const agreement = fixedKeyAgreement(3)
    const [a, b, c] = [1, 2, 3].map(() => agreement.generateKeyPair(name))
    const secret = agreement.agree(name, a!, b!.publicValue)
    assert.deepEqual(agreement.agree(name, b!, a!.publicValue), secret)
    assert.notDeepEqual(agreement.agree(name, a!, c!.publicValue), secret)
    assert.equal(a!.publicValue.length, publicOctets)
    assert.equal(secret.length, sharedOctets)
  })
}

test('the toy group answers a changed octet anywhere with another secret', () => {
  const agreement = fixedKeyAgreement(4)
  const [a, b] = [agreement.generateKeyPair('ecp256'), agreement.generateKeyPair('ecp256')]
  const secret = agreement.agree('ecp256', a, b.publicValue)
  for (let at = 0; at < b.publicValue.length; at++) {
    const changed = Uint8Array.from(b.publicValue, (octet, i) => (i === at ? octet ^ 1 : octet))
    assert.notDeepEqual(agreement.agree('ecp256', a, changed), secret)
  }
})

test('the toy group refuses zero and a wrong length, as the real ones do', () => {
  const agreement = fixedKeyAgreement(5)
  const own = agreement.generateKeyPair('modp2048')
  for (const octets of [0, 255, 256, 257])
    assert.throws(
      () => agreement.agree('modp2048', own, new Uint8Array(octets)),
      InvalidPublicValue,
    )
})
