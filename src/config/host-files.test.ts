import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isTrouble } from './files.ts'
import { hostFiles } from './host-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'cwf-'))
after(() => rmSync(folder, { recursive: true }))

test('a file is read with its permission bits, up to the limit', () => {
  const path = join(folder, 'key')
  writeFileSync(path, 'abcdef')
  chmodSync(path, 0o640)
  const read = hostFiles.read(path, 4)
  assert.ok(!isTrouble(read))
  assert.equal(new TextDecoder().decode(read.octets), 'abcd')
  assert.deepEqual([read.mode, read.more], [0o640, true])
  const whole = hostFiles.read(path, 6)
  assert.ok(!isTrouble(whole))
  assert.deepEqual([whole.octets.length, whole.more], [6, false])
})

test('what cannot be read is said in words', () => {
  mkdirSync(join(folder, 'sub'))
  assert.deepEqual(hostFiles.read(join(folder, 'none'), 9), { why: 'no such file' })
  assert.deepEqual(hostFiles.read(join(folder, 'sub'), 9), { why: 'not a regular file' })
  assert.deepEqual(hostFiles.read('/dev/zero', 9), { why: 'not a regular file' })
})

test('a folder is listed in order, and what is none is not', () => {
  for (const name of ['b.yaml', 'a.yaml']) writeFileSync(join(folder, 'sub', name), '')
  assert.deepEqual(hostFiles.list(join(folder, 'sub')), ['a.yaml', 'b.yaml'])
  assert.equal(hostFiles.list(join(folder, 'none')), undefined)
})
