import type { EspTransform } from '#esp/transform'
import type { Arena } from './arena.ts'
import { allocateMemory } from './native.ts'
import { keyedCipher, noPacketAt, OpensslError } from './openssl-cipher.ts'
import type { OpensslFunctions } from './openssl-functions.ts'
import { SequenceGuard } from './sequence-guard.ts'

export type EncryptThenMacParameters = {
  /** OpenSSL's name of the cipher. */
  readonly cipher: string
  readonly mode: 'cbc' | 'ctr'
  readonly ivOctets: number
  readonly blockOctets: number
  /** OpenSSL's name of the hash under HMAC. */
  readonly digest: string
  readonly icvOctets: number
  readonly esn: boolean
  readonly direction: 'inbound' | 'outbound'
  readonly key: Uint8Array
  /** Nonce of the counter block (RFC 3686 §4); empty with CBC. */
  readonly salt: Uint8Array
  readonly integrityKey: Uint8Array
}

/**
 * AES-CBC (RFC 3602), 3DES-CBC (RFC 2451) or AES-CTR (RFC 3686) of one SA with a truncated HMAC over SPI, sequence, IV and
 * ciphertext; with ESN the high half follows them (RFC 4303 §2.2.1) and is not sent.
 *
 * The IV of CBC must not be foreseen by who chooses plaintext (RFC 3602 §3): it comes from OpenSSL's random generator, fetched for
 * many packets at once. The IV of CTR must only never repeat: it is the 64-bit sequence number.
 */
export class EncryptThenMacTransform implements EspTransform {
  readonly ivOctets: number
  readonly icvOctets: number
  readonly alignment: number

  readonly #openssl: OpensslFunctions
  readonly #arena: Arena
  /** Octets of the arena; -1 once freed, so that no packet fits any more. */
  #limit: number
  readonly #cipher: number
  readonly #mac: number
  readonly #mode: 'cbc' | 'ctr'
  readonly #blockOctets: number
  readonly #esn: boolean
  readonly #guard = new SequenceGuard()
  readonly #scratch = allocateMemory(SCRATCH_OCTETS)
  readonly #ivAt: number
  readonly #highAt: number
  readonly #lengthAt: number
  readonly #digestAt: number
  readonly #receivedAt: number
  readonly #randomAt: number
  #randomUsed = RANDOM_OCTETS

