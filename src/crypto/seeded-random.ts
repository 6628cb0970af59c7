/** A stream of uniform 32-bit numbers. */
export type Random32 = () => number

/**
 * Repeatable numbers for tests and simulation, never for keys that matter: a Weyl sequence stepped by the golden ratio, each
 * step mixed by two multiplications so that near seeds give unlike streams.
 */
export function seededRandom(seed: number): Random32 {
  let state = mix(seed >>> 0) ^ (Math.floor(seed / 2 ** 32) >>> 0)
  return () => {
    state = (state + 0x9e37_79b9) >>> 0
    return mix(state)
  }
}

export function randomOctets(next: Random32, count: number): Uint8Array {
  const octets = new Uint8Array(count)
  for (let at = 0; at < count; at += 4) {
    const word = next()
    for (let i = 0; i < 4 && at + i < count; i++) octets[at + i] = word >>> (8 * i)
  }
  return octets
}

function mix(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb_352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846c_a68b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
