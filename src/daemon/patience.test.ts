import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inTime } from './patience.ts'

test('what is done in time is done, and what fails in time fails', async () => {
  assert.equal(await inTime(Promise.resolve(), 60_000), 'done')
  await assert.rejects(inTime(Promise.reject(new Error('no')), 60_000), /no/)
})

test('what does not end is left', async () => {
  assert.equal(await inTime(new Promise(() => {}), 1), 'late')
})
