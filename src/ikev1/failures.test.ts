import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sites } from '../../test/support/sites.ts'
import { workFailed } from './failures.ts'

const [tunnel] = sites().a.tunnels
assert.ok(tunnel !== undefined)

test('a signature of ours that cannot be made is CW-311, and points to our own key', () => {
  const failure = workFailed(tunnel, { kind: 'proving' }, { reason: 'the key is of another kind' })
  assert.equal(failure.code, 'CW-311')
  assert.match(failure.remedy, /certificate\.key/)
})

test('a key agreement that we cannot do is not laid at the peer’s door', () => {
  const own = workFailed(tunnel, { kind: 'agreeing' }, { reason: 'too many key agreements wait' })
  assert.match(own.summary, /^our own Diffie-Hellman computation .*: too many key agreements wait$/)
  const theirs = workFailed(tunnel, { kind: 'agreeing' }, { reason: 'of order 2', by: 'peer' })
  assert.match(
    theirs.summary,
    /sent a Diffie-Hellman public value that must not be used: of order 2/,
  )
})
