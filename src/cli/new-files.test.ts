import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { writeNewFiles } from './new-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'cw-new-files-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('where one of several files cannot be written, the others are taken back, and the message names it', () => {
  const [first, second] = [join(folder, 'a'), join(folder, 'not-there', 'b')]
  const files = [first, second].map((path) => ({ path, content: 'x', mode: 0o600 }))
  assert.throws(() => writeNewFiles(files), /not-there\/b could not be written: ENOENT/)
  assert.deepEqual(readdirSync(folder), [])
})

test('a file that is there already is neither overwritten nor taken away', () => {
  const path = join(folder, 'there')
  writeFileSync(path, 'old')
  assert.throws(() => writeNewFiles([{ path, content: 'new', mode: 0o600 }]), /EEXIST/)
  assert.equal(readFileSync(path, 'utf8'), 'old')
})
