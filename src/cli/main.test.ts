import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ConfigProblem } from '#config/problem'
import { EXIT, EXIT_CODES_HELP } from './exit-codes.ts'
import { commands } from './main.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'causeway-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function causeway(...args: readonly string[]) {
  const env = { ...process.env, CAUSEWAY_CONTROL: join(folder, 'nobody.sock') }
  const argv = [join(root, 'bin/causeway.js'), ...args]
  return spawnSync(process.execPath, argv, { encoding: 'utf8', env })
}

function configuration(name: string, tunnel: object, mode = 0o600): string {
  const file = join(folder, name)
  const gateway = { name: 'gw-berlin', address: '203.0.113.10' }
  writeFileSync(
    file,
    JSON.stringify({ version: 1, gateway, tunnels: { paris: tunnel } }, null, 2),
    { mode },
  )
  return file
}

const good = {
  peer: '198.51.100.7',
  psk: 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa',
  networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
}

test('output that a full disk does not take is an error, not a key of no octets', () => {
  const full = openSync('/dev/full', 'w')
  try {
    const argv = [join(root, 'bin/causeway.js'), 'keygen']
    const { status, stderr } = spawnSync(process.execPath, argv, {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    assert.equal(status, 1)
    assert.match(stderr, /output could not be written: ENOSPC/)
  } finally {
    closeSync(full)
  }
})

test('tells the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  assert.equal(causeway('--version').stdout, `${version}\n`)
  assert.equal(causeway('version').stdout, `${version}\n`)
})

test('prints the schema that the repository has for editors', () => {
  const { status, stdout } = causeway('schema')
  assert.equal(status, EXIT.ok)
  const kept = readFileSync(join(root, 'docs/schema.json'), 'utf8')
  assert.deepEqual(JSON.parse(stdout), JSON.parse(kept))
})

test('help that nobody reads to its end is no failure', async () => {
  const child = spawn(process.execPath, [join(root, 'bin/causeway.js'), '--help'])
  child.stdout.destroy()
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const [code] = await once(child, 'close')
  assert.deepEqual([code, said], [EXIT.ok, ''])
})

test('ends with 2 on wrong usage, and names the nearest command', () => {
  const { status, stderr } = causeway('sttus')
  assert.equal(status, EXIT.usage)
  assert.match(stderr, /Did you mean status\?/)
  assert.equal(causeway('up').status, EXIT.usage)
  assert.equal(causeway('up', 'paris', '--timeout', '0').status, EXIT.usage)
})

test('ends with 4 when no gateway runs, saying where it looked, with nothing on stdout', () => {
  const { status, stdout, stderr } = causeway('status')
  assert.equal(status, EXIT.unreachable)
  assert.equal(stdout, '')
  assert.match(stderr, /nobody\.sock is not there/)
})

test('check ends with 0 on a good file and with 3 on a bad one, naming line and column', () => {
  const fine = causeway('check', configuration('good.yaml', good))
  assert.equal(fine.status, EXIT.ok)
  assert.match(fine.stdout, /^ok {2}1 tunnel, 0 errors, \d warnings?/m)
  const { status, stdout } = causeway('check', configuration('bad.yaml', { ...good, pser: 1 }))
  assert.equal(status, EXIT.configuration)
  assert.match(stdout, /bad\.yaml:\d+:\d+\s+error +unknown key "pser"/)
  assert.match(stdout, /1 error, 0 warnings/)
})

test('check --json is one document for either', () => {
  const document = JSON.parse(causeway('check', configuration('g.yaml', good), '--json').stdout)
  assert.deepEqual([document.schema, document.ok, document.tunnels], [1, true, ['paris']])
  // Its address is one of documentation, which no host has: told as what it is, and no error.
  assert.deepEqual(
    document.problems.map(({ code, severity }: ConfigProblem) => `${severity} ${code}`)[0],
    'warning CW-108',
  )
  const { status, stdout } = causeway('check', join(folder, 'none.yaml'), '--json')
  assert.equal(status, EXIT.configuration)
  assert.equal(JSON.parse(stdout).ok, false)
})

test('run refuses a configuration that check refuses', () => {
  const { status, stderr } = causeway('run', '-c', configuration('r.yaml', { ...good, peer: 7 }))
  assert.equal(status, EXIT.configuration)
  assert.match(stderr, /The gateway was not started/)
})

test('keygen prints 256 bits that need no quoting, other ones each time', () => {
  const keys = [causeway('keygen').stdout, causeway('keygen').stdout]
  for (const key of keys) assert.match(key, /^[A-Za-z0-9_-]{43}\n$/)
  assert.notEqual(keys[0], keys[1])
})

test('docs/cli.md and --help tell of every exit code', () => {
  const page = readFileSync(join(root, 'docs/cli.md'), 'utf8')
  for (const code of Object.values(EXIT)) {
    assert.match(page, new RegExp(`^\\| ${code} \\| `, 'm'))
    assert.match(EXIT_CODES_HELP, new RegExp(`^ {2}${code} `, 'm'))
  }
})

test('docs/cli.md tells of every command and its options', () => {
  const page = readFileSync(join(root, 'docs/cli.md'), 'utf8')
  for (const command of commands(() => {}).commands) {
    // Not for people: shells ask it.
    if (command.name().startsWith('__')) continue
    const row = page.split('\n').find((line) => line.startsWith(`| \`${command.name()}`))
    assert.ok(row !== undefined, command.name())
    for (const { long, short } of command.options) {
      const told = [long, short].some((flag) => flag !== undefined && row.includes(flag ?? ''))
      assert.ok(told, `${command.name()} ${long}`)
    }
  }
})

test('keygen --fingerprint compares keys without showing them, and not at all where one could guess', () => {
  const strong = join(folder, 'strong.psk')
  writeFileSync(strong, causeway('keygen').stdout, { mode: 0o600 })
  const [one, two] = [strong, strong].map((file) => causeway('keygen', '--fingerprint', file))
  assert.match(one?.stdout ?? '', /^[0-9A-Z]{6}\n$/)
  assert.equal(one?.stdout, two?.stdout)
  const weak = join(folder, 'weak.psk')
  writeFileSync(weak, 'secret1\n', { mode: 0o600 })
  const { status, stdout } = causeway('keygen', '--fingerprint', weak)
  assert.deepEqual([status, stdout], [EXIT.configuration, ''])
})
