import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '#bytes/hex'
import { nodeCrypto } from '#crypto/node'
import type { HashName } from '#crypto/registry'
import { loadVectors } from './load.ts'

test('says which value of which case is missing', () => {
  const [first] = loadVectors('hmac').cases
  assert.throws(() => first?.octets('salt'), /hmac.txt: RFC 2202 §2 case 1 has no salt/)
})

test('refuses a file that is not there instead of having no cases', () => {
  assert.throws(() => loadVectors('nothing'), /ENOENT/)
})

// Signatures (RFC 2409 §5.1) and IKEv2 (RFC 7296 §2.14) have no code yet; this shows that their data are whole.
for (const [file, derived] of [
  ['nist-ikev1-dsa', 'skeyid'],
  ['nist-ikev2', 'skeyseed'],
] as const) {
  const { source, cases } = loadVectors(file)
  for (const vector of cases) {
    test(`${source}: ${vector.name}: prf(Ni | Nr, g^xy) is ${derived}`, () => {
      const nonces = [...vector.octets('nonce-i'), ...vector.octets('nonce-r')]
      const hash = vector.text('hash') as HashName
      const seed = nodeCrypto.hmac(hash, Uint8Array.from(nonces), vector.octets('shared-secret'))
      assert.equal(toHex(seed), toHex(vector.octets(derived)))
    })
  }
}
