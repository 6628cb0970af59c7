import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameKind } from './frame.ts'
import { SAMPLE_FRAMES } from './sample-frames.ts'

for (const { what, kind, frame } of SAMPLE_FRAMES) {
  test(`takes ${what} for ${kind}`, () => assert.equal(frameKind(frame), kind))
}

test('takes a frame cut anywhere in its headers for plaintext or what it was, and never throws', () => {
  for (const { frame, kind } of SAMPLE_FRAMES) {
    for (let length = 0; length < frame.length; length++) {
      assert.ok(['plaintext', kind].includes(frameKind(frame.subarray(0, length))))
    }
  }
})
