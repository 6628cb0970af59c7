import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { InboundState } from './inbound.ts'
import { Sad } from './sad.ts'

/** Scattered, so that many fall on the same place; half of them are negative as 32-bit integers. */
const spiOf = (n: number): number => Math.imul(n * n + 7, 0x85eb_ca6b) >>> 0
const state = (spi: number): InboundState => ({ spi }) as InboundState

test('finds what is there and nothing else, whatever came and went before', () => {
  const spi = fc.integer({ min: 1, max: 96 }).map(spiOf)
  const steps = fc.array(fc.record({ spi, insert: fc.boolean() }), { maxLength: 300, size: 'max' })
  fc.assert(
    fc.property(steps, (list) => {
      const sad = new Sad()
      const model = new Map<number, InboundState>()
      for (const step of list) {
        if (step.insert) {
          const one = state(step.spi)
          sad.insert(one)
          model.set(step.spi, one)
        } else {
          assert.equal(sad.remove(step.spi), model.get(step.spi))
          model.delete(step.spi)
        }
        assert.equal(sad.size, model.size)
      }
      for (let n = 1; n <= 96; n++) {
        const one = spiOf(n)
        assert.equal(sad.find(one), model.get(one))
      }
      assert.deepEqual(new Set(sad.list()), new Set(model.values()))
    }),
  )
})

test('no SA has the SPI 0', () => {
  assert.equal(new Sad().find(0), undefined)
  assert.equal(new Sad().remove(0), undefined)
})
