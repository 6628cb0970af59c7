import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '#bytes/hex'
import { Secret } from '#bytes/secret'
import { nodeCrypto } from '#crypto/node'
import type { HashName } from '#crypto/registry'
import { derivePhase1Keys, skeyidFromPsk } from '#ikev1/keys'
import type { IkeSuite } from '#policy/proposal'
import { loadVectors, type Vector } from './load.ts'

const psk = loadVectors('nist-ikev1-psk')
for (const vector of psk.cases) {
  test(`${psk.source}: ${vector.name}: SKEYID and the keys made of it`, () => {
    const key = new Secret(vector.octets('psk'))
    const [nonceI, nonceR] = [vector.octets('nonce-i'), vector.octets('nonce-r')]
    const skeyid = skeyidFromPsk(nodeCrypto, suiteOf(vector), key, nonceI, nonceR)
    assert.equal(toHex(skeyid.reveal()), vector.text('skeyid'))
    assertDerivedKeys(vector, skeyid)
  })
}

const signatures = loadVectors('nist-ikev1-dsa')
for (const vector of signatures.cases) {
  test(`${signatures.source}: ${vector.name}: SKEYID_d, SKEYID_a and SKEYID_e`, () => {
    assertDerivedKeys(vector, new Secret(vector.octets('skeyid')))
  })
}

function assertDerivedKeys(vector: Vector, skeyid: Secret): void {
  const keys = derivePhase1Keys(
    nodeCrypto,
    suiteOf(vector),
    skeyid,
    vector.octets('shared-secret'),
    { initiatorCookie: vector.octets('cky-i'), responderCookie: vector.octets('cky-r') },
  )
  assert.deepEqual(
    [keys.skeyidD, keys.skeyidA, keys.skeyidE].map((key) => toHex(key.reveal())),
    ['skeyid-d', 'skeyid-a', 'skeyid-e'].map((key) => vector.text(key)),
  )
}

/** Only the hash matters to these values. */
function suiteOf(vector: Vector): IkeSuite {
  const hash = vector.text('hash') as HashName
  return { encryption: 'aes128-cbc', hash, keyExchange: 'modp2048' }
}
