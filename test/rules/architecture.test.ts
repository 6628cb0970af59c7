import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
const paths = [...page.matchAll(/`((?:src|test)\/[\w./-]+)`/g)].map((found) => found[1] ?? '')

test('docs/architecture.md names files and folders that exist', () => {
  assert.ok(paths.length > 40)
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(root, path))),
    [],
  )
})

test('docs/architecture.md says of every folder of src what it holds', () => {
  const folders = readdirSync(join(root, 'src')).map((name) => `\`src/${name}\``)
  assert.deepEqual(
    folders.filter((folder) => !page.includes(folder)),
    [],
  )
})

test('docs/architecture.md names functions that stand in the file it names beside them', () => {
  // `src/a/b.ts`, `name` … and `name` of (in) `src/a/b.ts`
  const pairs = [
    ...[...page.matchAll(/`(src\/[\w./-]+\.ts)`(?:,|:)\s+`(#?\w+)`/g)].map((found) => [
      found[1],
      found[2],
    ]),
    ...[...page.matchAll(/`(#?\w+)`\s+(?:of|in)\s+`(src\/[\w./-]+\.ts)`/g)].map((found) => [
      found[2],
      found[1],
    ]),
  ]
  assert.ok(pairs.length > 10)
  const missing = pairs.filter(
    ([path = '', name = '']) => !readFileSync(join(root, path), 'utf8').includes(name),
  )
  assert.deepEqual(missing, [])
})
