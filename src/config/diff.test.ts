import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config, TunnelConfig } from './config.ts'
import { diffConfig, isAdjusted } from './diff.ts'
import { memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'
const TWO = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  paris: {peer: 198.51.100.7, psk: file:a, networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]}
  tokyo: {peer: 192.0.2.1, psk: file:b, networks: ["10.1.0.0/16 <-> 10.9.0.0/16"]}
`

test('a file that only looks different changes nothing', () => {
  const moved = `# a comment\n${TWO.replace('peer: 192', 'note: moved, start: always, peer: 192')}`
  assert.deepEqual(names(TWO, moved), {
    added: '',
    changed: '',
    removed: '',
    unchanged: 'paris tokyo',
  })
})

for (const keys of [
  'second-look: off',
  'probe-v2: off',
  'ike-v1-until: 2030-06-30',
  'watch: ping 10.2.0.1',
]) {
  test(`${keys} holds from now on without touching the tunnel, and is told apart`, () => {
    const after = TWO.replace('psk: file:a', `psk: file:a, ${keys}`)
    assert.deepEqual(names(TWO, after).unchanged, 'paris tokyo')
    const [paris] = config(after).tunnels
    const [before, tokyo] = config(TWO).tunnels
    assert.ok(paris !== undefined && before !== undefined && tokyo !== undefined)
    assert.deepEqual([isAdjusted(before, paris), isAdjusted(tokyo, tokyo)], [true, false])
  })
}

test('tunnels are told apart by what happened to them', () => {
  const text = TWO.replace('tokyo:', 'osaka:').replace('10.2.0.0/16', '10.2.0.0/15')
  assert.deepEqual(names(TWO, text), {
    added: 'osaka',
    changed: 'paris',
    removed: 'tokyo',
    unchanged: '',
  })
})

test('another key in the same file is a change, the same key in another file is none', () => {
  const other = config(TWO, { '/a': `x${KEY}` })
  assert.deepEqual(
    diffConfig(config(TWO), other).changed.map(({ name }) => name),
    ['paris'],
  )
  const elsewhere = TWO.replace('file:b', 'file:a')
  assert.equal(diffConfig(config(TWO), config(elsewhere)).unchanged.length, 2)
})

test('another address of the gateway changes every tunnel', () => {
  assert.equal(names(TWO, TWO.replace('203.0.113.10', '203.0.113.11')).changed, 'paris tokyo')
})

test('identities are compared by what they hold', () => {
  const withId = (id: string) => TWO.replace('psk: file:a', `psk: file:a, id: ${id}`)
  assert.equal(names(withId('keyid:0x0102'), withId('keyid:0x0102')).changed, '')
  assert.equal(names(withId('keyid:0x0102'), withId('keyid:0x0103')).changed, 'paris')
})

function config(text: string, files: Readonly<Record<string, string>> = {}): Config {
  const all = memoryFiles({ '/c.yaml': text, '/a': KEY, '/b': KEY, ...files })
  const loaded = loadConfig('/c.yaml', { files: all, variables: {}, hostName: 'h' })
  assert.ok(loaded.config, `${loaded.problems[0]?.message}`)
  return loaded.config
}

function names(before: string, after: string): Record<string, string> {
  const { added, changed, removed, unchanged } = diffConfig(config(before), config(after))
  const joined = (tunnels: readonly TunnelConfig[]) => tunnels.map(({ name }) => name).join(' ')
  return {
    added: joined(added),
    changed: joined(changed),
    removed: joined(removed),
    unchanged: joined(unchanged),
  }
}
