import { allocateMemory, type NativeMemory } from './native.ts'
import { keyedCipher, OpensslError } from './openssl-cipher.ts'
import type { OpensslFunctions } from './openssl-functions.ts'

/**
 * ChaCha20 and Poly1305 of one key, apart (RFC 8439 §2.4, §2.5). OpenSSL's AEAD gives associated data, payload and lengths to
 * Poly1305 one after the other, and each short stretch costs most of what 1,400 octets do; laid out behind each other they are one.
 */
export interface ChachaPoly {
  /** Makes the key of Poly1305 from the nonce in the state (RFC 8439 §2.6). */
  begin(): boolean
  /** Encrypts or decrypts in place, from block one on; once after `begin`. */
  stream(at: number, octets: number): boolean
  /** Writes Poly1305 over `octets` at `at` into the state. */
  authenticate(at: number, octets: number): boolean
  free(): void
}

/** What both sides work on: block counter, nonce, the first 64 octets of its key stream, ICV. */
export const CHACHA_STATE = {
  counter: 0,
  nonce: 4,
  oneTimeKey: 16,
  icv: 80,
  octets: 96,
} as const

/** By OpenSSL's documented functions. @param state `CHACHA_STATE.octets` at least, which the caller wipes */
export class PublicChachaPoly implements ChachaPoly {
  readonly #openssl: OpensslFunctions
  readonly #cipher: number
  readonly #mac: number
  readonly #counterAt: number
  readonly #keyAt: number
  readonly #icvAt: number

  constructor(openssl: OpensslFunctions, key: Uint8Array, state: NativeMemory) {
    const { address } = state
    this.#openssl = openssl
    this.#counterAt = address + CHACHA_STATE.counter
    this.#keyAt = address + CHACHA_STATE.oneTimeKey
    this.#icvAt = address + CHACHA_STATE.icv
    this.#mac = openssl.newMacContext(poly1305(openssl))
    if (this.#mac === 0) throw new OpensslError('EVP_MAC_CTX_new', 'POLY1305')
    try {
      // A stream cipher: to decrypt is to encrypt.
      this.#cipher = keyedCipher(openssl, 'ChaCha20', 'outbound', key)
    } catch (error) {
      openssl.freeMacContext(this.#mac)
      throw error
    }
  }

  begin(): boolean {
    const { encryptInitWith, cipher } = this.#openssl
    return (
      encryptInitWith(this.#cipher, 0, 0, this.#counterAt, 0) === 1 &&
      cipher(this.#cipher, this.#keyAt, ZEROS.address, BLOCK_OCTETS) >= 0
    )
  }

  stream(at: number, octets: number): boolean {
    return this.#openssl.cipher(this.#cipher, at, at, octets) >= 0
  }

  authenticate(at: number, octets: number): boolean {
    const { macInit, macUpdate, macFinal } = this.#openssl
    return (
      macInit(this.#mac, this.#keyAt, POLY1305_KEY_OCTETS, 0) === 1 &&
      macUpdate(this.#mac, at, octets) === 1 &&
      macFinal(this.#mac, this.#icvAt, 0, ICV_OCTETS) === 1
    )
  }

  free(): void {
    this.#openssl.freeCipherContext(this.#cipher)
    this.#openssl.freeMacContext(this.#mac)
  }
}

/** Fetched once for the life of the process. */
function poly1305(openssl: OpensslFunctions): number {
  fetchedMac ??= openssl.fetchMac(0, 'POLY1305', null)
  if (fetchedMac === 0) throw new OpensslError('EVP_MAC_fetch', 'POLY1305')
  return fetchedMac
}

let fetchedMac: number | undefined

const BLOCK_OCTETS = 64
const POLY1305_KEY_OCTETS = 32
const ICV_OCTETS = 16
const ZEROS = allocateMemory(BLOCK_OCTETS)
