import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { DER } from '#bytes/der'
import { equalOctets } from '#bytes/equal'
import { toHex } from '#bytes/hex'
import type { Secret } from '#bytes/secret'
import { readPkcs12 } from './node-pkcs12.ts'
import { sha256 } from './node-signatures.ts'
import { pemBlocks } from './pem.ts'
import { type PublicKey, parsePublicKey } from './public-key.ts'
import { UnreadableKey } from './unreadable-key.ts'

/**
 * A private key that no log, error, status or JSON document can print. Its octets stay inside OpenSSL; a thread that is to
 * sign with it gets the handle.
 */
export class PrivateKey {
  readonly #key: KeyObject
  readonly publicKey: PublicKey

  /** @throws DerError for a kind of key that has no public half we read */
  constructor(key: KeyObject) {
    this.#key = key
    this.publicKey = parsePublicKey(
      new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    )
  }

  /** For signing, and for handing it to a thread; search for `handle(` to find every use. */
  handle(): KeyObject {
    return this.#key
  }

  /** Whether both are the same key, told by their public halves. */
  equals(other: PrivateKey): boolean {
    return this.belongsTo(other.publicKey)
  }

  belongsTo({ spki }: PublicKey): boolean {
    return equalOctets(this.publicKey.spki, spki)
  }

  /** SHA-256 of the public half: what names the key where it must not be shown. */
  get id(): string {
    return toHex(sha256(this.publicKey.spki))
  }

  toString(): string {
    return '[private key]'
  }

  toJSON(): string {
    return '[private key]'
  }

  static {
    Object.defineProperty(PrivateKey.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value: () => '[private key]',
    })
  }
}

export type KeyFile = {
  readonly key: PrivateKey
  /** DER, leaf first; PKCS #12 files hold certificates beside the key. */
  readonly certificates: readonly Uint8Array[]
}

/**
 * Reads PKCS #8 (also encrypted), PKCS #1 and SEC 1 in PEM or DER, and PKCS #12.
 *
 * @throws UnreadableKey, whose message says no octet of it
 */
export function readKeyFile(file: Uint8Array, passphrase?: Secret): KeyFile {
  if (file[0] === DER.sequence) return readDerKey(file, passphrase)
  const block = pemBlocks(new TextDecoder().decode(file)).find(({ label }) =>
    label.endsWith('PRIVATE KEY'),
  )
  if (block === undefined) throw new UnreadableKey('not-a-key', 'there is no private key in it')
  const isEncrypted = block.label.startsWith('ENCRYPTED') || block.text.includes('ENCRYPTED')
  if (isEncrypted && passphrase === undefined) throw passphraseNeeded()
  return {
    key: load({ key: block.text, format: 'pem' }, isEncrypted ? passphrase : undefined),
    certificates: [],
  }
}

export type KeyType = 'p256' | 'p384' | 'rsa3072' | 'rsa4096' | 'ed25519'

export function generateKey(type: KeyType): PrivateKey {
  if (type === 'ed25519') return new PrivateKey(generateKeyPairSync('ed25519').privateKey)
  if (type === 'p256' || type === 'p384') {
    const namedCurve = type === 'p256' ? 'P-256' : 'P-384'
    return new PrivateKey(generateKeyPairSync('ec', { namedCurve }).privateKey)
  }
  const modulusLength = type === 'rsa3072' ? 3072 : 4096
  return new PrivateKey(generateKeyPairSync('rsa', { modulusLength }).privateKey)
}

/** PKCS #8 in PEM, for a file of mode 0600. */
export function exportKey(key: PrivateKey): string {
  return String(key.handle().export({ type: 'pkcs8', format: 'pem' }))
}

function readDerKey(file: Uint8Array, passphrase: Secret | undefined): KeyFile {
  const bag = readPkcs12(file, passphrase)
  if (bag !== undefined)
    return { key: load(pkcs8(bag.key), undefined), certificates: bag.certificates }
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      return {
        key: load({ key: Buffer.from(file), format: 'der', type }, passphrase),
        certificates: [],
      }
    } catch (error) {
      if (error instanceof UnreadableKey && error.code !== 'not-a-key') throw error
    }
  }
  throw new UnreadableKey('not-a-key', 'there is no private key in it')
}

type KeyInput = Exclude<
  Parameters<typeof createPrivateKey>[0],
  string | KeyObject | ArrayBuffer | NodeJS.ArrayBufferView
>

function pkcs8(key: Uint8Array): KeyInput {
  return { key: Buffer.from(key), format: 'der', type: 'pkcs8' }
}

function load(input: object, passphrase: Secret | undefined): PrivateKey {
  let handle: KeyObject
  try {
    const secret = passphrase === undefined ? {} : { passphrase: Buffer.from(passphrase.reveal()) }
    handle = createPrivateKey({ ...(input as KeyInput), ...secret })
  } catch (error) {
    throw unreadable(error, passphrase !== undefined)
  }
  try {
    return new PrivateKey(handle)
  } catch {
    throw new UnreadableKey('unsupported', 'a private key of a kind that cannot be used here')
  }
}

/** OpenSSL's own words may quote the input. */
function unreadable(error: unknown, withPassphrase: boolean): UnreadableKey {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_MISSING_PASSPHRASE') return passphraseNeeded()
  if (withPassphrase && /UNSUPPORTED/.test(code))
    return new UnreadableKey(
      'unsupported',
      'encrypted in a way, or a kind of key, that this OpenSSL does not read',
    )
  if (withPassphrase && /BAD_DECRYPT|BAD_PASSWORD|CIPHERFINAL|WRONG|OSSL_EVP|ERR_OSSL/.test(code))
    return new UnreadableKey('wrong-passphrase', 'the passphrase does not open it')
  return new UnreadableKey(
    'not-a-key',
    'no private key in it can be read: it is damaged, or of an unknown kind',
  )
}

function passphraseNeeded(): UnreadableKey {
  return new UnreadableKey('passphrase-needed', 'it is encrypted and no passphrase is given')
}
