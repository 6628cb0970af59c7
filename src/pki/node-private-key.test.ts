import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Secret } from '#bytes/secret'
import { sampleAuthority, sampleGateway, sampleKey } from '../../test/support/sample-pki.ts'
import { exportKey, readKeyFile } from './node-private-key.ts'
import { toPem } from './pem.ts'
import { UnreadableKey } from './unreadable-key.ts'

const secret = (text: string) => new Secret(new TextEncoder().encode(text))
const octets = (text: string) => new TextEncoder().encode(text)
const rsa = sampleKey('rsa', 'rsa3072')
const ec = sampleKey('gw')

for (const [what, key, type] of [
  ['PKCS #8', rsa, 'pkcs8'],
  ['PKCS #1', rsa, 'pkcs1'],
  ['PKCS #8 with ECDSA', ec, 'pkcs8'],
  ['SEC 1', ec, 'sec1'],
] as const) {
  test(`reads ${what} in PEM and DER`, () => {
    // The types of Node tie each form to a kind of key.
    const handle = key.handle()
    const pem = String(handle.export({ type: type as 'pkcs8', format: 'pem' }))
    const der = new Uint8Array(handle.export({ type: type as 'pkcs8', format: 'der' }))
    assert.ok(readKeyFile(octets(pem)).key.equals(key))
    assert.ok(readKeyFile(octets(pem.replaceAll('\n', '\r\n'))).key.equals(key))
    assert.ok(readKeyFile(der).key.equals(key))
  })
}

test('opens encrypted PKCS #8 and PKCS #1 with the passphrase and no other', () => {
  for (const type of ['pkcs8', 'pkcs1'] as const) {
    const sealed = octets(
      String(
        rsa.handle().export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'sesam' }),
      ),
    )
    assert.ok(readKeyFile(sealed, secret('sesam')).key.equals(rsa))
    assert.equal(
      codeOf(() => readKeyFile(sealed, secret('wrong'))),
      'wrong-passphrase',
    )
    assert.equal(
      codeOf(() => readKeyFile(sealed)),
      'passphrase-needed',
    )
  }
})

test('tells a wrong passphrase also where it leaves octets that look well padded', () => {
  // Made for this test; with "wrong375" OpenSSL itself says that it is of an unsupported kind.
  const sealed = octets(`-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBD5PY2iTHNE9kuZB1Xl
fV1+AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQb2ynDl3ssJgYQ4Kk
hbr+JQSBkGfSm30SaQYIRiWm+Q0hmzqgTGykrQmqePHm3tNwueYpImPRIQlyVC7U
flJMiQhvaK19VsxZvCyV3vU3ocKz/mEtxQs6PJy4dFz2hTulL9TenwdKQnuAkBWa
SouT9slBNR47VYSizUvwWRm8qO5OVeeZuFyC3PJwMoJEA0w8QnIoe690ZE7xuLqK
9c+pMPb0pA==
-----END ENCRYPTED PRIVATE KEY-----
`)
  assert.equal(
    codeOf(() => readKeyFile(sealed, secret('wrong375'))),
    'wrong-passphrase',
  )
  assert.ok(readKeyFile(sealed, secret('sesam')))
})

test('says that the encryption is unsupported where it is, also with the right passphrase', () => {
  const withRc2 = octets(`-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHdMEgGCSqGSIb3DQEFDTA7MB4GCSqGSIb3DQEFDDARBAhFinybz+vUYwICCAAC
ARAwGQYIKoZIhvcNAwIwDQIBOgQItN7dKH3sI88EgZCB4Zs1rdCU8/q/cGNd/+sW
IqkPyzaLCDbdpBlUUxrgteWM7KEEM6n7zzZ4OTsy2R6k6rwIQfx/kb+wkokt1hhK
eitK6eh6H/svmN7+jzhTDX/FQ0H3Mfy5BdV3+0nyPOGmoPNYi3U5GvZqklwT6vnH
iay/tIxCEY3AraCJPFaHBbGDXOVEz56GzQvsowGkDAs=
-----END ENCRYPTED PRIVATE KEY-----
`)
  for (const passphrase of ['x', 'wrong']) {
    assert.equal(
      codeOf(() => readKeyFile(withRc2, secret(passphrase))),
      'unsupported',
    )
  }
})

test('reads an unencrypted key in DER also where a passphrase is given', () => {
  const der = new Uint8Array(rsa.handle().export({ type: 'pkcs1', format: 'der' }))
  assert.ok(readKeyFile(der, secret('sesam')).key.equals(rsa))
})

test('what is no key is refused with a word that says nothing of it', () => {
  const text = exportKey(ec)
  for (const wrong of [
    octets(''),
    octets('secret words'),
    octets(text.slice(0, 100)),
    octets(text.replace(/[A-Za-z0-9+/]{20}\n/, 'AAAA\n')),
    Uint8Array.of(0x30, 0),
    octets(toPem('CERTIFICATE', Uint8Array.of(0x30, 0))),
  ]) {
    assert.equal(
      codeOf(() => readKeyFile(wrong)),
      'not-a-key',
    )
  }
})

const folder = mkdtempSync(join(tmpdir(), 'causeway-p12-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const root = sampleAuthority('Root')
const gateway = sampleGateway('gw', root)

for (const [what, options] of [
  ['with AES', []],
  [
    'with triple DES, as old programs write it',
    ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
  ],
  ['with certificates in clear', ['-certpbe', 'NONE']],
] as const) {
  test(`reads a PKCS #12 file of openssl ${what}`, (t) => {
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 })
      return join(folder, name)
    }
    const out = join(folder, 'gw.p12')
    const { error, stderr } = spawnSync(
      'openssl',
      [
        'pkcs12',
        '-export',
        ...[
          '-inkey',
          file('gw.key', exportKey(gateway.key)),
          '-out',
          out,
          '-passout',
          'pass:sesam',
        ],
        ...['-in', file('gw.pem', toPem('CERTIFICATE', gateway.certificate.der))],
        ...['-certfile', file('ca.pem', toPem('CERTIFICATE', root.certificate.der)), ...options],
      ],
      { encoding: 'utf8' },
    )
    if (error !== undefined) return t.skip('openssl is not installed')
    const p12 = new Uint8Array(readFileSync(out))
    assert.ok(p12.length > 0, stderr)
    const { key, certificates } = readKeyFile(p12, secret('sesam'))
    assert.ok(key.equals(gateway.key))
    assert.deepEqual(
      certificates.map((der) => der.length),
      [gateway.certificate.der.length, root.certificate.der.length],
    )
    assert.equal(
      codeOf(() => readKeyFile(p12, secret('wrong'))),
      'wrong-passphrase',
    )
    assert.equal(
      codeOf(() => readKeyFile(p12)),
      'passphrase-needed',
    )
    for (let length = 0; length < p12.length; length += 40)
      assert.throws(() => readKeyFile(p12.subarray(0, length), secret('sesam')), UnreadableKey)
  })
}

function codeOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof UnreadableKey, String(error))
    return error.code
  }
  return 'read'
}
