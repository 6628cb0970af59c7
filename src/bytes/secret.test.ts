import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'
import { Secret } from './secret.ts'

test('prints as [secret] wherever it gets printed', () => {
  const secret = new Secret(new TextEncoder().encode('hunter2'))
  const nested = { psk: secret, list: [secret] }
  for (const text of [
    String(secret),
    JSON.stringify(nested),
    inspect(nested, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, nested, nested),
  ]) {
    assert.match(text, /\[secret\]/)
    assert.doesNotMatch(text, /hunter2|104, ?117|68756e74/)
  }
  assert.equal(secret.octetLength, 7)
})
