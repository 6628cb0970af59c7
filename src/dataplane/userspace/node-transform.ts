import {
  type CipherCCM,
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createHmac,
  type DecipherGCM,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'
import type { Secret } from '#bytes/secret'
import { type Encryption, encryption, type Integrity, integrity } from '#crypto/registry'
import type { EspTransform, EspTransformFactory, PacketArena } from '#esp/transform'
import type { EspSuite } from '#policy/proposal'
import { ESP_HEADER_OCTETS } from '#wire/esp'

/**
 * ESP transforms on `node:crypto`: right everywhere, several times slower than `platform/openssl.ts`, because every packet costs
 * a cipher object. It serves where the OpenSSL inside Node cannot be reached, and as the test's second opinion.
 */
export function nodeTransformFactory(arena: PacketArena): EspTransformFactory {
  return (_direction, suite, encryptionKey, integrityKey) => {
    const cipher = encryption(suite.encryption)
    const key = encryptionKey.reveal()
    if (key.length !== cipher.keyOctets + cipher.saltOctets) {
      throw new RangeError(
        `${suite.encryption} takes ${cipher.keyOctets + cipher.saltOctets} octets of key and salt, got ${key.length}`,
      )
    }
    if (cipher.aead) return new AeadTransform(arena, cipher, suite, encryptionKey)
    if (suite.integrity === 'none') {
      throw new RangeError(
        `${suite.encryption} without integrity protection is refused (RFC 8221 §6)`,
      )
    }
    const mac = integrity(suite.integrity)
    if (integrityKey.octetLength !== mac.keyOctets) {
      throw new RangeError(
        `${suite.integrity} takes ${mac.keyOctets} octets of key, got ${integrityKey.octetLength}`,
      )
    }
    return new CipherHmacTransform(arena, cipher, mac, suite, encryptionKey, integrityKey)
  }
}

/** AES-GCM (RFC 4106) and ChaCha20-Poly1305 (RFC 7634): nonce = salt | IV, AAD = SPI | sequence, with ESN all 64 bits. */
class AeadTransform implements EspTransform {
  readonly ivOctets: number
  readonly icvOctets: number
  readonly alignment = 4
  readonly #arena: PacketArena
  readonly #name: 'aes-256-gcm'
  readonly #key: Uint8Array
  readonly #nonce: Uint8Array
  readonly #aad: Uint8Array
  readonly #aadView: DataView

  constructor(arena: PacketArena, cipher: Encryption, suite: EspSuite, key: Secret) {
    this.#arena = arena
    this.ivOctets = cipher.ivOctets
    this.icvOctets = cipher.icvOctets
    this.#name = nodeName(cipher) as 'aes-256-gcm'
    this.#key = key.reveal().slice(0, cipher.keyOctets)
    this.#nonce = new Uint8Array(12)
    this.#nonce.set(key.reveal().subarray(cipher.keyOctets))
    this.#aad = new Uint8Array(suite.esn ? 12 : 8)
    this.#aadView = new DataView(this.#aad.buffer)
  }

  seal(offset: number, length: number, sequenceHigh: number): void {
    const { octets, view } = this.#arena
    const iv = offset + ESP_HEADER_OCTETS
    view.setUint32(iv, sequenceHigh)
    view.setUint32(iv + 4, view.getUint32(offset + 4))
    const cipher = createCipheriv(this.#name, this.#key, this.#nonceOf(iv), this.#options())
    const from = iv + this.ivOctets
    const icv = offset + length - this.icvOctets
    cipher.setAAD(this.#aadOf(offset, sequenceHigh), { plaintextLength: icv - from })
    octets.set(cipher.update(octets.slice(from, icv)), from)
    cipher.final()
    octets.set((cipher as CipherGCM | CipherCCM).getAuthTag().subarray(0, this.icvOctets), icv)
  }

  open(offset: number, length: number, sequenceHigh: number): boolean {
    const { octets } = this.#arena
    const iv = offset + ESP_HEADER_OCTETS
    const decipher = createDecipheriv(this.#name, this.#key, this.#nonceOf(iv), this.#options())
    const from = iv + this.ivOctets
    const icv = offset + length - this.icvOctets
    decipher.setAAD(this.#aadOf(offset, sequenceHigh), { plaintextLength: icv - from })
    ;(decipher as DecipherGCM).setAuthTag(octets.slice(icv, icv + this.icvOctets))
    const plain = decipher.update(octets.slice(from, icv))
    try {
      decipher.final()
    } catch {
      return false
    }
    octets.set(plain, from)
    return true
  }

  free(): void {
    this.#key.fill(0)
    this.#nonce.fill(0)
  }

  #options(): { authTagLength: number } {
    return { authTagLength: this.icvOctets }
  }

  #nonceOf(iv: number): Uint8Array {
    this.#nonce.set(this.#arena.octets.subarray(iv, iv + this.ivOctets), 12 - this.ivOctets)
    return this.#nonce
  }

  #aadOf(offset: number, sequenceHigh: number): Uint8Array {
    const { view } = this.#arena
    this.#aadView.setUint32(0, view.getUint32(offset))
    const low = view.getUint32(offset + 4)
    if (this.#aad.length === 8) {
      this.#aadView.setUint32(4, low)
      return this.#aad
    }
    this.#aadView.setUint32(4, sequenceHigh)
    this.#aadView.setUint32(8, low)
    return this.#aad
  }
}

/**
 * CBC (RFC 3602, RFC 2451) or CTR (RFC 3686), then HMAC over everything from the SPI on, with ESN also over the high half of the
 * sequence number, which is not sent (RFC 4303 §2.2.1).
 */
class CipherHmacTransform implements EspTransform {
  readonly ivOctets: number
  readonly icvOctets: number
  readonly alignment: number
  readonly #arena: PacketArena
  readonly #name: string
  readonly #key: Uint8Array
  /** CTR: salt | IV | block counter from 1 (RFC 3686 §4). */
  readonly #counterBlock: Uint8Array | undefined
  readonly #hash: string
  readonly #macKey: Uint8Array
  readonly #esn: boolean

  constructor(
    arena: PacketArena,
    cipher: Encryption,
    mac: Integrity,
    suite: EspSuite,
    key: Secret,
    macKey: Secret,
  ) {
    this.#arena = arena
    this.ivOctets = cipher.ivOctets
    this.icvOctets = mac.icvOctets
    this.alignment = Math.max(4, cipher.blockOctets)
    this.#name = nodeName(cipher)
    this.#key = key.reveal().slice(0, cipher.keyOctets)
    if (cipher.saltOctets > 0) {
      this.#counterBlock = new Uint8Array(16)
      this.#counterBlock.set(key.reveal().subarray(cipher.keyOctets))
      this.#counterBlock[15] = 1
    }
    this.#hash = mac.hash
    this.#macKey = macKey.reveal().slice()
    this.#esn = suite.esn
  }

  seal(offset: number, length: number, sequenceHigh: number): void {
    const { octets, view } = this.#arena
    const iv = offset + ESP_HEADER_OCTETS
    if (this.#counterBlock === undefined) {
      octets.set(randomFillSync(new Uint8Array(this.ivOctets)), iv)
    } else {
      view.setUint32(iv, sequenceHigh)
      view.setUint32(iv + 4, view.getUint32(offset + 4))
    }
    const from = iv + this.ivOctets
    const icv = offset + length - this.icvOctets
    const cipher = createCipheriv(this.#name, this.#key, this.#initialBlock(iv))
    cipher.setAutoPadding(false)
    octets.set(cipher.update(octets.slice(from, icv)), from)
    cipher.final()
    octets.set(this.#icv(offset, icv, sequenceHigh), icv)
  }

  open(offset: number, length: number, sequenceHigh: number): boolean {
    const { octets } = this.#arena
    const icv = offset + length - this.icvOctets
    const received = octets.slice(icv, icv + this.icvOctets)
    if (!timingSafeEqual(received, this.#icv(offset, icv, sequenceHigh))) return false
    const iv = offset + ESP_HEADER_OCTETS
    const from = iv + this.ivOctets
    const decipher = createDecipheriv(this.#name, this.#key, this.#initialBlock(iv))
    decipher.setAutoPadding(false)
    octets.set(decipher.update(octets.slice(from, icv)), from)
    decipher.final()
    return true
  }

  free(): void {
    this.#key.fill(0)
    this.#macKey.fill(0)
    this.#counterBlock?.fill(0)
  }

  #initialBlock(iv: number): Uint8Array {
    const sent = this.#arena.octets.slice(iv, iv + this.ivOctets)
    if (this.#counterBlock === undefined) return sent
    this.#counterBlock.set(sent, 4)
    return this.#counterBlock
  }

  #icv(offset: number, end: number, sequenceHigh: number): Uint8Array {
    const mac = createHmac(this.#hash, this.#macKey)
    mac.update(this.#arena.octets.slice(offset, end))
    if (this.#esn) {
      const high = new Uint8Array(4)
      new DataView(high.buffer).setUint32(0, sequenceHigh)
      mac.update(high)
    }
    return mac.digest().subarray(0, this.icvOctets)
  }
}

/** OpenSSL's name of a cipher. */
function nodeName({ name, keyOctets }: Encryption): string {
  if (name === 'chacha20poly1305') return 'chacha20-poly1305'
  if (name === '3des-cbc') return 'des-ede3-cbc'
  const mode = name.slice(name.indexOf('-') + 1, name.indexOf('-') + 4)
  return `aes-${keyOctets * 8}-${mode}`
}
