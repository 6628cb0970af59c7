import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineSplitter } from './line-splitter.ts'

test('gives the same lines however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('ä', 'x', '→', '😀'), minLength: 1 })),
      fc.integer({ min: 1, max: 7 }),
      (lines, size) => {
        const octets = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const splitter = new LineSplitter(1000)
        const seen: string[] = []
        for (let at = 0; at < octets.length; at += size) {
          const result = splitter.push(octets.subarray(at, at + size))
          assert.notEqual(result, 'too-long')
          if (result !== 'too-long') seen.push(...result)
        }
        assert.deepEqual(seen, lines)
      },
    ),
  )
})

test('gives up on a line above the limit, finished or not', () => {
  assert.equal(new LineSplitter(4).push(Buffer.from('12345')), 'too-long')
  assert.equal(new LineSplitter(4).push(Buffer.from('12345\n')), 'too-long')
  assert.deepEqual(new LineSplitter(4).push(Buffer.from('1234\n\n12')), ['1234'])
})
