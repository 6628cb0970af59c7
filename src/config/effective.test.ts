import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EffectiveKey, effectiveGateway, effectiveTunnel } from './effective.ts'
import { memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'
import { tunnelKeys } from './schema.ts'
import { readSources } from './sources.ts'

const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'
const FILE = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  paris:
    preset: cisco-ios
    peer: 198.51.100.7
    psk: file:key
    phase2: aes256gcm16, pfs group19
    networks: ["10.1.0.0/16 <-> 10.2.0.0/16", "10.1.0.0/16 <-> 10.3.0.0/16"]
  branch:
    ike: v1-aggressive
    peer: any
    peer-id: branch7.example
    psk: "${KEY}"
    phase2: {propose: [3des-sha1]}
    networks: ["10.1.0.0/16 <-> 10.4.0.0/16"]
    xauth: {role: client, user: berlin, password: "${KEY}"}
`

/** `VALUE < ORIGIN` of each key. */
function told(tunnel: string, text = FILE): Readonly<Record<string, string>> {
  const files = memoryFiles({ '/c.yaml': { text, mode: 0o600 }, '/key': KEY })
  const { config, problems } = loadConfig('/c.yaml', { files, variables: {}, hostName: 'gw' })
  assert.ok(config, JSON.stringify(problems))
  const { gateway: node, gatewayAt: at } = readSources('/c.yaml', files)
  const found = config.tunnels.find(({ name }) => name === tunnel)
  const keys =
    found === undefined
      ? effectiveGateway(config.gateway, { node, at })
      : effectiveTunnel(found, { node, at })
  return Object.fromEntries(keys.map((one) => [one.key, shown(one)]))
}

function shown({ value, origin }: EffectiveKey): string {
  const text = typeof value === 'string' ? value : value.join(' ')
  switch (origin.kind) {
    case 'file':
      return `${text} < ${origin.line}`
    case 'preset':
      return `${text} < ${origin.preset}`
    case 'follows':
      return `${text} < ${origin.key} ${origin.at?.line ?? ''}`.trimEnd()
    case 'default':
      return `${text} < default`
  }
}

test('a key says its value, and whether a line, the preset, another key or the default said it', () => {
  const keys = told('paris')
  assert.equal(keys.peer, '198.51.100.7 < 6')
  assert.equal(keys['phase1.lifetime'], '1d < cisco-ios')
  assert.equal(keys['phase1.volume'], 'unlimited < default')
  assert.equal(keys.address, '203.0.113.10 < gateway.address 2')
  assert.equal(keys.id, '203.0.113.10 < gateway.address 2')
  assert.equal(keys['peer-id'], '198.51.100.7 < peer 6')
  assert.equal(keys['interface.name'], 'cw-paris < the name paris 4')
  assert.equal(keys['interface.mtu'], 'computed from the path and the algorithms < default')
})

test('a text that says several keys is the line of each', () => {
  const keys = told('paris')
  assert.equal(keys['phase2.propose'], 'aes256gcm16 < 8')
  assert.equal(keys['phase2.pfs'], 'group19 < 8')
  assert.equal(keys['phase2.lifetime'], '1h < cisco-ios')
})

test('a list is shown item by item', () => {
  assert.equal(
    told('paris').networks,
    '10.1.0.0/16 <-> 10.2.0.0/16 10.1.0.0/16 <-> 10.3.0.0/16 < 9',
  )
})

test('what follows from a peer that can be anywhere says so', () => {
  const keys = told('branch')
  assert.equal(keys.start, 'respond < peer 12')
  assert.equal(keys['probe-v2'], 'off < peer 12')
  assert.equal(keys['peer-id'], 'branch7.example < 13')
})

test('a default that depends on the algorithms is the one that holds', () => {
  assert.equal(told('branch')['phase2.volume'], '1GB < default')
})

test('secrets are hidden, and where they are kept is not', () => {
  assert.equal(told('paris').psk, 'file:key < 7')
  const keys = told('branch')
  assert.equal(keys.psk, '[secret] < 14')
  assert.equal(keys['xauth.password'], '[secret] < 17')
  assert.doesNotMatch(JSON.stringify(keys), new RegExp(KEY))
})

test('every key of the reference is there, but the groups that are not written', () => {
  const groups = new Set(Object.keys(told('paris')).map((key) => key.split('.')[0]))
  const absent = Object.keys(tunnelKeys).filter((key) => !groups.has(key))
  assert.deepEqual(absent, ['note', 'certificate', 'xauth', 'mode-config'])
})

test('the gateway’s own keys are told too', () => {
  assert.deepEqual(told(''), {
    name: 'gw < the host name',
    address: '203.0.113.10 < 2',
    control: '/run/causeway.sock < default',
    workers: 'auto < default',
  })
})
