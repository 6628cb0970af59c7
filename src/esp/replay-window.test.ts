import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReplayWindow } from './replay-window.ts'

const run = (window: ReplayWindow, sequences: readonly number[]) =>
  sequences.map((low) => {
    const high = window.sequenceHigh(low)
    const ok = window.wouldAccept(low, high)
    if (ok) window.accept(low, high)
    return ok
  })

test('accepts each sequence number once', () => {
  assert.deepEqual(run(new ReplayWindow(64, false), [1, 2, 2, 1, 3]), [
    true,
    true,
    false,
    false,
    true,
  ])
})

test('refuses sequence number 0', () => {
  assert.deepEqual(run(new ReplayWindow(64, false), [0, 1]), [false, true])
})

test('accepts what is late by less than the window and refuses the rest', () => {
  const window = new ReplayWindow(64, false)
  assert.deepEqual(run(window, [1000, 937, 936, 935]), [true, true, false, false])
})

test('does not move before accept is called', () => {
  const window = new ReplayWindow(32, false)
  assert.equal(window.wouldAccept(0xffff_ff00, 0), true)
  assert.equal(window.highest, 0)
  assert.equal(window.wouldAccept(1, 0), true)
})

test('a window of 0 accepts repeats', () => {
  assert.deepEqual(run(new ReplayWindow(0, false), [5, 5, 1]), [true, true, true])
})

test('follows extended sequence numbers over 2^32', () => {
  const window = new ReplayWindow(64, true)
  window.accept(0xffff_fffe, 0)
  assert.deepEqual(run(window, [0xffff_ffff, 0, 1, 0xffff_fff0, 0]), [
    true,
    true,
    true,
    true,
    false,
  ])
  assert.equal(window.highest, 0x1_0000_0001)
  assert.equal(window.sequenceHigh(0xffff_fff1), 0)
  assert.equal(window.sequenceHigh(2), 1)
})

test('guesses the high half without a window too', () => {
  const window = new ReplayWindow(0, true)
  window.accept(0xffff_fff0, 4)
  assert.equal(window.sequenceHigh(3), 5)
  assert.equal(window.sequenceHigh(0xffff_0000), 4)
})

test('agrees with a set of seen numbers for every order of packets', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(32, 64, 128, 1024),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 5000 })), {
        maxLength: 300,
      }),
      (size, sequences) => {
        const window = new ReplayWindow(size, false)
        const seen = new Set<number>()
        let top = 0
        for (const sequence of sequences) {
          const expected = sequence > top || (sequence > top - size && !seen.has(sequence))
          assert.equal(window.wouldAccept(sequence, 0), expected)
          if (!expected) continue
          window.accept(sequence, 0)
          seen.add(sequence)
          top = Math.max(top, sequence)
        }
      },
    ),
  )
})

test('rebuilds every 64-bit number whose distance stays inside the window', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(32, 64, 2048),
      fc.integer({ min: 0, max: 3 }),
      fc.array(fc.integer({ min: -31, max: 100_000 }), { maxLength: 100 }),
      (size, high, steps) => {
        const window = new ReplayWindow(size, true)
        let top = high * 0x1_0000_0000 + 0xffff_f000
        window.accept(top % 0x1_0000_0000, high)
        for (const step of steps) {
          const sequence = top + step
          const low = sequence % 0x1_0000_0000
          assert.equal(window.sequenceHigh(low), Math.floor(sequence / 0x1_0000_0000))
          window.accept(low, Math.floor(sequence / 0x1_0000_0000))
          top = Math.max(top, sequence)
          assert.equal(window.highest, top)
        }
      },
    ),
  )
})
