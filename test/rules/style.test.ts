import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import { type Source, sourcesUnder } from './sources.ts'

const MOST_LINES = 400
/** Tables of data, read by looking things up. */
const DATA_TABLES: readonly string[] = []

const sources = sourcesUnder('src', 'test', 'tools', 'bench')
const product = sources.filter(({ path, isTest }) => path.startsWith('src/') && !isTest)

test('no file is longer than 400 lines, data tables excepted', () => {
  const long = sources.filter(
    ({ path, text }) => text.split('\n').length > MOST_LINES + 1 && !DATA_TABLES.includes(path),
  )
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  )
})

test('every exception for a data table is still needed', () => {
  const paths = sources.map(({ path }) => path)
  assert.deepEqual(
    DATA_TABLES.filter((path) => !paths.includes(path)),
    [],
  )
})

test('no file is a drawer for odds and ends', () => {
  const drawer = /^(?:utils?|helpers|common|misc|index|shared|stuff)\b/
  assert.deepEqual(
    pathsWhere(sources, ({ path }) => drawer.test(basename(path))),
    [],
  )
})

test('file names are in kebab-case', () => {
  const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.ts$/
  assert.deepEqual(
    pathsWhere(sources, ({ path }) => !kebab.test(basename(path))),
    [],
  )
})

for (const [what, pattern] of [
  ['default export', /\bexport\s+default\b|\bas\s+default\b/],
  ['barrel or re-export', /\bexport\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\b)/],
  ['enum or namespace', /^\s*(?:export\s+)?(?:const\s+)?(?:enum|namespace)\s+\w/m],
  ['else after a return', /\breturn\b[^\n;{}]*\n\s*\}\s*else\b/],
] as const) {
  test(`there is no ${what}`, () => {
    assert.deepEqual(
      pathsWhere(sources, ({ code }) => pattern.test(code)),
      [],
    )
  })
}

test('no compiler or linter error is silenced', () => {
  const silenced = /@ts-(?:ignore|expect-error|nocheck)|biome-ignore/
  const outside = sources.filter(({ path }) => !path.startsWith('test/rules/'))
  assert.deepEqual(
    pathsWhere(outside, ({ text }) => silenced.test(text)),
    [],
  )
})

test('product code leaves no note to self and prints only from the cli and the daemon', () => {
  const note = /\b(?:TODO|FIXME|XXX|HACK)\b/
  assert.deepEqual(
    pathsWhere(product, ({ text }) => note.test(text)),
    [],
  )
  const speaks = product.filter(({ folder }) => folder !== 'cli' && folder !== 'daemon')
  assert.deepEqual(
    pathsWhere(speaks, ({ code }) => /\bconsole\./.test(code)),
    [],
  )
})

test('what holds state or is a port says what it is', () => {
  const undocumented = product.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<before>[^\n]*)\nexport (?:abstract )?(?:class|interface) (?<name>\w+)/g)]
      .filter(({ groups }) => !/\*\/\s*$/.test(groups?.before ?? ''))
      .map(({ groups }) => `${path}: ${groups?.name}`),
  )
  assert.deepEqual(undocumented, [])
})

function pathsWhere(
  among: readonly Source[],
  isWrong: (source: Source) => boolean,
): readonly string[] {
  return among.filter(isWrong).map(({ path }) => path)
}
