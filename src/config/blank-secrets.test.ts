import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { blankSecrets } from './blank-secrets.ts'

test('a value is blanked once, in place', () => {
  const text = 'tunnels:\n  a:\n    certificate:\n      key: "c2VjcmV0IGdhdGV3YXkK"\n'
  const blanked = blankSecrets(text, parseDocument(text)).split('\n')[3]
  assert.match(blanked ?? '', /^ {6}key: \[secret\]\S*\s*$/)
  assert.doesNotMatch(blanked ?? '', /\[secret.*\[secret|2VjcmV0/)
})

test('what stands behind a secret is hidden with it', () => {
  const text = 'psk: "hunter2hunter2" # was "hunter1hunter1"\npeer: 1.2.3.4 # Paris\n'
  const [psk = '', peer] = blankSecrets(text, parseDocument(text)).split('\n')
  assert.equal(psk.trimEnd(), 'psk: [secret]')
  assert.equal(peer, 'peer: 1.2.3.4 # Paris')
})

for (const file of ['/etc/pki/gateway.pem', 'keys/gateway.key', '"gw.p12"']) {
  test(`the name of the key file of a certificate is shown: ${file}`, () => {
    const text = `certificate: {own: a.pem, key: ${file}, passphrase: tr0ub4dor}\n`
    const blanked = blankSecrets(text, parseDocument(text))
    assert.ok(blanked.includes(`key: ${file},`), blanked)
    assert.doesNotMatch(blanked, /tr0ub4dor/)
  })
}

for (const [what, text] of [
  ['a comment', 'certificate:\n  key: gw.p12   # hunter2\n'],
  ['a comment in a map', 'certificate: {key: gw.p12} # hunter2\n'],
  ['a comment behind other keys', 'certificate: {key: gw.p12, own: a.pem} # hunter2\n'],
  ['what is not YAML', 'certificate:\n  key: "gw.p12" hunter2\n'],
] as const) {
  test(`${what} behind the name of a key file is hidden, and the name is not`, () => {
    const blanked = blankSecrets(text, parseDocument(text))
    assert.doesNotMatch(blanked, /hunter2/)
    assert.match(blanked, what === 'what is not YAML' ? /key: / : /gw\.p12/)
  })
}

for (const [what, text] of [
  ['over several lines', 'certificate:\n  key: "hunter2\\\n    hunter2.pem"\n'],
  ['octets in base64', 'certificate: {key: /9j4AAQSkZJRgABAQ+EASA==}\n'],
  ['a passphrase', 'certificate: {key: correct.horse battery}\n'],
  [
    'the key itself',
    'certificate:\n  key: |\n    -----BEGIN PRIVATE KEY-----\n    MC4CAQAwBQ.pem\n',
  ],
  ['a word without an ending', 'certificate: {key: hunter2hunter2}\n'],
  ['users with their passwords', 'xauth: {users: "bob:hunter2"}\n'],
  ['a list of such', 'xauth: {users: ["bob:hunter2"]}\n'],
  ['PEM', 'certificate: {own: "-----BEGIN CERTIFICATE----- hunter2"}\n'],
  ['PEM in a list', 'certificate: {trust: ["-----BEGIN CERTIFICATE----- hunter2"]}\n'],
  ['a list', 'certificate: {key: [hunter2.pem, hunter2hunter2]}\n'],
  ['a key somewhere else', 'tunnels: {a: {key: hunter2hunter2.pem}}\n'],
] as const) {
  test(`what is under the name of a file may be a secret and is hidden: ${what}`, () => {
    assert.doesNotMatch(blankSecrets(text, parseDocument(text)), /hunter2|horse|AAQ|MC4/)
  })
}
