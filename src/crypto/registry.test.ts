import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ENCRYPTIONS,
  encryption,
  encryptionByIkev1,
  encryptionByIkev1Esp,
  HASHES,
  hash,
  hashByIkev1,
  INTEGRITIES,
  integrity,
  integrityByIkev1,
  KEY_EXCHANGES,
  keyExchange,
  keyExchangeById,
} from './registry.ts'

test('finds every algorithm again by its numbers', () => {
  for (const entry of ENCRYPTIONS) {
    assert.equal(encryption(entry.name), entry)
    if (entry.ikev1) assert.equal(encryptionByIkev1(entry.ikev1.id, entry.ikev1.keyBits), entry)
    if (entry.ikev1Esp)
      assert.equal(encryptionByIkev1Esp(entry.ikev1Esp.id, entry.ikev1Esp.keyBits), entry)
  }
  for (const entry of HASHES) {
    assert.equal(hash(entry.name), entry)
    assert.equal(hashByIkev1(entry.ikev1), entry)
  }
  for (const entry of INTEGRITIES) {
    assert.equal(integrity(entry.name), entry)
    assert.equal(integrityByIkev1(entry.ikev1), entry)
  }
  for (const entry of KEY_EXCHANGES) {
    assert.equal(keyExchange(entry.name), entry)
    assert.equal(keyExchangeById(entry.id), entry)
  }
})

test('no two algorithms share a number of one registry', () => {
  const number = (n?: { id: number; keyBits?: number }) => n && `${n.id}/${n.keyBits}`
  for (const numbers of [
    ENCRYPTIONS.map(({ ikev1 }) => number(ikev1)),
    ENCRYPTIONS.map(({ ikev1Esp }) => number(ikev1Esp)),
    ENCRYPTIONS.map(({ ikev2 }) => number(ikev2)),
    HASHES.map(({ ikev1 }) => ikev1),
    HASHES.map(({ ikev2Prf }) => ikev2Prf),
    INTEGRITIES.map(({ ikev1 }) => ikev1),
    INTEGRITIES.map(({ ikev2 }) => ikev2),
    KEY_EXCHANGES.map(({ id }) => id),
  ]) {
    const present = numbers.filter((one) => one !== undefined)
    assert.equal(new Set(present).size, present.length)
  }
})

test('knows the numbers a datagram of each RFC carries', () => {
  assert.equal(encryptionByIkev1(7, 256)?.name, 'aes256-cbc') // RFC 3602 §5.1
  assert.equal(encryptionByIkev1(5, undefined)?.name, '3des-cbc') // RFC 2409 appendix A
  assert.equal(encryptionByIkev1Esp(12, 192)?.name, 'aes192-cbc') // RFC 3602 §5.2
  assert.equal(encryptionByIkev1Esp(13, 128)?.name, 'aes128-ctr') // RFC 3686 §5.3
  assert.equal(encryptionByIkev1Esp(18, 128)?.name, 'aes128-gcm8') // RFC 4106 §8.3
  assert.equal(encryptionByIkev1Esp(19, 128)?.name, 'aes128-gcm12')
  assert.equal(encryptionByIkev1Esp(20, 256)?.name, 'aes256-gcm16')
  assert.equal(hashByIkev1(4)?.name, 'sha256') // RFC 4868 §4
  assert.equal(integrityByIkev1(5)?.name, 'hmac-sha256-128') // RFC 4868 §4
  assert.equal(integrityByIkev1(2)?.name, 'hmac-sha1-96') // RFC 2407 §4.5
  assert.equal(keyExchangeById(14)?.name, 'modp2048') // RFC 3526 §3
  assert.equal(keyExchangeById(21)?.name, 'ecp521') // RFC 5903 §3.3
})

test('AES needs its Key Length and 3DES must have none (RFC 3602 §5.3, RFC 2409 appendix A)', () => {
  assert.equal(encryptionByIkev1(7, undefined), undefined)
  assert.equal(encryptionByIkev1(7, 512), undefined)
  assert.equal(encryptionByIkev1(5, 192), undefined)
  assert.equal(encryptionByIkev1Esp(20, undefined), undefined)
})

test('unknown numbers have no algorithm, also those IKEv2 alone uses', () => {
  assert.equal(encryptionByIkev1Esp(28, 256), undefined)
  assert.equal(encryptionByIkev1(0, undefined), undefined)
  assert.equal(hashByIkev1(3), undefined)
  assert.equal(integrityByIkev1(65_535), undefined)
  // strongSwan's internal number 1025 came in a KE payload and crashed it (CVE-2014-9221).
  for (const id of [0, 1, 25, 1025, 65_535]) assert.equal(keyExchangeById(id), undefined)
})

test('only the groups of RFC 5114 are off by default', () => {
  assert.deepEqual(
    KEY_EXCHANGES.filter(({ onByDefault }) => !onByDefault).map(({ id }) => id),
    [22, 23, 24],
  )
})

test('an AEAD has an ICV of its own, the others none', () => {
  for (const { name, aead, icvOctets } of ENCRYPTIONS) assert.equal(icvOctets > 0, aead, name)
})

test('an ICV is half of its hash or 96 bits (RFC 4868 §2.3, RFC 2403, RFC 2404)', () => {
  for (const { name, hash: of, icvOctets, keyOctets } of INTEGRITIES) {
    assert.equal(keyOctets, hash(of).octets, name)
    assert.equal(icvOctets, hash(of).octets < 32 ? 12 : hash(of).octets / 2, name)
  }
})
