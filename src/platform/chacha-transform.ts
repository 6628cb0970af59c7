import type { EspTransform } from '#esp/transform'
import type { Arena } from './arena.ts'
import { chachaPoly } from './chacha-internals.ts'
import { CHACHA_STATE, type ChachaPoly } from './chacha-poly.ts'
import { allocateMemory } from './native.ts'
import { noPacketAt, OpensslError } from './openssl-cipher.ts'
import type { OpensslFunctions } from './openssl-functions.ts'
import { SequenceGuard } from './sequence-guard.ts'

export type ChachaParameters = {
  /** ChaCha20 and Poly1305; by default the fastest there is. */
  readonly poly?: typeof chachaPoly
  readonly esn: boolean
  readonly key: Uint8Array
  /** Four octets in front of the IV of every packet. */
  readonly salt: Uint8Array
}

/**
 * ChaCha20-Poly1305 (RFC 7634) of one SA. The IV is the 64-bit sequence number, which repeats under no key.
 *
 * Poly1305 is over associated data, payload and their lengths, each filled up to 16 octets (RFC 8439 §2.8). While it is computed,
 * the first stand in place of SPI, sequence and IV, which are as long, and the last in place of the ICV and up to 12 octets behind
 * it; all is put back.
 */
export class ChachaTransform implements EspTransform {
  readonly ivOctets: number = IV_OCTETS
  readonly icvOctets: number = ICV_OCTETS
  readonly alignment: number = 4

  readonly #openssl: OpensslFunctions
  readonly #arena: Arena
  /** Octets of the arena that packets may fill; -1 once freed, so that no packet fits any more. */
  #limit: number
  readonly #esn: boolean
  readonly #guard = new SequenceGuard()
  readonly #scratch = allocateMemory(SCRATCH_OCTETS)
  readonly #icvAt: number
  readonly #receivedAt: number
  readonly #work: ChachaPoly

  constructor(
    openssl: OpensslFunctions,
    arena: Arena,
    { esn, key, salt, poly = chachaPoly }: ChachaParameters,
  ) {
    this.#openssl = openssl
    this.#arena = arena
    this.#limit = arena.octets.length - MOST_FILL
    this.#esn = esn
    const { address, octets } = this.#scratch
    this.#icvAt = address + CHACHA_STATE.icv
    this.#receivedAt = address + RECEIVED
    octets.set(salt, CHACHA_STATE.nonce)
    this.#work = poly(openssl, key, this.#scratch)
  }

  seal(offset: number, length: number, sequenceHigh: number): void {
    const plain = this.#payloadOctets(offset, length)
    if (plain < 0) throw noPacketAt(offset, length)
    const { view } = this.#arena
    const high = this.#esn ? sequenceHigh : 0
    const low = view.getUint32(offset + 4)
    this.#guard.advance(high, low)
    view.setUint32(offset + 8, high)
    view.setUint32(offset + 12, low)
    this.#takeNonce(offset)

    const payloadAt = this.#arena.addressOf(offset + HEAD_OCTETS, plain)
    const sealed =
      this.#work.begin() &&
      (plain === 0 || this.#work.stream(payloadAt, plain)) &&
      this.#authenticate(offset, plain, high)
    if (!sealed) throw new OpensslError('EVP_Cipher', 'an ESP packet')
    const { view: scratch } = this.#scratch
    const icv = offset + HEAD_OCTETS + plain
    for (let i = 0; i < ICV_OCTETS; i += 4) {
      view.setUint32(icv + i, scratch.getUint32(CHACHA_STATE.icv + i))
    }
  }

  open(offset: number, length: number, sequenceHigh: number): boolean {
    const sealed = this.#payloadOctets(offset, length)
    if (sealed < 0) return false
    const { view } = this.#arena
    const { view: scratch } = this.#scratch
    const icv = offset + HEAD_OCTETS + sealed
    for (let i = 0; i < ICV_OCTETS; i += 4) {
      scratch.setUint32(RECEIVED + i, view.getUint32(icv + i))
    }
    this.#takeNonce(offset)
    if (!this.#work.begin() || !this.#authenticate(offset, sealed, sequenceHigh)) return false
    for (let i = 0; i < ICV_OCTETS; i += 4) {
      view.setUint32(icv + i, scratch.getUint32(RECEIVED + i))
    }
    if (this.#openssl.compare(this.#icvAt, this.#receivedAt, ICV_OCTETS) !== 0) return false
    return (
      sealed === 0 || this.#work.stream(this.#arena.addressOf(offset + HEAD_OCTETS, sealed), sealed)
    )
  }

  free(): void {
    if (this.#limit < 0) return
    this.#limit = -1
    this.#work.free()
    this.#scratch.octets.fill(0)
  }

  /** @returns -1 when no whole packet of this SA stands there: outside the arena, or not aligned (RFC 4303 §2.4). */
  #payloadOctets(offset: number, length: number): number {
    const octets = length - HEAD_OCTETS - ICV_OCTETS
    if (offset < 0 || offset + length > this.#limit || octets % this.alignment !== 0) return -1
    return octets
  }

  #takeNonce(offset: number): void {
    const { view } = this.#arena
    const nonce = this.#scratch.view
    nonce.setUint32(CHACHA_STATE.nonce + 4, view.getUint32(offset + 8))
    nonce.setUint32(CHACHA_STATE.nonce + 8, view.getUint32(offset + 12))
  }

  /** Leaves the ICV in the scratch memory, and in its own place what is to be written over. */
  #authenticate(offset: number, payload: number, sequenceHigh: number): boolean {
    const { view } = this.#arena
    const { view: scratch } = this.#scratch
    const end = offset + HEAD_OCTETS + payload
    const fill = -payload & 15
    // What follows the packet may be the next one.
    for (let i = 0; i < fill; i += 4) {
      scratch.setUint32(FOLLOWING + i, view.getUint32(end + ICV_OCTETS + i))
      view.setUint32(end + i, 0)
    }
    view.setUint32(end + fill, this.#esn ? 12 : 8, true)
    view.setUint32(end + fill + 4, 0)
    view.setUint32(end + fill + 8, payload, true)
    view.setUint32(end + fill + 12, 0)
    const low = view.getUint32(offset + 4)
    const ivHigh = view.getUint32(offset + 8)
    const ivLow = view.getUint32(offset + 12)
    if (this.#esn) view.setUint32(offset + 4, sequenceHigh)
    view.setUint32(offset + 8, this.#esn ? low : 0)
    view.setUint32(offset + 12, 0)

    const octets = HEAD_OCTETS + payload + fill + LENGTHS_OCTETS
    const done = this.#work.authenticate(this.#arena.addressOf(offset, octets), octets)

    view.setUint32(offset + 4, low)
    view.setUint32(offset + 8, ivHigh)
    view.setUint32(offset + 12, ivLow)
    for (let i = 0; i < fill; i += 4) {
      view.setUint32(end + ICV_OCTETS + i, scratch.getUint32(FOLLOWING + i))
    }
    return done
  }
}

const IV_OCTETS = 8
/** SPI, sequence and IV: as long as the associated data filled up. */
const HEAD_OCTETS = 8 + IV_OCTETS
const ICV_OCTETS = 16
const LENGTHS_OCTETS = 16
/** Octets behind a packet that its payload filled up and the lengths can reach. */
const MOST_FILL = 12

const RECEIVED = CHACHA_STATE.octets
const FOLLOWING = RECEIVED + ICV_OCTETS
const SCRATCH_OCTETS = FOLLOWING + 16
