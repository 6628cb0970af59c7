import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { EXIT } from './exit-codes.ts'
import { explainConfig } from './explain-config.ts'

const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'
const FILE = `version: 1
include: more.d/*.yaml
gateway: {name: gw, address: 203.0.113.10}
tunnels:
  paris:
    preset: cisco-ios
    peer: 198.51.100.7
    psk: "${KEY}"
    networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]
`
const MORE = `tunnels:
  tokyo:
    peer: 192.0.2.1
    psk: "${KEY}"
    networks: ["10.1.0.0/16 <-> 10.9.0.0/16"]
`

function run(context: TestContext, names: readonly string[], { json = false, text = FILE } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'cw-explain-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'c.yaml')
  writeFileSync(file, text, { mode: 0o600 })
  mkdirSync(join(folder, 'more.d'))
  writeFileSync(join(folder, 'more.d', 'tokyo.yaml'), MORE, { mode: 0o600 })
  return { ...told(file, names, json), file }
}

function told(file: string, names: readonly string[], json = false) {
  const { terminal, said } = recordingTerminal()
  const code = explainConfig(terminal, file, names, { json })
  return { code, ...said }
}

test('a tunnel is a table of keys, what holds, and where that comes from', (context) => {
  const { code, out, err, file } = run(context, ['paris'])
  assert.deepEqual([code, err], [EXIT.ok, ''])
  const lines = out.split('\n')
  assert.equal(lines[0], `paris  ${file}`)
  const line = (key: string) => lines.find((one) => one.startsWith(`${key} `))?.split(/ {2,}/)
  assert.deepEqual(line('peer'), ['peer', '198.51.100.7', 'line 7'])
  assert.deepEqual(line('phase1.lifetime'), ['phase1.lifetime', '1d', 'preset cisco-ios'])
  assert.deepEqual(line('address'), ['address', '203.0.113.10', 'gateway.address, line 3'])
  assert.deepEqual(line('narrow'), ['narrow', 'refuse', 'default'])
  assert.deepEqual(
    lines.slice(1).filter((one) => one.length > 80),
    [],
  )
  assert.doesNotMatch(out, new RegExp(KEY))
})

test('without a name all are shown, the gateway first; lines of other files with their name', (context) => {
  const { out } = run(context, [])
  assert.deepEqual(out.match(/^\S+(?= {2}\/\S+c\.yaml$)/gm), ['gateway', 'paris', 'tokyo'])
  assert.match(out, /^peer +192\.0\.2\.1 +tokyo\.yaml:3$/m)
})

test('a glob stands for all tunnels whose names it matches', (context) => {
  const { out } = run(context, ['t*o'])
  assert.deepEqual(out.match(/^\S+(?= {2}\/\S+c\.yaml$)/gm), ['tokyo'])
})

test('as JSON each key has its value and its origin', (context) => {
  const { out, file } = run(context, ['paris'], { json: true })
  const { schema, tunnels } = JSON.parse(out)
  assert.equal(schema, 1)
  assert.deepEqual(
    tunnels[0].keys.find(({ key }: { key: string }) => key === 'peer'),
    {
      key: 'peer',
      value: '198.51.100.7',
      origin: { kind: 'file', file, line: 7, column: 5 },
    },
  )
})

test('a file with errors and a name that is not there are refused', (context) => {
  const broken = run(context, ['paris'], { text: FILE.replace('198.51.100.7', 'nowhere!') })
  assert.deepEqual([broken.code, broken.out], [EXIT.configuration, ''])
  assert.match(broken.err, /c\.yaml:7[\s\S]* is no IP address[\s\S]*1 error/)
  const unknown = run(context, ['pari'])
  assert.equal(unknown.code, EXIT.usage)
  assert.match(unknown.err.replace(/\s+/g, ' '), /has no tunnel "pari": did you mean "paris"\?/)
})

test('the name of a tunnel in the place of a file is told where it belongs', () => {
  const { code, err } = told('nosuchtunnel', [])
  assert.equal(code, EXIT.configuration)
  assert.match(err, /causeway explain nosuchtunnel --config$/m)
})
