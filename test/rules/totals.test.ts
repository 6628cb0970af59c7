import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addTotals, emptyTotals, totalsOfTap } from '../../tools/test-totals.ts'

const green = ['ok 1 - works', '# tests 1', '# pass 1', '# fail 0', '# cancelled 0'].join('\n')

test('reads what passed and failed from the report', () => {
  assert.deepEqual(totalsOfTap(green, 'unit', 0), { passed: 1, failed: 0, notRun: [] })
})

test('counts cancelled tests as failed', () => {
  const tap = green.replace('# cancelled 0', '# cancelled 2')
  assert.equal(totalsOfTap(tap, 'unit', 1).failed, 2)
})

test('names skipped tests with their reason', () => {
  const tap = `    ok 1 - opens a TUN device # SKIP needs root\n${green}`
  assert.deepEqual(totalsOfTap(tap, 'netns', 0).notRun, ['netns: opens a TUN device (needs root)'])
})

test('does not take a run without totals for a pass', () => {
  assert.equal(totalsOfTap('TAP version 13\n', 'unit', 0).failed, 1)
})

test('does not take a failed run without a failed test for a pass', () => {
  assert.equal(totalsOfTap(green, 'unit', 1).failed, 1)
})

test('adds groups up', () => {
  const skipped = { ...emptyTotals, notRun: ['netns: needs root'] }
  assert.deepEqual(addTotals({ passed: 2, failed: 1, notRun: [] }, skipped), {
    passed: 2,
    failed: 1,
    notRun: ['netns: needs root'],
  })
})
