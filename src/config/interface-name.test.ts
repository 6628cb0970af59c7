import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivedInterfaceName } from './interface-name.ts'

test('a short name is kept whole', () => {
  assert.equal(derivedInterfaceName('paris'), 'cw-paris')
  assert.equal(derivedInterfaceName('exactly-12-c'), 'cw-exactly-12-c')
})

test('a long name is cut to what Linux takes, and stays apart from its neighbours', () => {
  const names = Array.from({ length: 50 }, (_, i) => derivedInterfaceName(`branch-hamburg-${i}`))
  assert.ok(names.every((name) => name.length === 15 && name.startsWith('cw-branch-')))
  assert.equal(new Set(names).size, 50)
  assert.equal(derivedInterfaceName('branch-hamburg-1'), names[1])
})
