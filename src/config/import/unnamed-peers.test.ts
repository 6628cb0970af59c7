import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importedFrom, tunnelFrom } from '../../../test/support/import-check.ts'
import { tunnelYaml } from './tunnel-yaml.ts'

const KEY = 'sv+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL'

test('a peer from anywhere with a key in Main mode keeps its name', () => {
  for (const id of ['id = carol@example.net', undefined]) {
    const { tunnel, imported } = tunnelFrom({ '/etc/swanctl/swanctl.conf': byKey(id) })
    assert.deepEqual([tunnel.ike, tunnel.peer, tunnel.start], ['v1-main', 'any', 'respond'])
    assert.deepEqual(
      tunnel.remoteId,
      id === undefined
        ? { kind: 'any-of', proof: 'psk' }
        : { kind: 'user-fqdn', name: 'carol@example.net' },
    )
    assert.match(imported.remarks.join('\n'), /must have the same key/)
    assert.match(imported.remarks.join('\n'), id === undefined ? /Whoever has the key/ : /./)
  }
})

test('the same in ipsec.conf', () => {
  const { tunnel } = tunnelFrom({
    '/etc/ipsec.conf': `${CONN}  authby=secret\n  rightsubnet=10.2.0.0/16\n`,
    '/etc/ipsec.secrets': `192.0.2.1 : PSK 0s${KEY}\n`,
  })
  assert.deepEqual([tunnel.peer, tunnel.remoteId], ['any', { kind: 'any-of', proof: 'psk' }])
})

test('a certificate without a name stands for any of its CA, and the file says what that means', () => {
  const texts = [
    { '/etc/swanctl/swanctl.conf': byCertificate('') },
    { '/etc/swanctl/swanctl.conf': byCertificate('id = %any') },
    {
      '/etc/ipsec.conf': `${CONN}  leftcert=gw.pem\n  rightsubnet=10.2.0.0/16\n`,
      '/etc/ipsec.secrets': ': RSA gw.key\n',
    },
  ]
  for (const one of texts) {
    const [tunnel] = importedFrom(one).tunnels
    assert.ok(tunnel)
    const yaml = tunnelYaml(tunnel)
    assert.match(yaml, /certificate:\n(?: {6}.*\n)* {6}peer-id:\n {8}any-of: trust/)
    assert.match(yaml.replace(/\n# */g, ' '), /Any certificate of the CAs in certificate\.trust/)
  }
})

test('so does the name of whatever certificate the peer has, in libreswan', () => {
  const [tunnel] = importedFrom(
    {
      '/etc/ipsec.conf': `${CONN}  leftcert=gw\n  rightid=%fromcert\n  rightca=%same\n  rightsubnet=10.2.0.0/16\n`,
    },
    { format: 'libreswan' },
  ).tunnels
  assert.deepEqual(
    tunnel?.values.find(({ key }) => key === 'certificate.peer-id.any-of')?.value,
    'trust',
  )
})

test('a name with a wildcard is not widened to any', () => {
  const { skipped } = importedFrom({
    '/etc/swanctl/swanctl.conf': byCertificate('id = *@example.net'),
  })
  assert.match(skipped[0]?.why ?? '', /a connection for each with its identity/)
})

test('but one in a distinguished name is kept: it may have that', () => {
  const [tunnel] = importedFrom({
    '/etc/swanctl/swanctl.conf': byCertificate('id = "C=DE, O=Example, CN=*"'),
  }).tunnels
  const written = tunnel?.values.find(({ key }) => key.endsWith('peer-id'))
  assert.equal(written?.value, 'CN=*, O=Example, C=DE')
})

test('a peer that only logs in shows no certificate, so it needs a name', () => {
  const conf = byCertificate('').replace('remote { auth = pubkey', 'remote { auth = xauth')
  const { skipped } = importedFrom({ '/etc/swanctl/swanctl.conf': conf })
  assert.match(skipped[0]?.why ?? '', /a connection for each with its identity/)
})

const CONN = `
conn rw
  keyexchange=ikev1
  left=192.0.2.1
  leftsubnet=10.1.0.0/16
  right=%any
  ike=aes256-sha256-modp2048!
  auto=add
`

function byKey(id = ''): string {
  return `connections {
  rw {
    version = 1
    local_addrs = 192.0.2.1
    proposals = aes256-sha256-modp2048
    local {
      auth = psk
    }
    remote {
      auth = psk
      ${id}
    }
    children {
      net {
        local_ts = 10.1.0.0/16
        remote_ts = 10.2.0.0/16
        esp_proposals = aes256-sha256
      }
    }
  }
}
secrets {
  ike-group {
    secret = 0s${KEY}
  }
}
`
}

function byCertificate(id: string): string {
  return byKey()
    .replace('auth = psk', 'auth = pubkey\n      certs = gw.pem')
    .replace(/remote \{\n\s+auth = psk/, `remote { auth = pubkey\n      ${id}`)
}
