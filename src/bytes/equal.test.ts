import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from './concat.ts'
import { equalOctets, equalSecret } from './equal.ts'

for (const equal of [equalOctets, equalSecret]) {
  test(`${equal.name} holds for a copy`, () => {
    fc.assert(fc.property(fc.uint8Array(), (a) => assert.equal(equal(a, a.slice()), true)))
  })

  test(`${equal.name} sees one flipped bit anywhere`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.nat(7), (a, at, bit) => {
        const b = a.slice()
        b[at % b.length]! ^= 1 << bit
        assert.equal(equal(a, b), false)
      }),
    )
  })

  test(`${equal.name} does not hold for a prefix`, () => {
    assert.equal(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)), false)
    assert.equal(equal(new Uint8Array(0), new Uint8Array(1)), false)
  })
}

test('concat joins in order into an array of its own', () => {
  const part = Uint8Array.of(1, 2)
  const whole = concat(part, new Uint8Array(0), Uint8Array.of(3))
  part[0] = 9
  assert.deepEqual(whole, Uint8Array.of(1, 2, 3))
  assert.deepEqual(concat(), new Uint8Array(0))
})
