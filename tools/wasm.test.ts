import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { GENERATED, generatedModule } from './wasm.ts'

test('the assembled kernels in the repository are those of their source', async () => {
  assert.equal(readFileSync(GENERATED, 'utf8'), await generatedModule())
})
