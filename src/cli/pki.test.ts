import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { EXIT } from './exit-codes.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'causeway-pki-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function pki(...args: readonly string[]) {
  const argv = [join(root, 'bin/causeway.js'), 'pki', ...args]
  return spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: folder })
}

function done(...args: readonly string[]): string {
  const { status, stdout, stderr } = pki(...args)
  assert.equal(status, EXIT.ok, stderr)
  return stdout
}

/** Undefined where the program is not installed. */
function run(program: string, ...args: readonly string[]) {
  const result = spawnSync(program, args, { encoding: 'utf8', cwd: folder })
  return result.error === undefined ? result : undefined
}

done('ca', 'Example VPN CA', '--crl-url', 'http://crl.example.net/ca.crl')
done('sign', 'berlin.example.net', '--ip', '203.0.113.10')
done('sign', 'paris.example.net', '--key', 'rsa3072')

test('three commands make a CA and two certificates that openssl accepts', (t) => {
  const trust = ['-x509_strict', '-CAfile', 'pki/ca.pem']
  for (const name of ['berlin', 'paris']) {
    const found = run('openssl', 'verify', ...trust, `pki/${name}.example.net.pem`)
    if (found === undefined) return t.skip('openssl is not installed')
    assert.match(found.stdout, /: OK/, found.stderr)
  }
})

test('strongSwan accepts them too', (t) => {
  const args = ['--in', 'pki/berlin.example.net.pem', '--cacert', 'pki/ca.pem']
  const found = run('pki', '--verify', ...args)
  if (found === undefined) return t.skip('strongSwan’s pki is not installed')
  assert.match(found.stdout, /certificate trusted, lifetimes valid/)
})

test('keys and the index are readable by their owner alone', () => {
  for (const file of ['ca.key', 'berlin.example.net.key', 'index.json'])
    assert.equal(statSync(join(folder, 'pki', file)).mode & 0o777, 0o600)
})

test('show tells names, expiry and the chain', () => {
  const shown = done('show', 'pki/berlin.example.net.pem')
  assert.match(shown, /names +berlin\.example\.net, 203\.0\.113\.10/)
  assert.match(shown, /expires in 729 days/)
  assert.match(shown, /use +digitalSignature, ipsecIke/)
  assert.match(shown, /CN=berlin\.example\.net\n {2}└─ CN=Example VPN CA \(not in this file\)/)
  const both = ['berlin.example.net.pem', 'ca.pem'].map((file) =>
    readFileSync(join(folder, 'pki', file), 'utf8'),
  )
  writeFileSync(join(folder, 'both.pem'), both.join(''))
  assert.match(done('show', 'both.pem'), /└─ CN=Example VPN CA\n/)
})

test('show never prints a private key', () => {
  const shown = done('show', 'pki/ca.key')
  assert.equal(shown, 'private key (not shown)\n')
})

test('a request made on a gateway is signed with the names it asks for', () => {
  done('request', 'lyon', '-d', 'gw', '--dns', 'lyon.example.net')
  const told = done('sign', 'lyon', '--request', 'gw/lyon.csr')
  assert.match(told, /vouches for lyon\.example\.net/)
  assert.match(done('show', 'gw/lyon.csr'), /request of CN=lyon/)
  const { stderr } = pki('sign', 'other', '--request', 'pki/ca.pem')
  assert.match(stderr, /there is no certificate request in it/)
})

test('revoking writes the list, by name or serial number', (t) => {
  done('sign', 'old')
  const told = done('revoke', 'old', '--reason', 'key-compromise')
  assert.match(told, /revoked CN=old \(serial [0-9a-f]{32}\)/)
  assert.match(done('show', 'pki/ca.crl'), /revoked +1 certificate\n/)
  done('sign', 'older')
  const serial = /serial +([0-9a-f]+)/.exec(done('show', 'pki/older.pem'))?.[1] ?? ''
  done('revoke', serial)
  done('crl')
  assert.match(done('show', 'pki/ca.crl'), /revoked +2 certificates\n/)
  assert.equal(pki('revoke', 'nobody').status, EXIT.configuration)
  const ca = ['ca.pem', 'ca.crl'].map((file) => readFileSync(join(folder, 'pki', file), 'utf8'))
  writeFileSync(join(folder, 'with-crl.pem'), ca.join(''))
  const found = run('openssl', 'verify', '-crl_check', '-CAfile', 'with-crl.pem', 'pki/old.pem')
  if (found === undefined) return t.skip('openssl is not installed')
  assert.match(found.stderr, /certificate revoked/)
})

test('nothing is overwritten, and names stay in the folder', () => {
  const key = readFileSync(join(folder, 'pki/ca.key'), 'utf8')
  assert.equal(pki('ca', 'Another').status, EXIT.configuration)
  assert.equal(readFileSync(join(folder, 'pki/ca.key'), 'utf8'), key)
  assert.equal(pki('sign', 'berlin.example.net').status, EXIT.configuration)
  for (const name of ['../x', 'a/b', '.x', 'ca', ''])
    assert.equal(pki('sign', name).status, EXIT.configuration, name)
})

test('wrong names and a missing CA are told in words', () => {
  assert.match(pki('sign', 'x', '--ip', '1.2.3').stderr, /"1\.2\.3" is not an IP address/)
  assert.match(pki('sign', 'x', '--dns', 'a b').stderr, /"a b" is not a host name/)
  assert.match(pki('sign', 'x', '--subject', 'XY=1').stderr, /"XY" is not an attribute type/)
  assert.match(pki('sign', 'x', '-d', 'nowhere').stderr, /there is no CA in nowhere/)
  assert.match(pki('sign', 'x', '--days', '20000').stderr, /the CA itself ends on/)
  assert.equal(pki('sign', 'x', '--days', '0').status, EXIT.usage)
  assert.equal(pki('show', 'nothing').status, EXIT.configuration)
})
