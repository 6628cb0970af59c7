import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { formatExpected } from '#policy/expected-identity'
import { formatSelectorPair } from '#policy/traffic-selector'
import { sampleTunnel } from '../../test/support/sample-config.ts'
import { configChanges } from './changes.ts'
import type { Config, TunnelConfig } from './config.ts'
import { effectiveTunnel } from './effective.ts'
import { memoryFiles } from './files.ts'
import { atAddress, namesNote, withAddresses } from './peer-name.ts'
import { loadConfig } from './reader.ts'
import { readSources } from './sources.ts'

const FIRST = ip('198.51.100.7')
const SECOND = ip('198.51.100.9')

test('a tunnel whose peer is a host name is read without looking it up', () => {
  const tunnel = named()
  assert.equal(tunnel.peer, 'unresolved')
  assert.deepEqual(tunnel.peerName, {
    name: 'vpn.paris.example',
    isIdentity: true,
    isNetwork: false,
  })
  assert.deepEqual([tunnel.start, tunnel.probeV2], ['always', true])
})

test('with the address comes the identity, where none is written', () => {
  const [here, there] = [FIRST, SECOND].map((address) => atAddress(named(), address))
  assert.deepEqual([here!.peer, formatExpected(here!.remoteId)], [FIRST, FIRST])
  assert.deepEqual([there!.peer, formatExpected(there!.remoteId)], [SECOND, SECOND])
  const sent = atAddress(named('peer-id: {sends: asa1.example}'), FIRST)
  assert.equal(formatExpected(sent.remoteId), 'asa1.example')
})

test('with a certificate the name itself is the identity, wherever it leads', () => {
  const { peerName, ...rest } = named()
  const tunnel = { ...rest, peerName: { ...peerName!, isIdentity: false } }
  assert.equal(formatExpected(atAddress(tunnel, FIRST).remoteId), 'vpn.paris.example')
})

test('in transport mode the two gateways are the networks as soon as both addresses are known', () => {
  const tunnel = named('mode: transport', '')
  assert.deepEqual(tunnel.networks, [])
  assert.deepEqual(atAddress(tunnel, FIRST).networks.map(formatSelectorPair), [
    '203.0.113.10 <-> 198.51.100.7',
  ])
})

test('a configuration in which no address changes stays the one it was', () => {
  const rome = sampleTunnel('rome')
  const before = configOf(atAddress(named(), FIRST), rome)
  assert.equal(
    withAddresses(before, () => FIRST),
    before,
  )
  assert.equal(
    withAddresses(before, () => undefined),
    before,
  )
  const after = withAddresses(before, () => SECOND)
  assert.equal(after.tunnels[0]?.peer, SECOND)
  assert.equal(after.tunnels[1], rome)
})

test('another address closes a tunnel, another name for the same address does not', () => {
  const here = atAddress(named(), FIRST)
  const moved = configChanges(configOf(here), configOf(atAddress(named(), SECOND)))
  assert.deepEqual(moved.changed, [
    { tunnel: 'paris', keys: [{ key: 'peer', before: FIRST, after: SECOND }] },
  ])
  const renamed = atAddress(named('', undefined, 'gw.paris.example'), FIRST)
  const { changed, adjusted } = configChanges(configOf(here), configOf(renamed))
  assert.deepEqual(changed, [])
  assert.deepEqual(adjusted, [
    {
      tunnel: 'paris',
      keys: [{ key: 'peer', before: 'vpn.paris.example', after: 'gw.paris.example' }],
    },
  ])
})

test('what follows from the address is told as that: explain --config', () => {
  const tunnel = named()
  const shown = new Map(effectiveTunnel(tunnel, SOURCE).map(({ key, value }) => [key, value]))
  assert.equal(shown.get('peer'), 'vpn.paris.example')
  assert.equal(shown.get('peer-id'), 'the address of vpn.paris.example')
  const transport = effectiveTunnel(named('mode: transport', ''), SOURCE)
  assert.deepEqual(transport.find(({ key }) => key === 'networks')?.value, [
    '203.0.113.10 <-> the address of vpn.paris.example',
  ])
})

test('check says that names are not looked up there', () => {
  assert.equal(namesNote(configOf(sampleTunnel('rome'))), undefined)
  assert.equal(
    namesNote(configOf(named(), named())),
    'vpn.paris.example is looked up when the gateway runs, not here',
  )
})

const FILE = '/etc/causeway/causeway.yaml'

function named(
  line = '',
  networks: string | undefined = 'networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]',
  peer = 'vpn.paris.example',
): TunnelConfig {
  const { config, problems } = loadConfig(FILE, environment(line, networks, peer))
  assert.ok(config, JSON.stringify(problems))
  return config.tunnels[0]!
}

function environment(line: string, networks: string | undefined, peer: string) {
  const text = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  paris:
    peer: ${peer}
    psk: file:paris.psk
    ${networks ?? ''}
    ${line}
`
  return {
    files: memoryFiles({
      [FILE]: text,
      '/etc/causeway/paris.psk': 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe',
    }),
    variables: {},
    hostName: 'gw',
  }
}

const { gateway: node, gatewayAt: at } = readSources(
  FILE,
  environment('', undefined, 'vpn.paris.example').files,
)
const SOURCE = { node, at }

function configOf(...tunnels: readonly TunnelConfig[]): Config {
  return { gateway: { name: 'gw', control: '/run/causeway.sock' }, tunnels }
}
