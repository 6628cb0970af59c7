import assert from 'node:assert/strict'
import { checkPrimeSync } from 'node:crypto'
import { test } from 'node:test'
import { modpGroup, powerModulo } from './key-agreement.ts'
import type { ModpName } from './modp-primes.ts'

// RFC 2409 §6.2 and RFC 3526 §2 to §7: 2^n - 2^(n-64) - 1 + 2^64 * ( [2^(n-130) pi] + k )
for (const [name, bits, k] of [
  ['modp1024', 1024, 129_093n],
  ['modp1536', 1536, 741_804n],
  ['modp2048', 2048, 124_476n],
  ['modp3072', 3072, 1_690_314n],
  ['modp4096', 4096, 240_904n],
  ['modp6144', 6144, 929_484n],
  ['modp8192', 8192, 4_743_158n],
] as const) {
  test(`the prime of ${name} is the one its RFC makes from pi`, () => {
    const n = BigInt(bits)
    const made =
      2n ** n - 2n ** (n - 64n) - 1n + 2n ** 64n * ((PI_8200 >> (8200n - (n - 130n))) + k)
    assert.equal(modpGroup(name).prime, made)
    assert.equal(modpGroup(name).generator, 2n)
  })
}

test('2 generates the subgroup of prime order (p - 1) / 2 in modp2048', () => {
  const { prime, generator } = modpGroup('modp2048')
  assert.equal(powerModulo(generator, (prime - 1n) / 2n, prime), 1n)
})

for (const name of ['modp1024s160', 'modp2048s224', 'modp2048s256'] as const satisfies ModpName[]) {
  test(`the generator of ${name} has the prime order that RFC 5114 §2 gives`, () => {
    const { prime, generator, order } = modpGroup(name)
    assert.ok(order)
    assert.equal(checkPrimeSync(prime, { checks: 4 }), true)
    assert.equal(checkPrimeSync(order, { checks: 4 }), true)
    assert.equal((prime - 1n) % order, 0n)
    assert.equal(powerModulo(generator, order, prime), 1n)
    assert.notEqual(generator, 1n)
  })
}

/** Floor of 2^8200 pi, by Machin's formula with 64 bits to spare. */
const PI_8200: bigint = (() => {
  const one = 1n << 8264n
  return (4n * (4n * arctanOfInverse(5n, one) - arctanOfInverse(239n, one))) >> 64n
})()

/** arctan(1/x) as a multiple of 1/one: 1/x - 1/3x³ + 1/5x⁵ … */
function arctanOfInverse(x: bigint, one: bigint): bigint {
  let power = one / x
  let sum = power
  for (let odd = 3n, sign = -1n; power !== 0n; odd += 2n, sign = -sign) {
    power /= x * x
    sum += (sign * power) / odd
  }
  return sum
}
