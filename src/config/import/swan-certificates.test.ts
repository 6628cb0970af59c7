import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PrivateKey } from '#pki/node-private-key'
import { toPem } from '#pki/pem'
import { importedFrom } from '../../../test/support/import-check.ts'
import { sampleAuthority, sampleGateway, sampleKey } from '../../../test/support/sample-pki.ts'
import type { ImportedTunnel } from './imported.ts'

const given = (tunnel: ImportedTunnel | undefined, key: string) =>
  tunnel?.values.find((value) => value.key === key)?.value

const IPSEC = `
ca plant
  cacert=plantCA.pem
  auto=add
conn a
  keyexchange=ikev1
  left=192.0.2.8
  leftcert=nearCert.pem
  leftsubnet=10.1.0.0/16
  right=192.0.2.1
  rightid=@hub.example
  rightsubnet=10.7.0.0/16
`

const swanctl = (rounds: string, more = '') => `connections {
  a { version = 1
    local_addrs = 192.0.2.8
    remote_addrs = 192.0.2.1
    ${rounds}
    children { net { local_ts = 10.1.0.0/16
      remote_ts = 10.7.0.0/16 } }
  }
}
${more}`

const SIGNED = `local { auth = pubkey
      certs = nearCert.pem }
    remote { auth = pubkey
      id = hub.example }`

test('the key is the one named like the certificate, whichever stands first', () => {
  const keys = ': RSA farKey.pem "words for it"\n: RSA nearKey.pem\n'
  const [tunnel] = importedFrom({ '/etc/ipsec.conf': IPSEC, '/etc/ipsec.secrets': keys }).tunnels
  assert.equal(given(tunnel, 'certificate.key'), '/etc/ipsec.d/private/nearKey.pem')
  assert.equal(tunnel?.passphrase, undefined)
})

/** Two keys and the certificate of the second; the names say the contrary. */
const CERTIFICATE = sampleGateway('near', sampleAuthority('near-ca'))
const OF_ANOTHER = sampleKey('far')
const KEY_FILES = {
  '/etc/swanctl/x509/nearCert.pem': toPem('CERTIFICATE', CERTIFICATE.certificate.der),
  '/etc/swanctl/private/nearKey.pem': pemOf(OF_ANOTHER),
  '/etc/swanctl/private/other.pem': pemOf(CERTIFICATE.key),
}

test('swanctl: the key is the one that belongs to the certificate, whatever the names', () => {
  const named = 'secrets { private-a { file = nearKey.pem }\n private-b { file = other.pem } }\n'
  for (const secrets of ['', named, 'secrets { private { file = nearKey.pem } }\n']) {
    const conf = { '/etc/swanctl/swanctl.conf': swanctl(SIGNED, secrets) }
    const [tunnel] = importedFrom(conf, { beside: KEY_FILES }).tunnels
    assert.equal(given(tunnel, 'certificate.key'), '/etc/swanctl/private/other.pem')
    assert.deepEqual(
      tunnel?.remarks.filter((remark) => /for its name/.test(remark)),
      [],
    )
  }
})

test('swanctl: a key that belongs to another certificate is never taken', () => {
  const { '/etc/swanctl/private/other.pem': _, ...files } = KEY_FILES
  const conf = { '/etc/swanctl/swanctl.conf': swanctl(SIGNED) }
  const [tunnel] = importedFrom(conf, { beside: files }).tunnels
  assert.match(tunnel?.remarks.join('\n') ?? '', /key is not named/)
})

test('swanctl: where keys cannot be compared the name decides, and that is said', () => {
  const sealed =
    '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'
  const keys = {
    '/etc/swanctl/private/nearKey.pem': sealed,
    '/etc/swanctl/private/other.pem': sealed,
  }
  for (const certificate of [
    {},
    { '/etc/swanctl/x509/nearCert.pem': KEY_FILES['/etc/swanctl/x509/nearCert.pem'] },
  ]) {
    const conf = { '/etc/swanctl/swanctl.conf': swanctl(SIGNED) }
    const [tunnel] = importedFrom(conf, { beside: { ...certificate, ...keys } }).tunnels
    assert.equal(given(tunnel, 'certificate.key'), '/etc/swanctl/private/nearKey.pem')
    assert.match(tunnel?.remarks.join('\n') ?? '', /nearKey\.pem is taken for its name/)
  }
})

test('where no key is named it has the name of the certificate, and that is to be looked at', () => {
  for (const [texts, key] of [
    [{ '/etc/ipsec.conf': IPSEC }, '/etc/ipsec.d/private/nearKey.pem'],
    [{ '/etc/swanctl/swanctl.conf': swanctl(SIGNED) }, '/etc/swanctl/private/nearKey.pem'],
  ] as const) {
    const [tunnel] = importedFrom(texts).tunnels
    assert.equal(given(tunnel, 'certificate.key'), key)
    assert.match(tunnel?.remarks.join('\n') ?? '', /key is not named/)
  }
})

