import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SAMPLE_FRAMES } from '../../test/support/sample-frames.ts'
import { plaintextFilter } from './plaintext-filter.ts'

const program = plaintextFilter()

for (const { what, kind, frame } of SAMPLE_FRAMES) {
  test(`${kind === 'plaintext' ? 'passes' : 'refuses'} ${what}`, () => {
    assert.equal(passes(frame), kind === 'plaintext')
  })
}

/** Classic BPF as the kernel runs it: a load beyond the end refuses the frame. */
function passes(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  let [at, a, x] = [0, 0, 0]
  try {
    for (;;) {
      const [code, jt, jf, k] = program[at]!
      at += 1
      if (code === 0x06) return k > 0
      if (code === 0x30) a = view.getUint8(k)
      else if (code === 0x28) a = view.getUint16(k)
      else if (code === 0x48) a = view.getUint16(x + k)
      else if (code === 0xb1) x = (view.getUint8(k) & 0xf) * 4
      else if (code === 0x15) at += a === k ? jt : jf
      else if (code === 0x35) at += a >= k ? jt : jf
      else if (code === 0x45) at += (a & k) !== 0 ? jt : jf
      else assert.fail(`no such instruction: ${code}`)
    }
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
