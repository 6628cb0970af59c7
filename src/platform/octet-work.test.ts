import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { portableOctetWork } from '../esp/octet-work.ts'
import { allocateWorkingArena } from './octet-work.ts'

const { arena, work } = allocateWorkingArena(262_144)
const portable = portableOctetWork(arena)
assert.ok(work)

const place = fc.integer({ min: 0, max: 60_000 })
const length = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 65_535 }))

test('sums as the portable kernels do, at every place and length, odd ones too', () => {
  fc.assert(
    fc.property(place, length, fc.integer(), (at, octets, seed) => {
      scramble(at, octets, seed)
      assert.equal(work.sum(at, octets), portable.sum(at, octets))
    }),
  )
})

test('does not overflow on the largest sum there can be', () => {
  arena.octets.fill(0xff, 0, 65_535)
  assert.equal(work.sum(0, 65_535), portable.sum(0, 65_535))
})

test('copies exactly what it is told, and sums it meanwhile', () => {
  fc.assert(
    fc.property(place, length, fc.integer(), (at, octets, seed) => {
      scramble(at, octets, seed)
      const to = 131_072
      arena.octets.fill(0xee, to - 1, to + octets + 1)
      const sum = work.copyAndSum(to, at, octets)
      assert.equal(sum, portable.sum(at, octets))
      const expected = Buffer.concat([
        Buffer.of(0xee),
        arena.octets.subarray(at, at + octets),
        Buffer.of(0xee),
      ])
      assert.equal(Buffer.compare(arena.octets.subarray(to - 1, to + octets + 1), expected), 0)
    }),
  )
})

test('moves overlapping octets as if there were a copy between', () => {
  arena.octets.set([1, 2, 3, 4, 5], 0)
  work.copy(1, 0, 4)
  assert.deepEqual([...arena.octets.subarray(0, 5)], [1, 1, 2, 3, 4])
})

test('traps outside the arena', () => {
  assert.throws(() => work.sum(arena.octets.length - 1, 2), /out of bounds/)
  assert.throws(() => work.copy(arena.octets.length, 0, 1), /out of bounds/)
})

function scramble(at: number, octets: number, seed: number): void {
  let state = seed | 1
  for (let i = at; i < at + octets; i++) {
    state = Math.imul(state, 0x9e37_79b1) ^ (state >>> 15)
    arena.octets[i] = state
  }
}
