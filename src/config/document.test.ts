import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_FILE_OCTETS, plain, readDocument } from './document.ts'

test('every part knows its line, column and length', () => {
  const { root } = readDocument('f', 'a: one\nb:\n  - "two"\n')
  assert.ok(root?.kind === 'map')
  assert.deepEqual(root.entries.get('a')?.value.place, { file: 'f', line: 1, column: 4, length: 3 })
  const list = root.entries.get('b')?.value
  assert.ok(list?.kind === 'list')
  assert.deepEqual(list.items[0]?.place, { file: 'f', line: 3, column: 5, length: 5 })
  assert.deepEqual(plain(root), { a: 'one', b: ['two'] })
})

test('what repeats or merges is refused', () => {
  assert.match(told('a: &x 1\nb: *x\n'), /an anchor .* not allowed.*an alias .* not allowed/)
  assert.match(told('a: 1\n<<: {b: 2}\n'), /"<<" is not allowed as a key/)
  assert.match(told('a: !!binary aGk=\n'), /a tag .* is not allowed/)
  assert.match(told('a: !secret x\n'), /a tag .* is not allowed/)
  assert.match(told('a: 1\n---\nb: 2\n'), /a second document/)
  assert.match(told('%YAML 1.1\n---\na: yes\n'), /must be YAML 1\.2/)
  assert.match(told('? [a]\n: 1\n'), /a key must be a plain word/)
  assert.match(told('a:\n\tb: 1\n'), /a tab cannot indent/)
})

test('a key that is there twice is said with the line of the first', () => {
  const [problem] = readDocument('f', 'a: 1\nb: 2\na: 3\n').problems
  assert.deepEqual(
    [problem?.line, problem?.message, problem?.hints],
    [3, '"a" is there twice', ['the first one is on line 1']],
  )
})

test('an alias bomb is refused without being unfolded', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 30; i++) {
    lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`)
  }
  const { root, problems } = readDocument('f', lines.join('\n'))
  assert.equal(root, undefined)
  assert.ok(problems.length <= 50)
})

test('hostile nesting ends in a problem, not in a crash', () => {
  for (const text of [
    '['.repeat(100_000),
    '{a: '.repeat(50_000),
    '- '.repeat(50_000),
    '? '.repeat(50_000),
    Array.from({ length: 100 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
  ]) {
    const { root, problems } = readDocument('f', text)
    assert.equal(root, undefined)
    assert.match(problems.map(({ message }) => message).join(), /nested too deeply/)
    assert.ok(problems.length <= 50)
  }
})

test('ten megabytes are refused by their size alone', () => {
  const { root, problems } = readDocument('f', 'a: b\n'.repeat(2_000_000))
  assert.equal(root, undefined)
  assert.deepEqual(
    problems.map(({ message }) => message),
    [`larger than ${MAX_FILE_OCTETS / 1024} KiB`],
  )
})

test('a file of many keys is read in a time that grows with its length', () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `k${i}: v`).join('\n')
  const { root, problems } = readDocument('f', text)
  assert.deepEqual(problems, [])
  assert.equal(root?.kind === 'map' && root.entries.size, 60_000)
})

test('any text gives a tree or problems', () => {
  const yamlish = fc.string({
    unit: fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '-',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '#',
      '|',
      '?',
      ',',
      '\t',
      '*',
      '&',
      '!',
      '%',
      '0',
      '\u0000',
      '\ufeff',
    ),
    maxLength: 80,
  })
  fc.assert(
    fc.property(fc.oneof(fc.string(), yamlish), (text) => {
      const { root, problems } = readDocument('f', text)
      assert.equal(root === undefined, problems.length > 0)
      if (root !== undefined) plain(root)
    }),
    { numRuns: 2_000 },
  )
})

function told(text: string): string {
  const { root, problems } = readDocument('f', text)
  assert.equal(root, undefined)
  return problems.map(({ message }) => message).join(' ')
}
