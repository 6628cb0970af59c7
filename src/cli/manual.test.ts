import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXAMPLES } from './examples.ts'
import { commands } from './main.ts'
import { allCommands, examplesHelp, manualPage, pageName } from './manual.ts'

const program = commands(() => {})

test('the help of every command keeps within 80 columns', () => {
  for (const command of allCommands(program)) {
    const key = pageName(command)
      .replaceAll('-', ' ')
      .replace(/^causeway ?/, '')
    const text = `${command.helpInformation()}${examplesHelp(key)}`
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
  }
})
const all = allCommands(program)
const keyOf = (name: string) => name.replace(/^causeway-?/, '').replaceAll('-', ' ')

test('every command has an example, and every example a command', () => {
  const leaves = all.filter(({ commands }) => commands.length === 0).map(pageName)
  const keys = leaves.map(keyOf).filter((key) => key !== 'version')
  assert.deepEqual(
    keys.filter((key) => EXAMPLES[key] === undefined),
    [],
  )
  const known = new Set(all.map(pageName).map(keyOf))
  assert.deepEqual(
    Object.keys(EXAMPLES).filter((key) => !known.has(key)),
    [],
  )
})

test('examples use options that their command has', () => {
  for (const command of all) {
    const flags = [...command.options, ...program.options].flatMap(({ long, short }) => [
      long,
      short,
    ])
    for (const [line] of EXAMPLES[keyOf(pageName(command))] ?? []) {
      const own = line.split(/[|>]/)[0] ?? ''
      for (const [flag] of own.matchAll(/(?<= )--?[a-z][\w-]*/g)) {
        assert.ok(flags.includes(flag), `${line}: ${flag}`)
      }
    }
  }
})

test('a page has the parts a reader looks for, and no line troff would take for its own', () => {
  for (const command of all) {
    const page = manualPage(command, program, '1.0.0')
    for (const part of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'EXIT STATUS']) {
      assert.match(page, new RegExp(`^\\.SH ${part}$`, 'm'), pageName(command))
    }
    const requests = /^\.(?:TH|SH|TP|PP|B|BR|RS|RE|nf|fi)\b/
    const odd = page.split('\n').filter((line) => /^[.']/.test(line) && !requests.test(line))
    assert.deepEqual(odd, [], pageName(command))
  }
})
