import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { exportKey } from '#pki/node-private-key'
import { toPem } from '#pki/pem'
import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import {
  A_DAY,
  type Holder,
  sampleAuthority,
  sampleGateway,
  TODAY,
} from '../../test/support/sample-pki.ts'
import { sameTunnel } from './diff.ts'
import { type MemoryFile, memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

const root = sampleAuthority('Root')
const gateway = sampleGateway('gw', root)
const pem = (...holders: readonly Holder[]) =>
  holders.map(({ certificate }) => toPem('CERTIFICATE', certificate.der)).join('')
const FILES: Readonly<Record<string, MemoryFile>> = {
  '/etc/gw.pem': { text: pem(gateway), mode: 0o644 },
  '/etc/gw.key': exportKey(gateway.key),
  '/etc/ca.pem': { text: pem(root), mode: 0o644 },
}

type Changes = {
  readonly certificate?: Readonly<Record<string, unknown>>
  readonly tunnel?: Readonly<Record<string, unknown>>
  readonly files?: Readonly<Record<string, MemoryFile>>
  readonly now?: number
}

function load({ certificate = {}, tunnel = {}, files = {}, now = TODAY }: Changes = {}) {
  const own = { own: 'gw.pem', key: 'gw.key', trust: 'ca.pem', ...certificate }
  const paris = {
    peer: '198.51.100.7',
    certificate: own,
    networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
    ...tunnel,
  }
  const document = { version: 1, gateway: { address: '203.0.113.10' }, tunnels: { paris } }
  const all = memoryFiles({ ...FILES, ...files, '/etc/c.yaml': JSON.stringify(document) })
  return loadConfig('/etc/c.yaml', { files: all, variables: {}, hostName: 'h', now })
}

function told(changes: Changes): string {
  return load(changes)
    .problems.map(({ severity, code = '', message, hints }) =>
      [severity, code, message, ...hints].join(' '),
    )
    .join('\n')
}

test('a tunnel with a certificate sends its subject as identity unless told otherwise', () => {
  const { config, problems, files } = load()
  assert.deepEqual(problems, [])
  const [tunnel] = config?.tunnels ?? []
  assert.equal(tunnel?.authentication.kind, 'certificate')
  assert.equal(formatIdentity(tunnel!.localId), 'CN=gw, O=Example')
  assert.equal(formatExpected(tunnel!.remoteId), '198.51.100.7')
  assert.ok(files.includes('/etc/gw.key'))
  const named = load({ certificate: { id: 'gw.example.net', 'peer-id': 'CN=*, O=Plant' } }).config
  assert.equal(formatIdentity(named!.tunnels[0]!.localId), 'gw.example.net')
  assert.equal(formatExpected(named!.tunnels[0]!.remoteId), 'CN=*, O=Plant')
})

test('revocation is asked as written', () => {
  const { config } = load({ certificate: { revocation: 'crl-required', ocsp: 'if-present' } })
  const authentication = config?.tunnels[0]?.authentication
  assert.ok(authentication?.kind === 'certificate')
  assert.deepEqual(authentication.revocation, { crl: 'required', ocsp: 'if-present' })
})

test('a tunnel proves itself one way, not two and not none', () => {
  const psk = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
  assert.match(told({ tunnel: { psk } }), /error .*can prove itself by one only/)
  assert.match(told({ tunnel: { certificate: undefined } }), /error CW-305 .*has no pre-shared key/)
})

for (const [what, changes, expected] of [
  [
    'a key that others can read',
    { files: { '/etc/gw.key': { text: exportKey(gateway.key), mode: 0o644 } } },
    /mode 0644: others can read this key \$ chmod 600/,
  ],
  [
    'a key of another certificate',
    { files: { '/etc/gw.key': exportKey(root.key) } },
    /the key does not belong to the certificate CN=gw/,
  ],
  [
    'a file that is no key',
    { files: { '/etc/gw.key': pem(gateway) } },
    /there is no private key in it/,
  ],
  ['a missing file', { certificate: { own: 'none.pem' } }, /\/etc\/none\.pem: no such file/],
  [
    'a file without certificate',
    { certificate: { trust: ['gw.key'] } },
    /there is no certificate in it/,
  ],
  ['a CRL that is none', { certificate: { crl: 'ca.pem' } }, /there is no CRL in it/],
  [
    'an identity that is not ours',
    { certificate: { id: 'other.example.net' } },
    /CW-308 our certificate does not say that we are other\.example\.net it says CN=gw, O=Example, gw\.example\.net/,
  ],
  [
    'a DN in the other order',
    { certificate: { id: 'O=Example, CN=gw' } },
    /other order .* id: "CN=gw, O=Example"/,
  ],
  [
    'an identity there twice',
    { tunnel: { id: 'gw.example.net' }, certificate: { id: 'gw.example.net' } },
    /id is there twice/,
  ],
  [
    'an unknown key',
    { certificate: { passfrase: 'x' } },
    /unknown key "passfrase".*did you mean "passphrase"/,
  ],
] as const) {
  test(`${what} is told`, () => {
    const loaded = load(changes as Changes)
    assert.equal(loaded.config, undefined)
    assert.match(told(changes as Changes), expected)
  })
}

for (const [what, key] of [
  ['a passphrase', 'hunter2hunter2'],
  ['its octets in base64', `MC4CAQAwBQYDK2VwBCIE${'hunter2+'.repeat(6)}`],
  ['its PEM', '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n'],
  ['its PEM, cut off', '-----BEGIN PRIVATE KEY----- hunter2.pem'],
  ['far too much', 'hunter2'.repeat(200)],
] as const) {
  test(`what stands in the place of the key file is said nowhere: ${what}`, () => {
    const { problems } = load({ certificate: { key } })
    assert.equal(problems.length, 1)
    assert.doesNotMatch(JSON.stringify(problems), /hunter2/)
    if (key.length > 1024) return
    assert.match(problems[0]!.message, /^certificate\.key names a file, and what .* no file name/)
  })
}

for (const name of ['own', 'trust', 'crl'] as const) {
  test(`a key pasted with what belongs into the file of ${name} is said nowhere`, () => {
    const text = told({ certificate: { [name]: '-----BEGIN PRIVATE KEY-----\nhunter2\n' } })
    assert.match(text, new RegExp(`certificate\\.${name} names a file, and what stands there`))
    assert.doesNotMatch(text, /hunter2/)
  })
}

test('a key file that is there is read whatever its name, and one that is not is named', () => {
  const odd = '/etc/keys of 2026/gw+berlin'
  const { problems } = load({ certificate: { key: odd }, files: { [odd]: exportKey(gateway.key) } })
  assert.deepEqual(problems, [])
  assert.match(told({ certificate: { key: 'none.key' } }), /\/etc\/none\.key: no such file/)
})

for (const [what, now, expected] of [
  [
    'has expired',
    TODAY + 366 * A_DAY,
    /warning CW-307 the certificate CN=gw, O=Example is no longer valid[\s\S]*CA CN=Root, O=Example expired on .*will refuse every peer/,
  ],
  ['is not valid yet', TODAY - 5 * A_DAY, /warning CW-307 .*not valid yet/],
] as const) {
  test(`a certificate that ${what} is warned of, with its line, and keeps no gateway from starting`, () => {
    const { config, problems } = load({ now })
    assert.ok(config)
    assert.match(told({ now }), expected)
    assert.ok(problems.every(({ severity }) => severity === 'warning'))
    assert.equal(problems[0]?.path, 'tunnels.paris.certificate.own')
    assert.ok((problems[0]?.column ?? 0) > 1)
  })
}

test('expiry is warned of from thirty days ahead, of ours and of the CA', () => {
  assert.equal(told({ now: TODAY + 334 * A_DAY }), '')
  const warned = told({ now: TODAY + 346 * A_DAY })
  assert.match(warned, /warning CW-307 the certificate CN=gw, O=Example expires in 19 days/)
  assert.match(warned, /the certificate CN=Root, O=Example expires in 19 days/)
})

test('an encrypted key needs its passphrase', () => {
  const encrypted = String(
    gateway.key
      .handle()
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'sesam' }),
  )
  const files = { '/etc/gw.key': encrypted, '/etc/pass': 'sesam\n', '/etc/wrong': 'simsalabim' }
  assert.match(told({ files }), /encrypted and no passphrase is given/)
  assert.deepEqual(load({ files, certificate: { passphrase: 'file:pass' } }).problems, [])
  assert.match(told({ files, certificate: { passphrase: 'file:wrong' } }), /does not open it/)
  assert.match(told({ files, certificate: { passphrase: 'env:NOTHING' } }), /no variable "NOTHING"/)
})

