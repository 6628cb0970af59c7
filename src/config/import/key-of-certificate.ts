import type { Secret } from '#bytes/secret'
import { MalformedPki, parseCertificates } from '#pki/certificate'
import { readKeyFile } from '#pki/node-private-key'
import type { PublicKey } from '#pki/public-key'
import { UnreadableKey } from '#pki/unreadable-key'
import { type Files, isTrouble } from '../files.ts'

/** The public key of the certificate in a file; undefined where that cannot be read here. */
export function publicKeyIn(path: string, files: Files): PublicKey | undefined {
  const octets = octetsOf(path, files)
  if (octets === undefined) return undefined
  try {
    return parseCertificates(octets)[0]?.publicKey
  } catch (error) {
    if (error instanceof MalformedPki) return undefined
    throw error
  }
}

/** Whether a file holds the private half of a key; `unknown` where it cannot be read here. */
export function holdsKeyOf(
  key: PublicKey,
  { path, passphrase }: { readonly path: string; readonly passphrase?: Secret | undefined },
  files: Files,
): 'yes' | 'no' | 'unknown' {
  const octets = octetsOf(path, files)
  if (octets === undefined) return 'unknown'
  try {
    return readKeyFile(octets, passphrase).key.belongsTo(key) ? 'yes' : 'no'
  } catch (error) {
    if (error instanceof UnreadableKey) return 'unknown'
    throw error
  }
}

function octetsOf(path: string, files: Files): Uint8Array | undefined {
  const read = files.read(path, LONGEST_FILE)
  return isTrouble(read) || read.more ? undefined : read.octets
}

const LONGEST_FILE = 64 * 1024
