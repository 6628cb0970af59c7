import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { exportKey } from '#pki/node-private-key'
import { toPem } from '#pki/pem'
import { inVersion1, sampleAuthority, sampleGateway, TODAY } from '../../test/support/sample-pki.ts'
import { memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'
const OTHER_KEY = 'Zq3k-7PmW9dFvR2tXy8LbN4cGhJ6sAeU'
const CA = sampleAuthority('Plant CA')
const OTHER_CA = sampleAuthority('Office CA')
const GATEWAY = sampleGateway('gw', CA)
const CERTIFIED = { own: 'gw.pem', key: 'gw.key', trust: 'ca.pem' }
const BY_KEY = { psk: KEY, peer: 'any', 'peer-id': 'branch7.example' }

test('Main mode by a key takes a peer from anywhere, and check says what that costs', () => {
  const { config, problems } = load({ branch: BY_KEY })
  const [tunnel] = config?.tunnels ?? []
  assert.deepEqual([tunnel?.peer, tunnel?.start], ['any', 'respond'])
  assert.deepEqual(
    problems.map(({ severity }) => severity),
    ['warning'],
  )
  const text = told({ branch: BY_KEY })
  assert.match(text, /whoever has the key can come from anywhere as branch7\.example/)
  assert.match(text, /can pose as this gateway/)
  assert.match(text, /share one key \(RFC 2409 §5\.4\)/)
})

test('such a peer is named, or it is written that anyone with the key may come', () => {
  const unnamed = { ...BY_KEY, 'peer-id': undefined }
  assert.match(told({ branch: unnamed }), /error peer: any needs the identity.*\{any-of: psk\}/)
  const anyone = { ...BY_KEY, 'peer-id': { 'any-of': 'psk' } }
  const { config } = load({ branch: anyone })
  assert.deepEqual(config?.tunnels[0]?.remoteId, { kind: 'any-of', proof: 'psk' })
  assert.match(told({ branch: anyone }), /warning .*whoever has the key comes in, from anywhere/)
  assert.match(told({ branch: { ...BY_KEY, start: 'always' } }), /error start: always needs/)
})

test('in Aggressive mode whoever has the key is whoever asks, and may guess at it', () => {
  const anyone = { ...BY_KEY, ike: 'v1-aggressive', 'peer-id': { 'any-of': 'psk' } }
  assert.match(told({ branch: anyone }), /warning any-of: psk in Aggressive mode hands a hash/)
})

test('all of them at one address of ours have one key, and none of them the same name', () => {
  const two = { ...BY_KEY, 'peer-id': 'branch8.example', networks: ['10.1.0.0/16 <-> 10.8.0.0/16'] }
  assert.doesNotMatch(told({ one: BY_KEY, two }), /error/)
  assert.match(
    told({ one: BY_KEY, two: { ...two, psk: OTHER_KEY } }),
    /error two has another key than one \(line \d+\); both wait at 203\.0\.113\.10 .*RFC 2409 §5\.4/,
  )
  const elsewhere = { ...two, psk: OTHER_KEY, address: '203.0.113.11' }
  assert.doesNotMatch(told({ one: BY_KEY, two: elsewhere }), /error/)
  const aggressive = { ...two, psk: OTHER_KEY, ike: 'v1-aggressive' }
  assert.doesNotMatch(told({ one: BY_KEY, two: aggressive }), /error/)
  const fixed = { ...two, psk: OTHER_KEY, peer: '198.51.100.7', 'peer-id': undefined }
  assert.doesNotMatch(told({ one: BY_KEY, two: fixed }), /error/)
  const same = { ...two, 'peer-id': 'branch7.example' }
  assert.match(told({ one: BY_KEY, two: same }), /error two waits for the same peer as one/)
  const anyone = { ...two, 'peer-id': { 'any-of': 'psk' } }
  assert.match(
    told({ one: { ...BY_KEY, 'peer-id': { 'any-of': 'psk' } }, two: anyone }),
    /error two waits for the same peer as one .*\{any-of: psk\} from anywhere/,
  )
})

test('what several can come into has networks of its own: nobody takes the traffic of another', () => {
  const two = { ...BY_KEY, 'peer-id': 'branch8.example' }
  const overlap =
    /error CW-408 one 10\.1\.0\.0\/16 ↔ 10\.2\.0\.0\/16 overlaps two .*needs networks of its own/
  assert.match(told({ one: BY_KEY, two }), overlap)
  const fixed = { psk: OTHER_KEY, peer: '198.51.100.7' }
  assert.match(told({ one: BY_KEY, two: fixed }), overlap)
  const anyone = { peer: 'any', certificate: { ...CERTIFIED, 'peer-id': { 'any-of': 'trust' } } }
  assert.match(told({ one: fixed, two: anyone }), overlap)
  const pool = { 'mode-config': { role: 'server', pool: '10.3.0.0/28' } }
  const given = { ...pool, networks: ['10.1.0.0/16 <-> any'] }
  assert.doesNotMatch(told({ one: { ...BY_KEY, ...given }, two: { ...two, ...given } }), /error/)
})

test('a distinguished name with a wildcard is several peers, where they come from anywhere', () => {
  const fixed = { psk: OTHER_KEY, peer: '198.51.100.7' }
  const branches = (peer: string, name: string, moves?: string) => ({
    peer,
    'peer-moves': moves,
    certificate: { ...CERTIFIED, 'peer-id': name },
  })
  const any = branches('any', 'CN=*, O=Example')
  assert.match(told({ one: fixed, two: any }), /error CW-408 one .*any of several certificates/)
  const moving = branches('198.51.100.8', 'CN=*, O=Example', 'allow')
  assert.match(told({ one: fixed, two: moving }), /error CW-408/)
  const named = branches('any', 'CN=branch7, O=Example')
  assert.match(told({ one: fixed, two: named }), /warning CW-408/)
  const placed = branches('198.51.100.8', 'CN=*, O=Example')
  assert.match(told({ one: fixed, two: placed }), /warning CW-408/)
})

test('overlaps of other tunnels, however many, do not hide that', () => {
  const many = Array.from({ length: 101 }, (_, i) => `10.1.0.0/16 <-> 10.50.${i}.0/24`)
  const [a, b, fixed] = ['198.51.100.7', '198.51.100.8', '198.51.100.9'].map((peer) => ({
    psk: OTHER_KEY,
    peer,
  }))
  const networks = ['10.1.0.0/16 <-> 10.200.0.0/16']
  const all = {
    a: { ...a, networks: many },
    b: { ...b, networks: many },
    branch: { ...BY_KEY, networks },
    fixed: { ...fixed, networks },
  }
  assert.match(told(all), /error CW-408 branch .* overlaps fixed/)
  assert.equal(load(all).problems.filter(({ code }) => code === 'CW-408').length, 101)
})

test('any certificate of a CA is taken where that is written, and called what it is', () => {
  const certificate = { ...CERTIFIED, 'peer-id': { 'any-of': 'trust' } }
  for (const peer of ['any', '198.51.100.7']) {
    const { config } = load({ t: { peer, certificate } })
    assert.deepEqual(config?.tunnels[0]?.remoteId, { kind: 'any-of', proof: 'trust' })
    assert.match(
      told({ t: { peer, certificate } }),
      /warning any certificate of CN=Plant CA, O=Example opens t, whoever holds it/,
    )
  }
  const outside = { peer: 'any', certificate: CERTIFIED, 'peer-id': { 'any-of': 'trust' } }
  assert.deepEqual(load({ t: outside }).config?.tunnels[0]?.remoteId.kind, 'any-of')
})

test('the certificate of the peer itself, alone, is as good as its name', () => {
  const certificate = { ...CERTIFIED, trust: 'gw.pem', 'peer-id': { 'any-of': 'trust' } }
  assert.equal(told({ t: { peer: 'any', certificate } }), '')
})

test('a root of version 1, which cannot say that it is a CA, is one all the same', () => {
  const certificate = { ...CERTIFIED, trust: 'old.pem', 'peer-id': { 'any-of': 'trust' } }
  assert.match(
    told({ t: { peer: 'any', certificate } }),
    /warning any certificate of CN=Plant CA, O=Example opens t, whoever holds it/,
  )
})

test('a public CA is refused: anybody can have a certificate of it', () => {
  const certificate = { ...CERTIFIED, trust: 'public.pem', 'peer-id': { 'any-of': 'trust' } }
  const text = told({ t: { peer: 'any', certificate } })
  assert.match(text, /error .* is a public CA: .* would let anybody in name the peer: peer-id/)
  const named = { ...certificate, 'peer-id': 'branch7.example' }
  assert.doesNotMatch(told({ t: { peer: 'any', certificate: named } }), /public CA/)
})

test('a CA that vouches for the peers of other tunnels lets those in, and check names them', () => {
  const anyone = { ...CERTIFIED, 'peer-id': { 'any-of': 'trust' } }
  const named = (trust: string) => ({
    peer: 'any',
    certificate: { ...CERTIFIED, trust, 'peer-id': 'branch7.example' },
    networks: ['10.1.0.0/16 <-> 10.8.0.0/16'],
  })
  const t = { peer: 'any', certificate: anyone }
  assert.match(
    told({ t, plant: named('ca.pem') }),
    /warning the peers of plant have certificates of the same CA: each of them can take t/,
  )
  assert.doesNotMatch(told({ t, office: named('office.pem') }), /the peers of office/)
})

test('what proves nothing in this tunnel cannot be asked for', () => {
  const any = { peer: 'any', certificate: CERTIFIED, 'peer-id': { 'any-of': 'psk' } }
  assert.match(told({ t: any }), /error any-of: psk is about a pre-shared key/)
  const key = { ...BY_KEY, 'peer-id': { 'any-of': 'trust' } }
  assert.match(told({ t: key }), /error any-of: trust is about certificates/)
  const login = { role: 'client', user: 'u', password: 'open sesame' }
  const hybrid = { trust: 'ca.pem', 'peer-id': { 'any-of': 'trust' } }
  assert.match(
    told({ t: { peer: '198.51.100.7', certificate: hybrid, xauth: login } }),
    /error any-of: trust needs certificates of both sides/,
  )
  assert.match(
    told({ t: { ...BY_KEY, 'peer-id': {} } }),
    /error peer-id .* one of sends and any-of/,
  )
  const both = { sends: 'a.example', 'any-of': 'psk' }
  assert.match(told({ t: { ...BY_KEY, 'peer-id': both } }), /error peer-id .* one of/)
  assert.match(told({ t: { ...BY_KEY, 'peer-id': 'any' } }), /error "any" is no identity.*any-of/)
})

type Tunnel = Readonly<Record<string, unknown>>

function load(tunnels: Readonly<Record<string, Tunnel>>) {
  const networks = ['10.1.0.0/16 <-> 10.2.0.0/16']
  const all = Object.fromEntries(
    Object.entries(tunnels).map(([name, one]) => [name, { networks, ...one }]),
  )
  const document = { version: 1, gateway: { address: '203.0.113.10' }, tunnels: all }
  const files = memoryFiles({
    '/c.yaml': JSON.stringify(document, null, 2),
    '/ca.pem': toPem('CERTIFICATE', CA.certificate.der),
    '/old.pem': toPem('CERTIFICATE', inVersion1(CA.certificate)),
    '/office.pem': toPem('CERTIFICATE', OTHER_CA.certificate.der),
    '/gw.pem': toPem('CERTIFICATE', GATEWAY.certificate.der),
    '/gw.key': exportKey(GATEWAY.key),
    '/public.pem': rootCertificates[0] ?? '',
  })
  return loadConfig('/c.yaml', { files, variables: {}, hostName: 'h', now: TODAY })
}

function told(tunnels: Readonly<Record<string, Tunnel>>): string {
  return load(tunnels)
    .problems.map(({ severity, code = '', message, hints }) =>
      [severity, code, message, ...hints].join(' ').replace('  ', ' '),
    )
    .join('\n')
}
