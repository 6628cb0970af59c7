import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PskSource } from './draft.ts'
import { type MemoryFile, memoryFiles } from './files.ts'
import { chmodLine, readPsk } from './psk.ts'

const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'

test('one line end at the end of a key file is not part of the key', () => {
  assert.equal(keyIn(`${KEY}\n`), KEY)
  assert.equal(keyIn(`${KEY}\r\n`), KEY)
  assert.equal(keyIn(KEY), KEY)
  assert.equal(keyIn(`${KEY}\n\n`), `${KEY}\n`)
})

test('what makes a key differ unseen is warned of, and kept', () => {
  assert.equal(keyIn(`${KEY} \n`), `${KEY} `)
  assert.match(told({ text: `${KEY} \n`, mode: 0o600 }), /white space/)
  assert.match(told(`"${KEY}"`), /in quotes/)
  assert.match(told(`\ufeff${KEY}`), /byte order mark/)
})

test('a key file that group or others can touch is refused, with the line that helps', () => {
  for (const [mode, words] of [
    [0o644, 'mode 0644: others can read this key'],
    [0o640, 'mode 0640: the group can read this key'],
    [0o622, 'mode 0622: others can change this key'],
    [0o660, 'mode 0660: the group can read this key'],
  ] as const) {
    const { psk, findings } = fromFile({ text: KEY, mode })
    assert.equal(psk, undefined)
    assert.deepEqual(
      findings.map(({ severity, file, message, hints }) => [severity, file, message, hints]),
      [['error', '/keys/k', words, ['$ chmod 600 /keys/k']]],
    )
  }
  assert.notEqual(fromFile({ text: KEY, mode: 0o400 }).psk, undefined)
})

test('the chmod line can be pasted whatever the path is', () => {
  assert.equal(chmodLine("/a b/it's"), "$ chmod 600 '/a b/it'\\''s'")
})

test('weak keys are warned of and used', () => {
  assert.match(
    told('short'),
    /can be guessed: it is worth about \d+ bits \(5 characters\), 80 or more/,
  )
  assert.match(told('a'.repeat(64)), /worth about 7 bits,/)
  assert.equal(told(KEY), '')
})

test('a key that is empty, missing or far too long is an error', () => {
  assert.match(told('\n'), /is empty/)
  assert.match(told('x'.repeat(2000)), /longer than 1024 octets/)
  const { findings } = readPsk({ kind: 'file', path: 'none' }, '/keys', host({}))
  assert.deepEqual(
    findings.map(({ code, message }) => [code, message]),
    [['CW-305', 'no pre-shared key: /keys/none: no such file']],
  )
})

test('a key written behind "file:" is not repeated as the name of a file', () => {
  const { findings } = readPsk({ kind: 'file', path: 'hunter2\nhunter2' }, '/keys', host({}))
  assert.match(findings[0]!.message, /behind "file:" is no file name: no such file/)
  assert.doesNotMatch(JSON.stringify(findings), /hunter2/)
})

test('a key can come from the environment', () => {
  const source: PskSource = { kind: 'env', name: 'PSK' }
  const given = readPsk(source, '/', { ...host({}), variables: { PSK: KEY } })
  assert.equal(new TextDecoder().decode(given.psk?.reveal()), KEY)
  assert.match(readPsk(source, '/', host({})).findings[0]!.message, /has no variable "PSK"/)
})

function host(files: Readonly<Record<string, MemoryFile>>) {
  return { files: memoryFiles(files), variables: {}, hostName: 'h' }
}

function fromFile(file: MemoryFile): ReturnType<typeof readPsk> {
  return readPsk({ kind: 'file', path: 'k' }, '/keys', host({ '/keys/k': file }))
}

function keyIn(file: MemoryFile): string {
  return new TextDecoder().decode(fromFile(file).psk?.reveal())
}

function told(file: MemoryFile): string {
  return fromFile(file)
    .findings.map(({ message }) => message)
    .join()
}
