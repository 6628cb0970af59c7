import { CHACHA_STATE, type ChachaPoly, PublicChachaPoly } from './chacha-poly.ts'
import { allocateMemory, type NativeMemory, program } from './native.ts'
import type { OpensslFunctions } from './openssl-functions.ts'

/**
 * The functions under EVP, which the OpenSSL inside Node does not hide: a fifth less for a packet of 1,400 octets. OpenSSL
 * documents none of them, so they serve only in the major version they are known in, and only after they did what the documented ones
 * do. A library that is shared with others hides them.
 */
export function chachaPoly(
  openssl: OpensslFunctions,
  key: Uint8Array,
  state: NativeMemory,
): ChachaPoly {
  if (internals === 'untried') internals = usable(openssl)
  if (internals === undefined) return new PublicChachaPoly(openssl, key, state)
  return new InternalChachaPoly(internals, key, state)
}

/** @returns undefined where they are hidden or not as expected */
export function usable(openssl: OpensslFunctions): Internals | undefined {
  if (process.versions.openssl?.startsWith('3.') !== true) return undefined
  let functions: Internals
  try {
    functions = load()
  } catch {
    return undefined
  }
  return agrees(functions, openssl) ? functions : undefined
}

/** By the functions under EVP. @param state `CHACHA_STATE.octets` at least, which the caller wipes */
export class InternalChachaPoly implements ChachaPoly {
  readonly #functions: Internals
  readonly #state: NativeMemory
  readonly #key = allocateMemory(KEY_OCTETS)
  readonly #mac: NativeMemory
  // Addresses as they are passed: reading them from an object in an object costs more.
  readonly #counterAt: number
  readonly #oneTimeKeyAt: number
  readonly #icvAt: number
  readonly #keyAt: number
  readonly #macAt: number

  constructor(functions: Internals, key: Uint8Array, state: NativeMemory) {
    this.#functions = functions
    this.#state = state
    this.#key.octets.set(key)
    this.#mac = allocateMemory(functions.macOctets())
    this.#counterAt = state.address + CHACHA_STATE.counter
    this.#oneTimeKeyAt = state.address + CHACHA_STATE.oneTimeKey
    this.#icvAt = state.address + CHACHA_STATE.icv
    this.#keyAt = this.#key.address
    this.#macAt = this.#mac.address
  }

  begin(): boolean {
    this.#state.words[CHACHA_STATE.counter >> 2] = 0
    const to = this.#oneTimeKeyAt
    this.#functions.chacha(to, ZEROS.address, BLOCK_OCTETS, this.#keyAt, this.#counterAt)
    return true
  }

  stream(at: number, octets: number): boolean {
    this.#state.words[CHACHA_STATE.counter >> 2] = 1
    this.#functions.chacha(at, at, octets, this.#keyAt, this.#counterAt)
    return true
  }

  authenticate(at: number, octets: number): boolean {
    const { macInit, macUpdate, macFinal } = this.#functions
    macInit(this.#macAt, this.#oneTimeKeyAt)
    macUpdate(this.#macAt, at, octets)
    macFinal(this.#macAt, this.#icvAt)
    return true
  }

  free(): void {
    this.#key.octets.fill(0)
    this.#mac.octets.fill(0)
  }
}

export type Internals = {
  readonly chacha: (
    out: number,
    input: number,
    octets: number,
    key: number,
    counter: number,
  ) => void
  readonly macOctets: () => number
  readonly macInit: (context: number, key: number) => void
  readonly macUpdate: (context: number, data: number, octets: number) => void
  readonly macFinal: (context: number, out: number) => void
}

let internals: Internals | undefined | 'untried' = 'untried'

function load(): Internals {
  return {
    chacha: program.func(
      'void ChaCha20_ctr32(uint64_t out, uint64_t in, size_t n, uint64_t key, uint64_t counter)',
    ),
    macOctets: program.func('size_t Poly1305_ctx_size()'),
    macInit: program.func('void Poly1305_Init(uint64_t c, uint64_t key)'),
    macUpdate: program.func('void Poly1305_Update(uint64_t c, uint64_t data, size_t n)'),
    macFinal: program.func('void Poly1305_Final(uint64_t c, uint64_t out)'),
  }
}

/** Lengths on both sides of where the implementations for this processor begin to differ. */
const TRIED = [4, 64, 252, 516, 1400, 2100] as const

function agrees(functions: Internals, openssl: OpensslFunctions): boolean {
  const key = Uint8Array.from({ length: KEY_OCTETS }, (_, i) => i * 7)
  const states = [allocateMemory(CHACHA_STATE.octets), allocateMemory(CHACHA_STATE.octets)] as const
  for (const { octets } of states) octets.fill(9, CHACHA_STATE.nonce, CHACHA_STATE.oneTimeKey)
  const ways = [
    new PublicChachaPoly(openssl, key, states[0]),
    new InternalChachaPoly(functions, key, states[1]),
  ]
  const data = allocateMemory(2112)
  try {
    return TRIED.every((length) => {
      const [one, other] = ways.map((way, index) => {
        data.octets.fill(length)
        const done =
          way.begin() &&
          way.stream(data.address, length) &&
          way.authenticate(data.address, Math.ceil(length / 16) * 16)
        const state = states[index]?.octets.subarray(CHACHA_STATE.oneTimeKey)
        return done && state !== undefined ? Buffer.concat([data.octets, state]) : undefined
      })
      return one !== undefined && other !== undefined && one.equals(other)
    })
  } finally {
    for (const way of ways) way.free()
  }
}

const KEY_OCTETS = 32
const BLOCK_OCTETS = 64
const ZEROS = allocateMemory(BLOCK_OCTETS)
