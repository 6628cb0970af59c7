import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configChanges } from './changes.ts'
import type { Config } from './config.ts'
import { memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'
const OTHER_KEY = 'Zt3yN8-qW5eR1uI9oP4aS7dF0gH2jKlX'
const TWO = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  paris:
    peer: 198.51.100.7
    psk: file:a
    phase1: aes256-sha256-group14
    networks: [10.1.0.0/16 <-> 10.2.0.0/16]
  tokyo: {peer: 192.0.2.1, psk: "${KEY}", networks: [10.1.0.0/16 <-> 10.9.0.0/16]}
`

test('names each key that differs with what is written before and after', () => {
  const after = TWO.replace('sha256-group14', 'sha384-group20').replace('[10.1', '[10.0')
  assert.deepEqual(changes(TWO, after).changed, [
    {
      tunnel: 'paris',
      keys: [
        { key: 'phase1', before: 'aes256-sha256-group14', after: 'aes256-sha384-group20' },
        {
          key: 'networks.0',
          before: '10.1.0.0/16 <-> 10.2.0.0/16',
          after: '10.0.0.0/16 <-> 10.2.0.0/16',
        },
      ],
    },
  ])
})

test('a key that is written on one side only has one value', () => {
  const after = TWO.replace('psk: file:a', 'psk: file:a\n    start: respond')
  assert.deepEqual(changes(TWO, after).changed[0]?.keys, [{ key: 'start', after: 'respond' }])
  assert.deepEqual(changes(after, TWO).changed[0]?.keys, [{ key: 'start', before: 'respond' }])
})

test('shows no secret: neither one in the file nor one in a file it names', () => {
  const inFile = changes(TWO, TWO.replace(KEY, OTHER_KEY))
  const named = configChanges(config(TWO), config(TWO, { '/a': OTHER_KEY }))
  assert.deepEqual(
    [inFile, named].map(({ changed }) => changed.map(({ tunnel, keys }) => [tunnel, keys[0]?.key])),
    [[['tokyo', 'psk']], [['paris', 'psk']]],
  )
  for (const shown of [inFile, named]) {
    assert.ok(!JSON.stringify(shown).includes(KEY))
    assert.ok(!JSON.stringify(shown).includes(OTHER_KEY))
  }
})

test('another address of the gateway is said at every tunnel it changes', () => {
  const after = TWO.replace('203.0.113.10', '203.0.113.11')
  assert.deepEqual(
    changes(TWO, after).changed.map(({ tunnel, keys }) => [tunnel, keys]),
    ['paris', 'tokyo'].map((tunnel) => [
      tunnel,
      [{ key: 'gateway.address', before: '203.0.113.10', after: '203.0.113.11' }],
    ]),
  )
})

test('whom a tunnel watches is told apart, because the tunnel runs on', () => {
  const after = TWO.replace('psk: file:a', 'psk: file:a\n    watch: ping 10.2.0.1')
  const { changed, adjusted, unchanged } = changes(TWO, after)
  assert.deepEqual(adjusted, [
    { tunnel: 'paris', keys: [{ key: 'watch', after: 'ping 10.2.0.1' }] },
  ])
  assert.deepEqual([changed, unchanged], [[], ['tokyo']])
})

test('what is new, gone and the same is told by name', () => {
  const { added, removed, unchanged } = changes(TWO, TWO.replace('tokyo:', 'osaka:'))
  assert.deepEqual([added, removed, unchanged], [['osaka'], ['tokyo'], ['paris']])
})

function changes(before: string, after: string) {
  return configChanges(config(before), config(after))
}

function config(text: string, files: Readonly<Record<string, string>> = {}): Config {
  const all = memoryFiles({ '/c.yaml': text, '/a': KEY, ...files })
  const loaded = loadConfig('/c.yaml', { files: all, variables: {}, hostName: 'h' })
  assert.ok(loaded.config, `${loaded.problems[0]?.message}`)
  return loaded.config
}
