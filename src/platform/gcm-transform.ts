import type { EspTransform } from '#esp/transform'
import type { Arena } from './arena.ts'
import { allocateMemory, writePointer } from './native.ts'
import { keyedCipher, noPacketAt, OpensslError } from './openssl-cipher.ts'
import type { OpensslFunctions } from './openssl-functions.ts'
import { SequenceGuard } from './sequence-guard.ts'

export type GcmParameters = {
  /** OpenSSL's name of the cipher. */
  readonly cipher: string
  readonly icvOctets: number
  readonly esn: boolean
  readonly direction: 'inbound' | 'outbound'
  readonly key: Uint8Array
  /** Four octets in front of the IV of every packet. */
  readonly salt: Uint8Array
}

/**
 * AES-GCM (RFC 4106) of one SA. The explicit IV is the 64-bit sequence number, which
 * repeats under no key; the associated data is SPI | sequence, with ESN SPI | high half | low half (RFC 4106 §5).
 */
export class GcmTransform implements EspTransform {
  readonly ivOctets: number = IV_OCTETS
  readonly icvOctets: number
  readonly alignment: number = 4

  readonly #openssl: OpensslFunctions
  readonly #arena: Arena
  /** Octets of the arena; -1 once freed, so that no packet fits any more. */
  #limit: number
  readonly #context: number
  readonly #esn: boolean
  readonly #guard = new SequenceGuard()
  readonly #scratch = allocateMemory(SCRATCH_OCTETS)
  readonly #nonceAt: number
  readonly #dataAt: number
  readonly #dataOctets: number
  /** Arrays of OSSL_PARAM: the IV of the next packet; the ICV before it. */
  readonly #ivParameterAt: number
  readonly #bothParametersAt: number

