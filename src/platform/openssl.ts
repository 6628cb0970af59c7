import type { Secret } from '#bytes/secret'
import { type EncryptionName, encryption, integrity } from '#crypto/registry'
import type { EspTransformFactory } from '#esp/transform'
import type { Arena } from './arena.ts'
import { ChachaTransform } from './chacha-transform.ts'
import { EncryptThenMacTransform } from './encrypt-then-mac-transform.ts'
import { GcmTransform } from './gcm-transform.ts'
import { loadOpenssl } from './openssl-functions.ts'

/**
 * ESP transforms by the OpenSSL inside Node, reached without `node:crypto`'s object for every packet. Undefined where its
 * functions cannot be reached. The factory throws OpensslError for a cipher this build lacks (FIPS builds have no ChaCha20), and
 * RangeError for keys of a wrong length. Transforms belong to the thread that made them.
 */
export function opensslTransformFactory(arena: Arena): EspTransformFactory | undefined {
  const openssl = loadOpenssl()
  if (openssl === undefined) return undefined
  return (direction, suite, encryptionKey, integrityKey) => {
    const cipher = encryption(suite.encryption)
    requireOctets('encryption', encryptionKey, cipher.keyOctets + cipher.saltOctets)
    const key = encryptionKey.reveal().subarray(0, cipher.keyOctets)
    const salt = encryptionKey.reveal().subarray(cipher.keyOctets)
    if (cipher.name === 'chacha20poly1305') {
      return new ChachaTransform(openssl, arena, { esn: suite.esn, key, salt })
    }
    const common = { cipher: opensslName(cipher.name), esn: suite.esn, direction, key, salt }
    if (cipher.aead) {
      return new GcmTransform(openssl, arena, { ...common, icvOctets: cipher.icvOctets })
    }
    if (suite.integrity === 'none') {
      throw new RangeError(`${suite.encryption} needs an integrity algorithm beside it`)
    }
    const hmac = integrity(suite.integrity)
    requireOctets('integrity', integrityKey, hmac.keyOctets)
    return new EncryptThenMacTransform(openssl, arena, {
      ...common,
      mode: cipher.name.endsWith('-ctr') ? 'ctr' : 'cbc',
      ivOctets: cipher.ivOctets,
      blockOctets: cipher.blockOctets,
      digest: hmac.hash,
      icvOctets: hmac.icvOctets,
      integrityKey: integrityKey.reveal(),
    })
  }
}

function requireOctets(what: string, key: Secret, octets: number): void {
  if (key.octetLength !== octets) {
    throw new RangeError(`the ${what} key must have ${octets} octets, got ${key.octetLength}`)
  }
}

/** `aes128-gcm16` → `AES-128-GCM`. */
function opensslName(name: EncryptionName): string {
  if (name === '3des-cbc') return 'DES-EDE3-CBC'
  return name.replace(/^aes(\d+)-(cbc|ctr|gcm)\d*$/, 'AES-$1-$2').toUpperCase()
}
