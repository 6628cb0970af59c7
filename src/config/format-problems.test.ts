import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countProblems, formatProblems } from './format-problems.ts'
import type { ConfigProblem } from './problem.ts'

const WEAK: ConfigProblem = {
  severity: 'warning',
  code: 'CW-206',
  file: '/etc/causeway/causeway.yaml',
  line: 52,
  column: 13,
  length: 18,
  path: 'tunnels.tokyo.phase1',
  message: 'group2 is 1024 bit; RFC 8247 §2.4: SHOULD NOT. (tunnels.tokyo)',
  hints: [],
}
const WRONG: ConfigProblem = {
  severity: 'error',
  file: 'c.yaml',
  line: 1,
  column: 8,
  length: 3,
  path: 'start',
  message: '"abc" is not a value of start',
  hints: ['one of always, on-traffic, respond'],
}

test('warnings stand without their line, aligned under their code', () => {
  const overlap = {
    ...WEAK,
    code: 'CW-408',
    line: 63,
    column: 7,
    message: 'tokyo 10.1.0.0/16 ↔ 10.9.0.0/16 overlaps tokyo-backup (line 80)',
  }
  assert.equal(
    formatProblems([WEAK, overlap], new Map()),
    `/etc/causeway/causeway.yaml:52:13 warning CW-206 group2 is 1024 bit; RFC 8247
                                          §2.4: SHOULD NOT. (tunnels.tokyo)
/etc/causeway/causeway.yaml:63:7  warning CW-408 tokyo 10.1.0.0/16 ↔ 10.9.0.0/16
                                          overlaps tokyo-backup (line 80)
`,
  )
})

test('no line is wider than the terminal, however long paths and lines are', () => {
  const file = `/${'long/'.repeat(20)}causeway.yaml`
  const source = `${' '.repeat(200)}start: ${'x'.repeat(300)}`
  const problems = [
    { ...WEAK, file },
    { ...WRONG, file, column: 208, length: 300 },
  ]
  const lines = formatProblems(problems, new Map([[file, source]])).split('\n')
  const wide = lines.filter((line) => line.length > 80)
  assert.deepEqual(new Set(wide), new Set([`${file}:52:13`, `${file}:1:208`]))
})

test('the marks stay under a value far to the right', () => {
  const source = `${'k: 1, '.repeat(20)}start: abc, x: 1`
  const text = formatProblems([{ ...WRONG, column: 128 }], new Map([['c.yaml', source]]))
  const lines = text.split('\n')
  const marked = lines.findIndex((line) => line.includes('^^^'))
  const at = lines[marked]!.indexOf('^')
  assert.equal(lines[marked - 1]!.slice(at, at + 3), 'abc')
})

test('control characters of a file do not reach the terminal', () => {
  const text = formatProblems(
    [{ ...WRONG, message: 'bad \u001b[2J value' }],
    new Map([['c.yaml', 'start: \u001b[31mabc\u009b\u202e']]),
  )
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u)
})

test('colour changes nothing but colour', () => {
  const sources = new Map([['c.yaml', 'start: abc']])
  const painted = formatProblems([WRONG, WEAK], sources, { color: true })
  const codes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')
  assert.notEqual(painted.replace(codes, ''), painted)
  assert.equal(painted.replace(codes, ''), formatProblems([WRONG, WEAK], sources))
})

test('problems are counted in words', () => {
  assert.equal(countProblems([WRONG, WRONG, WRONG, WEAK]), '3 errors, 1 warning')
  assert.equal(countProblems([WRONG]), '1 error, 0 warnings')
})
