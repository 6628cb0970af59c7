import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourcesUnder } from './sources.ts'

/** The files in which a secret's octets are needed, and for what. */
const MAY_REVEAL: Readonly<Record<string, string>> = {
  'src/bytes/secret.ts': 'defines it',
  'src/config/psk-fingerprint.ts':
    'six characters of a strong key, where an operator asks for them',
  'src/config/key-text.ts':
    'puts an imported key into its file; shows a key where an operator asks for it',
  'src/ikev1/keys.ts': 'derives keys from keys (RFC 2409 §5)',
  'src/ikev1/key-search.ts': 'tells which other key a peer has',
  'src/ikev1/key-variants.ts': 'makes of our key what a slip would make of it, to name the slip',
  'src/ikev1/xauth.ts': 'gives the password to the server that asks for it',
  'src/ikev1/protect.ts': 'encrypts and authenticates messages',
  'src/platform/openssl.ts': 'gives OpenSSL the keys of an SA',
  'src/dataplane/userspace/node-transform.ts': 'gives node:crypto the keys of an SA',
  'src/dataplane/userspace/icv-variant.ts': 'tests the check value of a packet that is refused',
  'src/dataplane/userspace/messages.ts': 'hands the keys of an SA to the packet thread',
  'src/daemon/wireshark-tables.ts': 'writes down the keys that run --wireshark-keys asks for',
  'src/pki/node-pkcs12.ts': 'opens a PKCS #12 file with its password',
  'src/pki/node-private-key.ts': 'gives node:crypto a private key',
  'src/rehearsal/assumed-keys.ts': 'knows a key that only stands in for one, in simulation',
  'src/rehearsal/recorded-data-plane.ts': 'compares the keys of both sides, in simulation',
}

const sources = sourcesUnder('src').filter(({ isTest }) => !isTest)
const revealing = sources.filter(({ code }) => /\breveal\(/.test(code)).map(({ path }) => path)

test('secrets are opened only where their octets are used', () => {
  assert.deepEqual(
    revealing.filter((path) => !(path in MAY_REVEAL)),
    [],
  )
})

test('every file on the list still opens a secret', () => {
  assert.deepEqual(
    Object.keys(MAY_REVEAL).filter((path) => !revealing.includes(path)),
    [],
  )
})

test('no event, status or diagnosis is made from a secret’s octets', () => {
  const telling = sources.filter(({ folder }) => ['diagnosis', 'control', 'cli'].includes(folder))
  assert.deepEqual(
    telling.filter(({ code }) => /\breveal\b/.test(code)).map(({ path }) => path),
    [],
  )
})
