import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { fromHex } from '#bytes/hex'
import { opensslEcdsa } from './openssl-ecdsa.ts'

const ecdsa = opensslEcdsa()
assert.ok(ecdsa)

const CURVES = [
  ['P-256', 'sha256', 32],
  ['P-384', 'sha384', 48],
  ['P-521', 'sha512', 66],
] as const

for (const [namedCurve, hash, octets] of CURVES) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const message = new TextEncoder().encode('abc')
  const digest = createHash(hash).update(message).digest()

  test(`signs a hash on ${namedCurve} as node:crypto verifies the message`, () => {
    for (let i = 0; i < 20; i++) {
      const signature: Uint8Array = ecdsa.sign(pkcs8, octets, digest)
      assert.equal(signature.length, 2 * octets)
      assert.ok(verify(hash, message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
    }
  })

  test(`verifies on ${namedCurve} what node:crypto signed, and nothing changed`, () => {
    const signature: Uint8Array = sign(hash, message, {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    assert.ok(ecdsa.verify(spki, octets, digest, signature))
    for (const wrong of [
      new Uint8Array(2 * octets),
      new Uint8Array(2 * octets).fill(0xff),
      new Uint8Array(0),
      signature.subarray(1),
      Uint8Array.from([...signature, 0]),
      Uint8Array.from(signature, (octet, i) => (i === octets ? octet ^ 1 : octet)),
    ]) {
      assert.equal(ecdsa.verify(spki, octets, digest, wrong), false)
    }
    const otherHash = Uint8Array.from(digest, (octet, i) => (i === 0 ? octet ^ 1 : octet))
    assert.equal(ecdsa.verify(spki, octets, otherHash, signature), false)
    assert.equal(ecdsa.verify(spki.subarray(3), octets, digest, signature), false)
  })
}

test('verifies the ECDSA-256 example of RFC 4754 §8.1', () => {
  const point = fromHex(
    '04' +
      '2442A5CC0ECD015FA3CA31DC8E2BBC70BF42D60CBCA20085E0822CB04235E970' +
      '6FC98BD7E50211A4A27102FA3549DF79EBCB4BF246B80945CDDFE7D509BBFD7D',
  )
  const header = fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')
  const hash = fromHex('BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD')
  const signature = fromHex(
    'CB28E0999B9C7715FD0A80D8E47A77079716CBBF917DD72E97566EA1C066957C' +
      '86FA3BB4E26CAD5BF90B7F81899256CE7594BB1EA0C89212748BFF3B3D5B0315',
  )
  assert.ok(ecdsa.verify(Uint8Array.from([...header, ...point]), 32, hash, signature))
})

test('throws for what is no key, when it is to sign', () => {
  assert.throws(() => ecdsa.sign(Uint8Array.of(0x30, 0), 32, new Uint8Array(32)), /cannot read/)
})
