import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import { keyVariants, MOST_VARIANTS, type NamedKey } from './key-variants.ts'

test('thinks of line ends, white space and quotes', () => {
  const variants = wordsOf('correct horse')
  assert.equal(variants.get('correct horse\n'), 'ours followed by a line end (LF)')
  assert.equal(variants.get('correct horse\r\n'), 'ours followed by a line end (CR LF)')
  assert.equal(variants.get('correct horse\r'), 'ours followed by a carriage return')
  assert.equal(variants.get('correct horse '), 'ours followed by a space')
  assert.equal(variants.get(' correct horse'), 'ours with a space before it')
  assert.equal(variants.get('"correct horse"'), 'ours with double quotes around it')
  assert.equal(variants.get("'correct horse'"), 'ours with single quotes around it')
  assert.equal(
    wordsOf(' correct horse\n').get('correct horse'),
    'ours without the white space around it',
  )
  assert.equal(wordsOf('"correct horse"').get('correct horse'), 'ours without the quotes around it')
})

test('thinks of hexadecimal and base64, read or not', () => {
  assert.equal(wordsOf('0x6b6579').get('key'), 'ours, read as hexadecimal digits')
  assert.equal(wordsOf('0x6b6579').get('6b6579'), 'ours without the 0x or 0s before it')
  assert.equal(wordsOf('Y29ycmVjdCBob3JzZQ==').get('correct horse'), 'ours, read as base64')
  assert.equal(wordsOf('0sY29ycmVjdCBob3JzZQ').get('correct horse'), 'ours, read as base64')
})

test('thinks of the forms of Unicode', () => {
  assert.match(wordsOf('cl\u00e9').get('cle\u0301') ?? '', /NFD/)
  assert.match(wordsOf('cle\u0301').get('cl\u00e9') ?? '', /NFC/)
})

test('thinks of an editor that begins a file with a byte order mark', () => {
  assert.match(wordsOf('\ufeffcorrect horse').get('correct horse') ?? '', /byte order mark/)
})

test('thinks of octets that are not UTF-8', () => {
  const [variant] = keyVariants(secret('cl\u00e9'), []).filter(({ words }) => /Latin-1/.test(words))
  assert.deepEqual(variant?.key.reveal(), Uint8Array.of(0x63, 0x6c, 0xe9))
})

test('thinks of files and shells that take the rest of a key for something else', () => {
  for (const key of ['abc#def', 'abc;def#', 'abc$def', 'abc def', 'abc"def', 'abc\\def', 'abc?d']) {
    assert.match(wordsOf(key).get('abc') ?? '', /up to the first character that means something/)
  }
  assert.equal(wordsOf('#abc').get(''), undefined)
})

test('thinks of fields that take 32, 64 or 128 characters', () => {
  const words = wordsOf('k'.repeat(200))
  for (const length of [32, 64, 128]) {
    assert.equal(words.get('k'.repeat(length)), `the first ${length} characters of ours`)
  }
})

test('thinks of the keys of other tunnels, each once', () => {
  const words = wordsOf('ours', [
    named('lyon', 'theirs'),
    named('nice', 'theirs'),
    named('x', 'ours'),
  ])
  assert.equal(words.get('theirs'), 'that of our tunnel lyon')
  assert.equal(words.get('ours'), undefined)
})

test('never thinks of more than 16, and leaves out our own', () => {
  const others = Array.from({ length: 50 }, (_, i) => named(`t${i}`, `key ${i}`))
  const key = `0s${'QUJD'.repeat(40)}`
  const variants = keyVariants(secret(key), others)
  assert.equal(variants.length, MOST_VARIANTS)
  assert.equal(new Set(variants.map(({ key }) => textOf(key))).size, MOST_VARIANTS)
  assert.ok(variants.every((variant) => textOf(variant.key) !== key))
})

test('a key that is no text has variants, too', () => {
  const variants = keyVariants(new Secret(Uint8Array.of(0xff, 0xfe, 0x00)), [])
  assert.equal(variants[0]?.words, 'ours followed by a line end (LF)')
})

test('says nothing of a key', () => {
  for (const { words } of keyVariants(secret('Tr0ub4dor'), [named('lyon', 'hunter2')])) {
    assert.doesNotMatch(words, /Tr0ub|hunter/)
  }
})

/** Words by the key they stand for. */
function wordsOf(key: string, others: readonly NamedKey[] = []): ReadonlyMap<string, string> {
  return new Map(keyVariants(secret(key), others).map(({ key, words }) => [textOf(key), words]))
}

function secret(text: string): Secret {
  return new Secret(new TextEncoder().encode(text))
}

function named(tunnel: string, key: string): NamedKey {
  return { tunnel, key: secret(key) }
}

function textOf(key: Secret): string {
  return new TextDecoder().decode(key.reveal())
}
