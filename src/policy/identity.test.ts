import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { equalIdentity, formatIdentity, type Identity, parseIdentity } from './identity.ts'
import { isTextProblem } from './text-problem.ts'

for (const [text, identity, printed = text] of [
  ['203.0.113.10', { kind: 'address', address: ip('203.0.113.10') }],
  ['2001:DB8::1', { kind: 'address', address: ip('2001:db8::1') }, '2001:db8::1'],
  ['gw.example.net', { kind: 'fqdn', name: 'gw.example.net' }],
  ['@gw.example.net', { kind: 'fqdn', name: 'gw.example.net' }, 'gw.example.net'],
  ['@192.0.2.1', { kind: 'fqdn', name: '192.0.2.1' }],
  ['vpn@example.net', { kind: 'user-fqdn', name: 'vpn@example.net' }],
  ['keyid:site-7', { kind: 'key-id', octets: new TextEncoder().encode('site-7') }],
  ['keyid:0x00FF', { kind: 'key-id', octets: Uint8Array.of(0, 255) }, 'keyid:0x00ff'],
] as readonly (readonly [string, Identity, string?])[]) {
  test(`reads ${text} and prints ${printed}`, () => {
    const found = parseIdentity(text)
    assert.deepEqual(found, identity)
    assert.equal(formatIdentity(identity), printed)
    const again = parseIdentity(printed)
    assert.ok(!isTextProblem(again) && equalIdentity(again, identity))
  })
}

for (const text of [
  '',
  ' ',
  'a b',
  '1.2.3.4.5',
  '10.1',
  '@',
  'a@',
  'keyid:',
  'keyid:0x1',
  '-x.example',
])
  test(`refuses "${text}"`, () => {
    assert.ok(isTextProblem(parseIdentity(text)))
  })

test('reads a distinguished name and prints it the same way', () => {
  const found = parseIdentity('CN=gw-berlin, O=Example')
  assert.ok(!isTextProblem(found))
  assert.equal(found.kind, 'dn')
  assert.equal(formatIdentity(found), 'CN=gw-berlin, O=Example')
  assert.ok(isTextProblem(parseIdentity('XY=gw-berlin')))
})

test('what is no readable distinguished name equals none, itself included', () => {
  const dn = (...octets: number[]): Identity => ({ kind: 'dn', der: Uint8Array.from(octets) })
  assert.ok(!equalIdentity(dn(), dn()))
  assert.ok(!equalIdentity(dn(0x30, 5), dn(0x30, 5)))
})

test('names are the same in capitals, other identities only octet by octet', () => {
  const fqdn = (name: string): Identity => ({ kind: 'fqdn', name })
  const keyId = (text: string): Identity => ({
    kind: 'key-id',
    octets: new TextEncoder().encode(text),
  })
  assert.ok(equalIdentity(fqdn('GW.example.net'), fqdn('gw.EXAMPLE.net')))
  assert.ok(!equalIdentity(fqdn('gw.example.net'), fqdn('gw.example.org')))
  assert.ok(!equalIdentity(keyId('Site'), keyId('site')))
})

test('identities of different kinds differ even when they look alike', () => {
  const address: Identity = { kind: 'address', address: ip('192.0.2.1') }
  assert.ok(!equalIdentity(address, { kind: 'fqdn', name: '192.0.2.1' }))
  assert.ok(!equalIdentity({ kind: 'fqdn', name: 'a@b' }, { kind: 'user-fqdn', name: 'a@b' }))
})

test('prints a peer’s control characters harmlessly', () => {
  assert.equal(formatIdentity({ kind: 'fqdn', name: 'a\u001b[2Jb' }), '@a\\x1b[2Jb')
  assert.equal(
    formatIdentity({ kind: 'key-id', octets: Uint8Array.of(0x1b, 0x5b) }),
    'keyid:0x1b5b',
  )
})
