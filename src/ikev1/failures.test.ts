import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sites } from '../../test/support/sites.ts'
import { workFailed } from './failures.ts'

const [tunnel] = sites().a.tunnels
assert.ok(tunnel !== undefined)

test('a signature of ours that cannot be made is CW-311, and points to our own key', () => {
  const failure = workFailed(tunnel, { kind: 'proving' }, 'the key is of another kind')
  assert.equal(failure.code, 'CW-311')
  assert.match(failure.remedy, /certificate\.key/)
})