test('the CA is the one that a section of its own names', () => {
  const authority = 'authorities { plant { cacert = plantCA.pem } }\n'
  for (const [texts, trust] of [
    [{ '/etc/ipsec.conf': IPSEC }, '/etc/ipsec.d/cacerts/plantCA.pem'],
    [
      { '/etc/swanctl/swanctl.conf': swanctl(SIGNED, authority) },
      '/etc/swanctl/x509ca/plantCA.pem',
    ],
  ] as const) {
    const { tunnels, notes } = importedFrom(texts)
    assert.deepEqual(given(tunnels[0], 'certificate.trust'), [trust])
    assert.doesNotMatch(JSON.stringify(notes), /plantCA/)
  }
})

test('what a CA has beside its certificate is told of, too', () => {
  const authority =
    'authorities { plant { cacert = plantCA.pem\n crl_uris = http://a.example/a.crl\n } }\n'
  const { notes } = importedFrom({ '/etc/swanctl/swanctl.conf': swanctl(SIGNED, authority) })
  assert.deepEqual(
    notes.map((note) => note.kind === 'left-out' && /where the certificates say/.test(note.why)),
    [true],
  )
})

test('hybrid authentication: who logs in needs no certificate, and who lets log in trusts none', () => {
  const client = [
    {
      '/etc/ipsec.conf':
        `${IPSEC}  leftauth=xauth\n  rightauth=pubkey\n  xauth_identity=ann\n`.replace(
          / {2}leftcert.*\n/,
          '',
        ),
      '/etc/ipsec.secrets': 'ann : XAUTH "pass one"\n',
    },
    {
      '/etc/swanctl/swanctl.conf': swanctl(
        'local { auth = xauth\n xauth_id = ann }\n remote { auth = pubkey\n id = hub.example }',
        'secrets { xauth { id = ann\n secret = "pass one" } }',
      ),
    },
  ]
  for (const texts of client) {
    const [tunnel] = importedFrom(texts).tunnels
    const keys = tunnel?.values.map(({ key }) => key) ?? []
    assert.deepEqual([given(tunnel, 'xauth.role'), given(tunnel, 'xauth.user')], ['client', 'ann'])
    assert.ok(tunnel?.password)
    assert.ok(keys.includes('certificate.trust') && !keys.includes('certificate.own'))
  }
  const server = [
    { '/etc/ipsec.conf': `${IPSEC}  leftauth=pubkey\n  rightauth=xauth\n` },
    {
      '/etc/swanctl/swanctl.conf': swanctl(
        'local { auth = pubkey\n certs = nearCert.pem }\n remote { auth = xauth\n id = b@example.net }',
      ),
    },
  ]
  for (const texts of server) {
    const [tunnel] = importedFrom(texts).tunnels
    const keys = tunnel?.values.map(({ key }) => key) ?? []
    assert.equal(given(tunnel, 'xauth.role'), 'server')
    assert.ok(keys.includes('certificate.own') && !keys.includes('certificate.trust'))
  }
})

test('a key is looked for where its kind has its folder, and a PKCS #12 file needs no certificate beside it', () => {
  const rsa = swanctl(SIGNED, 'secrets { rsa-near { file = nearKey.pem } }')
  const [tunnel] = importedFrom({ '/etc/swanctl/swanctl.conf': rsa }).tunnels
  assert.equal(given(tunnel, 'certificate.key'), '/etc/swanctl/rsa/nearKey.pem')
  const container = swanctl(
    'local { auth = pubkey }\n remote { auth = pubkey\n id = hub.example }',
    'secrets { pkcs12-near { file = near.p12\n secret = "words for it" } }',
  )
  const old = {
    '/etc/ipsec.conf': IPSEC.replace(/ {2}leftcert.*\n/, ''),
    '/etc/ipsec.secrets': ': P12 near.p12 "words for it"\n',
  }
  for (const texts of [{ '/etc/swanctl/swanctl.conf': container }, old]) {
    const [held] = importedFrom(texts).tunnels
    assert.match(String(given(held, 'certificate.key')), /\/near\.p12$/)
    assert.equal(given(held, 'certificate.own'), undefined)
    assert.ok(held?.passphrase)
  }
})

test('a key on a token is not read: the connection is skipped with that reason', () => {
  const { skipped } = importedFrom({
    '/etc/ipsec.conf': IPSEC.replace('leftcert=nearCert.pem', 'leftcert=%smartcard:50'),
  })
  assert.match(skipped[0]?.why ?? '', /leftcert=%smartcard:50: keys on a smart card/)
})

function pemOf(key: PrivateKey): string {
  return `${key.handle().export({ type: 'pkcs8', format: 'pem' })}`
}
