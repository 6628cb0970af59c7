import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportKey } from '#pki/node-private-key'
import { sampleAuthority, sampleGateway, TODAY } from '../../test/support/sample-pki.ts'
import { memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

const CA = sampleAuthority('Plant CA', undefined, { keyType: 'rsa3072' })
const GATEWAY = sampleGateway('gateway', CA, { keyType: 'rsa3072' })
const LOGIN = '{role: client, user: u, password: file:pw}'

test('a client that logs in needs no key, only whom to trust', () => {
  const { config, problems } = load('{trust: ca.pem, peer-id: gw.example.net}', LOGIN)
  assert.deepEqual(problems, [])
  assert.equal(config?.tunnels[0]?.authentication.kind, 'hybrid-client')
})

test('a server whose peer logs in needs no trust, only a certificate of its own', () => {
  const { config, problems } = load('{own: gw.pem, key: gw.key}', '{role: server, users: pw}')
  assert.deepEqual(problems, [])
  assert.equal(config?.tunnels[0]?.authentication.kind, 'hybrid-server')
})

test('nobody goes without a key or without trust otherwise', () => {
  for (const [certificate, xauth, message] of [
    ['{trust: ca.pem}', undefined, /needs "key"/],
    ['{peer-id: gw.example.net}', LOGIN, /needs "key"/],
    ['{trust: ca.pem}', '{role: server, users: pw}', /needs "key"/],
    ['{own: gw.pem, key: gw.key}', undefined, /needs "trust"/],
    ['{trust: ca.pem, own: ca.pem}', LOGIN, /own belongs to a key/],
  ] as const) {
    const { config, problems } = load(certificate, xauth)
    assert.equal(config, undefined)
    assert.ok(
      problems.some((problem) => message.test(problem.message)),
      `${certificate}: ${JSON.stringify(problems)}`,
    )
  }
})

function load(certificate: string, xauth: string | undefined) {
  const text = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  t:
    peer: 198.51.100.7
    certificate: ${certificate}
    networks: [10.1.0.0/16 <-> 10.2.0.0/16]
${xauth === undefined ? '' : `    xauth: ${xauth}\n`}`
  const files = memoryFiles({
    '/c.yaml': text,
    '/ca.pem': pem(CA.certificate.der),
    '/gw.pem': pem(GATEWAY.certificate.der),
    '/gw.key': exportKey(GATEWAY.key),
    '/pw': 'u:open sesame',
  })
  return loadConfig('/c.yaml', { files, variables: {}, hostName: 'gw', now: TODAY })
}

function pem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