  constructor(openssl: OpensslFunctions, arena: Arena, parameters: GcmParameters) {
    const { cipher, icvOctets, esn, direction, key, salt } = parameters
    this.icvOctets = icvOctets
    this.#openssl = openssl
    this.#arena = arena
    this.#limit = arena.octets.length
    this.#esn = esn
    this.#dataOctets = esn ? 12 : 8
    const { address, octets, words } = this.#scratch
    this.#nonceAt = address + NONCE
    this.#dataAt = address + DATA
    octets.set(TAG_NAME, NAME)
    octets.set(direction === 'outbound' ? NEXT_IV_NAME : IV_NAME, NAME + 8)
    const parameter = (at: number, name: number, data: number, size: number): void => {
      writePointer(words, at, address + name)
      words[(at + 8) >> 2] = OSSL_PARAM_OCTET_STRING
      writePointer(words, at + 16, address + data)
      writePointer(words, at + 24, size)
    }
    parameter(TAG_AND_IV, NAME, TAG, icvOctets)
    const iv = direction === 'outbound' ? NEXT_IV : NONCE + 4
    parameter(TAG_AND_IV + PARAMETER_OCTETS, NAME + 8, iv, IV_OCTETS)
    this.#ivParameterAt = address + TAG_AND_IV + PARAMETER_OCTETS
    this.#bothParametersAt = address + TAG_AND_IV
    octets.set(salt, NONCE)
    this.#context = keyedCipher(openssl, cipher, direction, key)
    if (!this.#setWholeIv()) throw this.#refused(cipher)
  }

  seal(offset: number, length: number, sequenceHigh: number): void {
    const { view } = this.#arena
    const plain = length - HEADER_OCTETS - IV_OCTETS - this.icvOctets
    if (plain < 0 || offset < 0 || offset + length > this.#limit) throw noPacketAt(offset, length)
    const high = this.#esn ? sequenceHigh : 0
    this.#guard.advance(high, view.getUint32(offset + 4))
    view.setUint32(offset + 8, high)
    view.setUint32(offset + 12, view.getUint32(offset + 4))
    this.#prepare(offset, high)

    const openssl = this.#openssl
    const context = this.#context
    const payloadAt = this.#arena.addressOf(offset + HEADER_OCTETS + IV_OCTETS, plain)
    const sealed =
      this.#takeGeneratedIv(high, view.getUint32(offset + 4)) &&
      openssl.cipher(context, 0, this.#dataAt, this.#dataOctets) >= 0 &&
      openssl.cipher(context, payloadAt, payloadAt, plain) >= 0 &&
      openssl.cipher(context, 0, 0, 0) >= 0 &&
      openssl.getParameters(context, this.#bothParametersAt) === 1
    if (!sealed) throw new OpensslError('EVP_Cipher', 'an ESP packet')
    const tag = this.#scratch.view
    const icv = offset + length - this.icvOctets
    for (let i = 0; i < this.icvOctets; i += 4) view.setUint32(icv + i, tag.getUint32(TAG + i))
  }

  open(offset: number, length: number, sequenceHigh: number): boolean {
    const { view } = this.#arena
    const sealed = length - HEADER_OCTETS - IV_OCTETS - this.icvOctets
    if (sealed < 0 || offset < 0 || offset + length > this.#limit) return false
    this.#prepare(offset, sequenceHigh)
    const tag = this.#scratch.view
    const icv = offset + length - this.icvOctets
    for (let i = 0; i < this.icvOctets; i += 4) tag.setUint32(TAG + i, view.getUint32(icv + i))

    const openssl = this.#openssl
    const context = this.#context
    const payloadAt = this.#arena.addressOf(offset + HEADER_OCTETS + IV_OCTETS, sealed)
    return (
      openssl.setParameters(context, this.#bothParametersAt) === 1 &&
      openssl.cipher(context, 0, this.#dataAt, this.#dataOctets) >= 0 &&
      openssl.cipher(context, payloadAt, payloadAt, sealed) >= 0 &&
      openssl.cipher(context, 0, 0, 0) >= 0
    )
  }

  /**
   * AES-GCM counts its IV up by itself, and tells the next one together with the ICV of this one: one call less for each packet. The
   * first packet, and one whose number does not follow the last, sets where it counts from. What OpenSSL made for TLS serves here too.
   */
  #takeGeneratedIv(high: number, low: number): boolean {
    const { view } = this.#scratch
    if (view.getUint32(NEXT_IV) === high && view.getUint32(NEXT_IV + 4) === low) return true
    return (
      this.#setWholeIv() && this.#openssl.getParameters(this.#context, this.#ivParameterAt) === 1
    )
  }

  #setWholeIv(): boolean {
    const openssl = this.#openssl
    return openssl.control(this.#context, EVP_CTRL_GCM_SET_IV_FIXED, WHOLE_IV, this.#nonceAt) === 1
  }

  free(): void {
    if (this.#limit < 0) return
    this.#limit = -1
    this.#scratch.octets.fill(0)
    this.#openssl.freeCipherContext(this.#context)
  }

  #refused(cipher: string): OpensslError {
    this.free()
    return new OpensslError('EVP_CIPHER_CTX_ctrl', cipher)
  }

  /** Nonce: salt | IV of the packet. Associated data from its header. */
  #prepare(offset: number, sequenceHigh: number): void {
    const packet = this.#arena.view
    const { view } = this.#scratch
    view.setUint32(NONCE + 4, packet.getUint32(offset + 8))
    view.setUint32(NONCE + 8, packet.getUint32(offset + 12))
    view.setUint32(DATA, packet.getUint32(offset))
    if (this.#esn) view.setUint32(DATA + 4, sequenceHigh)
    view.setUint32(DATA + this.#dataOctets - 4, packet.getUint32(offset + 4))
  }
}

/** SPI and sequence. */
const HEADER_OCTETS = 8
const IV_OCTETS = 8
/** Names of parameters (OSSL_CIPHER_PARAM_AEAD_TAG, …_TLS1_GET_IV_GEN, …_TLS1_SET_IV_INV), with their ends. */
const TAG_NAME = new TextEncoder().encode('tag\0')
const NEXT_IV_NAME = new TextEncoder().encode('tlsivgen\0')
const IV_NAME = new TextEncoder().encode('tlsivinv\0')
const OSSL_PARAM_OCTET_STRING = 5
/** Sets the fixed part of the IV; with this length all of it (EVP_EncryptInit(3)). */
const EVP_CTRL_GCM_SET_IV_FIXED = 0x12
const WHOLE_IV = -1

const NONCE = 0
const DATA = 16
const NEXT_IV = 32
const TAG = 40
const NAME = 56
// `struct ossl_param_st`: name 0, type 8, data 16, size 24, size returned 32. One that is all zero ends an array.
const PARAMETER_OCTETS = 40
const TAG_AND_IV = 80
const SCRATCH_OCTETS = TAG_AND_IV + 3 * PARAMETER_OCTETS
