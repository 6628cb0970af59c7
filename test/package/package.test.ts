import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
}
const folder = mkdtempSync(join(tmpdir(), 'causeway-package-'))
const installed = join(folder, 'node_modules/causeway')

before(() => {
  run(folder, 'npm', 'pack', root, '--pack-destination', folder)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  assert.ok(tarball !== undefined, 'npm pack left a tarball')
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--omit=dev', join(folder, tarball))
})

after(() => rmSync(folder, { recursive: true, force: true }))

for (const [line, node] of nodes()) {
  test(`tells its version on ${line}`, () => {
    assert.equal(causeway(node, '--version').trim(), version)
  })

  test(`checks an example from the package on ${line}`, () => {
    const example = join(folder, line)
    cpSync(join(installed, 'examples/two-sites'), example, { recursive: true })
    const key = causeway(node, 'keygen')
    writeFileSync(join(example, 'berlin-paris.psk'), key, { mode: 0o600 })
    assert.match(causeway(node, 'check', join(example, 'berlin.yaml')), /1 tunnel, 0 errors/)
  })
}

test('carries JavaScript and declarations, and no tests or sources', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !name.startsWith('node_modules'),
  )
  assert.ok(files.includes('dist/cli/main.js'))
  assert.ok(files.includes('dist/cli/main.d.ts'))
  assert.ok(files.includes('dist/man/causeway-status.1'))
  assert.deepEqual(
    files.filter((name) => /\.test\.|^src\/|^test\/|(?<!\.d)\.ts$/.test(name)),
    [],
  )
})

/** The pinned Node, and the machine's own where that is another line. */
function nodes(): Map<string, string> {
  const found = new Map([[lineOf(process.execPath), process.execPath]])
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(directory, 'node')
    if (directory.includes('node_modules') || !existsSync(node)) continue
    const line = lineOf(node)
    if (Number(line.slice('Node '.length)) >= 20 && !found.has(line)) found.set(line, node)
  }
  return found
}

function lineOf(node: string): string {
  return `Node ${run(folder, node, '-p', 'process.versions.node').split('.')[0]}`
}

function causeway(node: string, ...args: readonly string[]): string {
  return run(folder, node, join(installed, 'bin/causeway.js'), ...args)
}

function run(cwd: string, command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(error, undefined)
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}
