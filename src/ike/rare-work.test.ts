import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RareWork } from './rare-work.ts'

test('works once a minute for each subject, and tells the same meanwhile', () => {
  const rare = new RareWork()
  let done = 0
  const work = () => `result ${++done}`
  assert.equal(rare.result('paris', 0, work), 'result 1')
  assert.equal(rare.result('paris', 59_999, work), 'result 1')
  assert.equal(rare.result('lyon', 59_999, work), 'result 2')
  assert.equal(rare.result('paris', 60_000, work), 'result 3')
})

test('finding nothing is a result, too', () => {
  const rare = new RareWork()
  let done = 0
  const work = () => {
    done++
    return undefined
  }
  rare.result('paris', 0, work)
  rare.result('paris', 1, work)
  assert.equal(done, 1)
})
