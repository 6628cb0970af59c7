import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { estimatedBits } from './key-strength.ts'

const bits = (key: string) => Math.round(estimatedBits(new TextEncoder().encode(key)))

test('keys made at random are worth nearly all their bits', () => {
  for (let i = 0; i < 200; i++) {
    const random = createHash('sha256').update(`${i}`).digest()
    assert.ok(bits(random.toString('base64url')) > 150, '256 bits in base64')
    assert.ok(bits(random.subarray(16).toString('hex')) > 100, '128 bits in hexadecimal')
  }
  assert.ok(bits('x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa') > 120)
})

test('words are guessed as words, whatever their length', () => {
  assert.equal(bits('correct horse battery staple'), 52)
  assert.ok(bits('correct-horse-battery-staple-zebra-lantern-orbit') > 80)
  assert.ok(bits('VpnPassword2024!') < 30)
  assert.ok(bits('SharedSecretForOurCiscoVPN') < 60)
})

test('repetitions and rows of neighbours are worth next to nothing', () => {
  assert.ok(bits('a'.repeat(64)) < 12)
  assert.ok(bits('kP9'.repeat(20)) < 25)
  assert.ok(bits('abcdefghijklmnopqrstuvwxyz0123456789') < 40)
  assert.equal(bits(''), 0)
})
