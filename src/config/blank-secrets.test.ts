import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { blankSecrets } from './blank-secrets.ts'

test('a value is blanked once, in place', () => {
  const text = 'tunnels:\n  a:\n    certificate:\n      key: "/etc/pki/gateway.pem"\n'
  const blanked = blankSecrets(text, parseDocument(text)).split('\n')[3]
  assert.match(blanked ?? '', /^ {6}key: \[secret\]\S*\s*$/)
  assert.doesNotMatch(blanked ?? '', /\[secret.*\[secret|gateway/)
})

test('what stands behind a secret is hidden with it', () => {
  const text = 'psk: "hunter2hunter2" # was "hunter1hunter1"\npeer: 1.2.3.4 # Paris\n'
  const [psk = '', peer] = blankSecrets(text, parseDocument(text)).split('\n')
  assert.equal(psk.trimEnd(), 'psk: [secret]')
  assert.equal(peer, 'peer: 1.2.3.4 # Paris')
})
