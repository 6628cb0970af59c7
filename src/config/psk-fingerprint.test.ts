import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import { pskFingerprint } from './psk-fingerprint.ts'

const secret = (text: string) => new Secret(new TextEncoder().encode(text))

test('is the same for the same key and another for another', () => {
  const [one, same, other] = ['key-1', 'key-1', 'key-2'].map((text) => pskFingerprint(secret(text)))
  assert.match(one ?? '', /^[0-9A-HJKMNP-TV-Z]{6}$/)
  assert.equal(one, same)
  assert.notEqual(one, other)
})
