import type { OpensslFunctions } from './openssl-functions.ts'

/** A cipher of OpenSSL with its key in it: made once for an SA; each packet only sets another IV. */
export function keyedCipher(
  openssl: OpensslFunctions,
  name: string,
  direction: 'inbound' | 'outbound',
  key: Uint8Array,
): number {
  const context = openssl.newCipherContext()
  if (context === 0) throw new OpensslError('EVP_CIPHER_CTX_new', name)
  const encrypt = direction === 'outbound' ? 1 : 0
  if (openssl.setKey(context, fetchCipher(openssl, name), 0, key, null, encrypt) !== 1) {
    openssl.freeCipherContext(context)
    throw new OpensslError('EVP_CipherInit_ex', name)
  }
  // ESP pads by itself (RFC 4303 §2.4).
  openssl.setPadding(context, 0)
  return context
}

/** A cipher this OpenSSL does not have, or a call it refused. */
export class OpensslError extends Error {
  readonly code = 'openssl'

  constructor(call: string, subject: string) {
    super(`${call} failed for ${subject} in OpenSSL ${process.versions.openssl ?? ''}`)
  }
}

/** What `seal` throws where no packet of its SA can be: outside the arena, or of no length that the SA makes. */
export function noPacketAt(offset: number, length: number): RangeError {
  return new RangeError(`no ESP packet of this SA stands at ${offset} with ${length} octets`)
}

/** Fetched ciphers stay for the life of the process; fetching costs more than sealing a packet. */
function fetchCipher(openssl: OpensslFunctions, name: string): number {
  const known = fetched.get(name)
  if (known !== undefined) return known
  const cipher = openssl.fetchCipher(0, name, null)
  if (cipher === 0) throw new OpensslError('EVP_CIPHER_fetch', name)
  fetched.set(name, cipher)
  return cipher
}

const fetched = new Map<string, number>()