  constructor(openssl: OpensslFunctions, arena: Arena, parameters: EncryptThenMacParameters) {
    const { cipher, mode, direction, key, salt, digest, integrityKey } = parameters
    this.ivOctets = parameters.ivOctets
    this.icvOctets = parameters.icvOctets
    this.alignment = Math.max(4, parameters.blockOctets)
    this.#openssl = openssl
    this.#arena = arena
    this.#limit = arena.octets.length
    this.#mode = mode
    this.#blockOctets = parameters.blockOctets
    this.#esn = parameters.esn
    const { address, octets, view } = this.#scratch
    this.#ivAt = address + IV
    this.#highAt = address + HIGH
    this.#lengthAt = address + LENGTH
    this.#digestAt = address + DIGEST
    this.#receivedAt = address + RECEIVED
    this.#randomAt = address + RANDOM
    octets.set(salt, IV)
    // The block counter of CTR begins at one (RFC 3686 §4); with CBC the IV covers it.
    view.setUint32(IV + 12, 1)
    this.#mac = keyedHmac(openssl, digest, integrityKey)
    try {
      this.#cipher = keyedCipher(openssl, cipher, direction, key)
    } catch (error) {
      openssl.freeHmacContext(this.#mac)
      throw error
    }
  }

  seal(offset: number, length: number, sequenceHigh: number): void {
    const { view } = this.#arena
    const plain = this.#payloadOctets(offset, length)
    if (plain < 0) throw noPacketAt(offset, length)
    const high = this.#esn ? sequenceHigh : 0
    this.#guard.advance(high, view.getUint32(offset + 4))
    if (this.#mode === 'ctr') {
      view.setUint32(offset + 8, high)
      view.setUint32(offset + 12, view.getUint32(offset + 4))
    }
    if (this.#mode === 'cbc') this.#writeRandomIv(offset + HEADER_OCTETS)
    this.#takeIv(offset)

    const openssl = this.#openssl
    const payloadAt = this.#arena.addressOf(offset + HEADER_OCTETS + this.ivOctets, plain)
    const sealed =
      openssl.encryptInit(this.#cipher, 0, 0, 0, this.#ivAt) === 1 &&
      openssl.encryptUpdate(this.#cipher, payloadAt, this.#lengthAt, payloadAt, plain) === 1 &&
      this.#authenticate(offset, length, high)
    if (!sealed) throw new OpensslError('EVP_EncryptUpdate', 'an ESP packet')
    const digest = this.#scratch.view
    const icv = offset + length - this.icvOctets
    for (let i = 0; i < this.icvOctets; i += 4) {
      view.setUint32(icv + i, digest.getUint32(DIGEST + i))
    }
  }

  open(offset: number, length: number, sequenceHigh: number): boolean {
    const { view } = this.#arena
    const sealed = this.#payloadOctets(offset, length)
    if (sealed < 0 || !this.#authenticate(offset, length, sequenceHigh)) return false
    const received = this.#scratch.view
    const icv = offset + length - this.icvOctets
    for (let i = 0; i < this.icvOctets; i += 4) {
      received.setUint32(RECEIVED + i, view.getUint32(icv + i))
    }
    const openssl = this.#openssl
    if (openssl.compare(this.#digestAt, this.#receivedAt, this.icvOctets) !== 0) return false

    this.#takeIv(offset)
    const payloadAt = this.#arena.addressOf(offset + HEADER_OCTETS + this.ivOctets, sealed)
    return (
      openssl.decryptInit(this.#cipher, 0, 0, 0, this.#ivAt) === 1 &&
      openssl.decryptUpdate(this.#cipher, payloadAt, this.#lengthAt, payloadAt, sealed) === 1
    )
  }

  free(): void {
    if (this.#limit < 0) return
    this.#limit = -1
    this.#scratch.octets.fill(0)
    this.#openssl.freeCipherContext(this.#cipher)
    this.#openssl.freeHmacContext(this.#mac)
  }

  /** @returns -1 when no whole packet of this SA stands there: outside the arena, or not a whole number of blocks. */
  #payloadOctets(offset: number, length: number): number {
    const octets = length - HEADER_OCTETS - this.ivOctets - this.icvOctets
    if (offset < 0 || offset + length > this.#limit || octets % this.#blockOctets !== 0) return -1
    return octets
  }

  /** Leaves the whole digest in the scratch memory. */
  #authenticate(offset: number, length: number, sequenceHigh: number): boolean {
    const openssl = this.#openssl
    const packetAt = this.#arena.addressOf(offset, length)
    if (openssl.hmacInit(this.#mac, 0, 0, 0, 0) !== 1) return false
    if (openssl.hmacUpdate(this.#mac, packetAt, length - this.icvOctets) !== 1) return false
    if (this.#esn) {
      this.#scratch.view.setUint32(HIGH, sequenceHigh)
      if (openssl.hmacUpdate(this.#mac, this.#highAt, 4) !== 1) return false
    }
    return openssl.hmacFinal(this.#mac, this.#digestAt, this.#lengthAt) === 1
  }

  #writeRandomIv(at: number): void {
    const { view } = this.#arena
    if (this.#randomUsed + this.ivOctets > RANDOM_OCTETS) {
      if (this.#openssl.random(this.#randomAt, RANDOM_OCTETS) !== 1) {
        throw new OpensslError('RAND_bytes', 'the IVs of an SA')
      }
      this.#randomUsed = 0
    }
    const random = this.#scratch.view
    for (let i = 0; i < this.ivOctets; i += 4) {
      view.setUint32(at + i, random.getUint32(RANDOM + this.#randomUsed + i))
    }
    this.#randomUsed += this.ivOctets
  }

  #takeIv(offset: number): void {
    const { view } = this.#arena
    const iv = this.#scratch.view
    const to = this.#mode === 'ctr' ? IV + 4 : IV
    for (let i = 0; i < this.ivOctets; i += 4) {
      iv.setUint32(to + i, view.getUint32(offset + HEADER_OCTETS + i))
    }
  }
}

/** HMAC with its key in it; beginning the next message does not expand the key again. */
function keyedHmac(openssl: OpensslFunctions, digest: string, key: Uint8Array): number {
  const context = openssl.newHmacContext()
  if (context === 0) throw new OpensslError('HMAC_CTX_new', digest)
  const algorithm = openssl.digestByName(digest)
  if (algorithm === 0 || openssl.setHmacKey(context, key, key.length, algorithm, 0) !== 1) {
    openssl.freeHmacContext(context)
    throw new OpensslError('HMAC_Init_ex', digest)
  }
  return context
}

/** SPI and sequence. */
const HEADER_OCTETS = 8

const IV = 0
const HIGH = 16
const LENGTH = 24
const DIGEST = 32
const RECEIVED = 96
const RANDOM = 128
const RANDOM_OCTETS = 4096
const SCRATCH_OCTETS = RANDOM + RANDOM_OCTETS
