import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { allocateArena, arenaOver } from './arena.ts'

describe('packet arena', () => {
  it('rounds up to whole pages and starts empty', () => {
    const arena = allocateArena(5000)
    assert.equal(arena.octets.length, 8192)
    assert.ok(arena.octets.every((octet) => octet === 0))
  })

  it('gives the address of every offset, the same value each time', () => {
    const arena = allocateArena(8192)
    for (const offset of [0, 1, 4095, 4096, 8191]) {
      assert.equal(arena.addressOf(offset, 1), arena.address + offset)
      assert.equal(arena.addressOf(offset, 0), arena.addressOf(offset, 1))
    }
  })

  it('refuses offsets outside itself', () => {
    const arena = allocateArena(4096)
    for (const offset of [-1, 4096, 0.5, Number.NaN, 2 ** 32]) {
      assert.throws(() => arena.addressOf(offset, 0), RangeError)
    }
  })

  it('refuses to let native code touch octets behind its end', () => {
    const arena = allocateArena(4096)
    assert.equal(arena.addressOf(4000, 96), arena.address + 4000)
    for (const octets of [97, -1, Number.NaN, 2 ** 32]) {
      assert.throws(() => arena.addressOf(4000, octets), RangeError)
    }
  })

  it('is one memory for all who look at its buffer', () => {
    const arena = allocateArena(4096)
    const again = arenaOver(arena.octets.buffer as SharedArrayBuffer)
    assert.equal(again.address, arena.address)
    again.view.setUint8(7, 9)
    assert.equal(arena.octets[7], 9)
  })
})
