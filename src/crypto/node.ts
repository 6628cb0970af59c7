import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
} from 'node:crypto'
import type { Crypto } from './port.ts'
import type { EncryptionName } from './registry.ts'

/** The OpenSSL inside Node. */
export const nodeCrypto: Crypto = {
  random: (octets) => plain(randomBytes(octets)),

  hash(hash, ...data) {
    const digest = createHash(hash)
    for (const part of data) digest.update(part)
    return plain(digest.digest())
  },

  hmac(hash, key, ...data) {
    const code = createHmac(hash, key)
    for (const part of data) code.update(part)
    return plain(code.digest())
  },

  encryptCbc: (cipher, key, iv, text) => finish(createCipheriv(opensslName(cipher), key, iv), text),

  decryptCbc: (cipher, key, iv, sealed) =>
    finish(createDecipheriv(opensslName(cipher), key, iv), sealed),
}

function finish(
  cipher: Pick<Cipheriv, 'setAutoPadding' | 'update' | 'final'>,
  data: Uint8Array,
): Uint8Array {
  cipher.setAutoPadding(false)
  const done = cipher.update(data)
  cipher.final()
  return plain(done)
}

function opensslName(cipher: EncryptionName): string {
  const name = opensslNames[cipher]
  if (name === undefined) throw new TypeError(`${cipher} is not a CBC cipher`)
  return name
}

/** The same octets without Buffer's other methods, so that values compare and print alike wherever they come from. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

const opensslNames: Partial<Record<EncryptionName, string>> = {
  'aes128-cbc': 'aes-128-cbc',
  'aes192-cbc': 'aes-192-cbc',
  'aes256-cbc': 'aes-256-cbc',
  '3des-cbc': 'des-ede3-cbc',
}
