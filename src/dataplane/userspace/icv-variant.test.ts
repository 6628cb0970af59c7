import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import type { EspSuite } from '#policy/proposal'
import { icvVariant } from './icv-variant.ts'

const KEY = new Uint8Array(32).fill(7)
const SHA256: EspSuite = { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: false }
const content = Uint8Array.from({ length: 56 }, (_, i) => i)

/** A packet as a peer makes it that cuts or covers in its own way. */
function made(octets: number, esn = false): Uint8Array {
  const mac = createHmac('sha256', KEY).update(content)
  if (esn) mac.update(new Uint8Array(4))
  return Uint8Array.of(...content, ...mac.digest().subarray(0, octets))
}

const tested = (packet: Uint8Array, suite = SHA256) =>
  icvVariant({ suite, integrityKey: new Secret(KEY) }, packet)

test('HMAC-SHA-256 cut to 96 bits is recognised', () => {
  assert.equal(tested(made(12)), 'truncated-96')
  assert.equal(tested(made(12, true), { ...SHA256, esn: true }), 'truncated-96')
})

test('extended sequence numbers on one side only are recognised', () => {
  assert.equal(tested(made(16), { ...SHA256, esn: true }), 'without-esn')
  assert.equal(tested(made(16, true)), 'with-esn')
})

test('anything else, and what is too short, is none of them', () => {
  assert.equal(tested(made(16).with(3, 99)), 'none')
  assert.equal(tested(new Uint8Array(4)), 'none')
  const gcm: EspSuite = { encryption: 'aes128-gcm16', integrity: 'none', esn: false }
  assert.equal(tested(made(12), gcm), 'none')
})
