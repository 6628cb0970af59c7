import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'
import { completions } from './completion.ts'
import { candidateLines, completionScript } from './completion-scripts.ts'
import { commands } from './main.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'causeway-completion-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const asked: (string | undefined)[] = []
async function words(...typed: readonly string[]): Promise<readonly string[]> {
  const found = await completions(
    commands(() => {}),
    typed,
    async (control) => {
      asked.push(control)
      return ['paris', 'plant', 'tokyo']
    },
  )
  return found.map(({ word }) => word)
}

test('offers the commands, but none that is not for people', async () => {
  assert.deepEqual(await words('sta'), ['status'])
  assert.deepEqual(await words('pki', 'si'), ['sign'])
  assert.ok(!(await words('')).includes('__complete'))
})

test('offers the names of tunnels where one is meant, as often as one may be', async () => {
  assert.deepEqual(await words('up', 'p'), ['paris', 'plant'])
  assert.deepEqual(await words('up', 'paris', 't'), ['tokyo'])
  assert.deepEqual(await words('status', '--json', ''), ['paris', 'plant', 'tokyo'])
})

test('asks the gateway that the line names', async () => {
  asked.length = 0
  await words('--control', '/run/other.sock', 'down', '')
  assert.deepEqual(asked, ['/run/other.sock'])
})

test('offers options after a dash and their values after them', async () => {
  assert.deepEqual(await words('rekey', '--ph'), ['--phase'])
  assert.deepEqual(await words('rekey', '--phase', ''), ['1', '2'])
  assert.deepEqual(await words('--color', 'al'), ['always'])
})

test('leaves names of files to the shell', async () => {
  assert.deepEqual(await words('check', ''), [])
  assert.deepEqual(await words('run', '-c', ''), [])
})

test('writes candidates as each shell reads them', () => {
  const candidates = [{ word: 'a:b', what: 'some words' }]
  assert.equal(candidateLines('bash', candidates), 'a:b\n')
  assert.equal(candidateLines('zsh', candidates), 'a\\:b:some words\n')
  assert.equal(candidateLines('fish', candidates), 'a:b\tsome words\n')
})

test('bash completes with the script it is given', () => {
  const program = join(folder, 'causeway')
  writeFileSync(
    program,
    `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/causeway.js')}' "$@"\n`,
  )
  chmodSync(program, 0o755)
  const script = `${completionScript('bash')}
COMP_WORDS=(causeway rekey --phase ''); COMP_CWORD=3; _causeway; echo "\${COMPREPLY[*]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` },
  })
  assert.equal(stdout, '1 2\n', stderr)
})
