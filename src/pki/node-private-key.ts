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
    const input = { key: Buffer.from(file), format: 'der', type }
    try {
      return { key: load(input, undefined), certificates: [] }
    } catch (error) {
      if (!(error instanceof UnreadableKey)) throw error
      if (error.code === 'not-a-key') continue
      if (error.code !== 'passphrase-needed' || passphrase === undefined) throw error
      return { key: load(input, passphrase), certificates: [] }
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
    throw unreadable(error, input as KeyInput, passphrase !== undefined)
  }
  try {
    return new PrivateKey(handle)
  } catch {
    throw new UnreadableKey('unsupported', 'a private key of a kind that cannot be used here')
  }
}

/** OpenSSL's own words may quote the input. */
function unreadable(error: unknown, input: KeyInput, withPassphrase: boolean): UnreadableKey {
  const code = codeOf(error)
  if (code === 'ERR_MISSING_PASSPHRASE') return passphraseNeeded()
  if (withPassphrase && /UNSUPPORTED/.test(code) && isUnsupportedForAll(input))
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

/**
 * What a wrong passphrase makes of the octets looks well padded about once in 256 times; OpenSSL then finds a key of no kind it knows and
 * says "unsupported". It says so for every passphrase only where it cannot decrypt at all.
 */
function isUnsupportedForAll(input: KeyInput): boolean {
  return OTHER_PASSPHRASES.every((passphrase) => {
    try {
      createPrivateKey({ ...input, passphrase } as KeyInput)
      return false
    } catch (error) {
      return /UNSUPPORTED/.test(codeOf(error))
    }
  })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

const OTHER_PASSPHRASES = ['one', 'another', 'a third', 'a fourth']

function passphraseNeeded(): UnreadableKey {
  return new UnreadableKey('passphrase-needed', 'it is encrypted and no passphrase is given')
}