test('the same files are the same tunnel, a renewed certificate is another', () => {
  const [one, same] = [load(), load()].map(({ config }) => config!.tunnels[0]!)
  assert.ok(sameTunnel(one!, same!))
  const renewed = sampleGateway('gw', root, { serial: Uint8Array.of(77) })
  const files = { '/etc/gw.pem': pem(renewed) }
  assert.ok(!sameTunnel(one!, load({ files }).config!.tunnels[0]!))
})

test('neither key nor passphrase shows in what was loaded', () => {
  const loaded = load({ certificate: { passphrase: 'sesam-oeffne-dich' } })
  const shown = inspect(loaded, { depth: 12 }) + [...loaded.sources.values()].join()
  assert.doesNotMatch(shown, /PRIVATE KEY|sesam-oeffne/)
})

test('RSA keys under 2048 bits are refused, or taken and warned of where the file says so', () => {
  const oldRoot = sampleAuthority('Old root', undefined, { keyType: 'rsa1024' })
  const old = sampleGateway('old', oldRoot, { keyType: 'rsa1024' })
  const files = {
    '/etc/gw.pem': { text: pem(old), mode: 0o644 },
    '/etc/gw.key': exportKey(old.key),
    '/etc/ca.pem': { text: pem(oldRoot), mode: 0o644 },
  }
  assert.match(told({ files }), /^error CW-306 .*RSA-1024; 2048 bits are the least/)
  const certificate = { 'least-rsa-bits': 1024 }
  assert.match(told({ files, certificate }), /^warning CW-206 RSA keys of 1024 bits are accepted/)
  const [tunnel] = load({ files, certificate }).config?.tunnels ?? []
  assert.ok(tunnel?.authentication.kind === 'certificate')
  assert.equal(tunnel.authentication.leastRsaBits, 1024)
  assert.match(told({ certificate: { 'least-rsa-bits': 512 } }), /^error .*1024/)
})
