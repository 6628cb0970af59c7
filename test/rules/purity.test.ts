import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Source, sourcesUnder } from './sources.ts'

/** Folders whose code is given time, randomness and cryptography as values. */
const PURE = [
  'bytes',
  'iana',
  'wire',
  'crypto',
  'pki',
  'policy',
  'ike',
  'ikev1',
  'esp',
  'diagnosis',
  'capture',
  'probe',
  'rehearsal',
]

/** The crypto port's real implementation, the deterministic one that borrows from it, and signatures and private keys. */
const MAY_USE_NODE_CRYPTO = /^src\/(?:crypto\/(?:node|fixed)|pki\/node)[\w-]*\.ts$/

const sources = sourcesUnder('src').filter(({ folder, isTest }) => PURE.includes(folder) && !isTest)

test('the cores import no part of Node', () => {
  const found = sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ specifier }) => specifier.startsWith('node:'))
      .filter(({ specifier }) => !(specifier === 'node:crypto' && MAY_USE_NODE_CRYPTO.test(path)))
      .map(({ specifier }) => `${path} imports ${specifier}`),
  )
  assert.deepEqual(found, [])
})

for (const [what, pattern] of [
  ['a clock', /\bDate\b|\bperformance\b|\bTemporal\b/],
  ['a timer', /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ['randomness', /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/],
  ['the process or its globals', /\bprocess\.|\bglobalThis\b|\bconsole\.|\bfetch\(|\bBuffer\b/],
] as const) {
  test(`the cores use no ${what.replace(/^an? /, '')}`, () => {
    assert.deepEqual(
      sources.filter((source) => uses(source, pattern)).map(({ path }) => path),
      [],
    )
  })
}

test('engine and protocol code never waits: nothing in it is async', () => {
  const cores = sources.filter(({ folder }) => folder !== 'crypto')
  assert.deepEqual(
    cores
      .filter((source) => uses(source, /\basync\b|\bawait\b|\bPromise\b/))
      .map(({ path }) => path),
    [],
  )
})

function uses({ path, code }: Source, pattern: RegExp): boolean {
  return pattern.test(code) && !MAY_USE_NODE_CRYPTO.test(path)
}
