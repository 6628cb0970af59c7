import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  IPSEC_MOON,
  IPSEC_SECRETS,
  IPSEC_SUN,
  SWANCTL_MOON,
  SWANCTL_SUN,
} from '../../test/support/import-samples.ts'
import { CISCO_ASA, CISCO_IOS } from '../../test/support/import-samples-devices.ts'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { EXIT } from './exit-codes.ts'
import { type ImportArguments, importFiles } from './import.ts'
import { rehearse } from './rehearse.ts'

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'cw-import-'))
  context.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function run(paths: readonly string[], options: ImportArguments = {}) {
  const { terminal, said } = recordingTerminal()
  const code = importFiles(terminal, paths, options)
  return { code, ...said }
}

function given(context: TestContext, files: Readonly<Record<string, string>>): string {
  const path = folder(context)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}

test('writes a main file, a file for each tunnel and its key with mode 600, and starts nothing', (context) => {
  const path = given(context, { 'ipsec.conf': IPSEC_MOON, 'ipsec.secrets': IPSEC_SECRETS })
  const to = join(path, 'new')
  const { code, out, err } = run([join(path, 'ipsec.conf')], { write: to })
  assert.deepEqual([code, err], [EXIT.ok, ''])
  const key = join(to, 'keys/net-net.psk')
  assert.equal(statSync(key).mode & 0o777, 0o600)
  assert.equal(
    readFileSync(key).toString('base64').slice(0, 12),
    '0sv+NkxY9L'.slice(2).concat('LZvw'),
  )
  assert.match(readFileSync(join(to, 'tunnels.d/net-net.yaml'), 'utf8'), /peer: 192\.168\.0\.2 #/)
  assert.match(out, /ipsec\.conf:\d+ +ikelifetime=60m +→ phase1\.lifetime\n/)
  assert.match(out, /causeway check would say: 0 errors, /)
  assert.match(
    out,
    /1 found, 1 written, 0 skipped\. Nothing was started\.\nNext: causeway check \S+\n$/,
  )
})

test('writes over nothing', (context) => {
  const path = given(context, { 'swanctl.conf': SWANCTL_MOON })
  const options = { write: join(path, 'new') }
  assert.equal(run([join(path, 'swanctl.conf')], options).code, EXIT.ok)
  const before = readFileSync(join(path, 'new/tunnels.d/gw-gw.yaml'), 'utf8')
  const { code, err } = run([join(path, 'swanctl.conf')], options)
  assert.equal(code, EXIT.configuration)
  assert.match(err, /is\s+there\s+already;\s+nothing\s+is\s+overwritten/)
  assert.equal(readFileSync(join(path, 'new/tunnels.d/gw-gw.yaml'), 'utf8'), before)
})

test('into the folder of a configuration that is there it puts tunnels and keys only', (context) => {
  const path = given(context, {
    'causeway.yaml': 'version: 1\ninclude: tunnels.d/*.yaml\n',
    'swanctl.conf': SWANCTL_MOON,
  })
  const { code, out } = run([join(path, 'swanctl.conf')], { write: join(path, 'tunnels.d') })
  assert.equal(code, EXIT.ok)
  assert.ok(statSync(join(path, 'tunnels.d/gw-gw.yaml')).isFile())
  assert.ok(statSync(join(path, 'keys/gw-gw.psk')).isFile())
  assert.match(out, /0 errors/)
})

test('without --write it prints, and no key unless asked', (context) => {
  const path = given(context, {
    'swanctl.conf': SWANCTL_MOON.replace(/0sv\S+/, '"a quite long key of text"'),
  })
  const file = join(path, 'swanctl.conf')
  const quiet = run([file])
  assert.match(quiet.out, /^# Imported from .*\n(?:# .*\n)*tunnels:\n {2}gw-gw:\n/)
  assert.doesNotMatch(quiet.out + quiet.err, /long key/)
  assert.match(run([file], { showSecrets: true }).err, /gw-gw: key a quite long key of text\n/)
  const { schema, imported } = JSON.parse(run([file], { json: true }).out)
  assert.deepEqual([schema, imported[0].tunnels[0].name], [1, 'gw-gw'])
  assert.doesNotMatch(JSON.stringify(imported), /long key/)
})

test('a file in no known format is refused', (context) => {
  const path = given(context, { 'x.txt': 'hello world\n' })
  const { code, err } = run([join(path, 'x.txt')])
  assert.equal(code, EXIT.configuration)
  assert.match(err.replace(/\s+/g, ' '), /not a format that is known/)
})

test('secrets alone are refused with what to name', (context) => {
  const path = given(context, { 'ipsec.secrets': IPSEC_SECRETS })
  const { code, err } = run([join(path, 'ipsec.secrets')])
  assert.equal(code, EXIT.configuration)
  assert.match(err.replace(/\s+/g, ' '), /name the ipsec\.conf beside them/)
})

test('the report fits 80 columns', (context) => {
  const path = given(context, { 'ios.txt': CISCO_IOS })
  const { err } = run([join(path, 'ios.txt')])
  assert.deepEqual(
    err.split('\n').filter((line) => [...line].length > 80),
    [],
  )
})

for (const [what, ours, theirs, more] of [
  ['swanctl.conf', SWANCTL_MOON, SWANCTL_SUN, {}],
  ['ipsec.conf', IPSEC_MOON, IPSEC_SUN, { 'ipsec.secrets': IPSEC_SECRETS }],
  ['Cisco IOS and Cisco ASA', CISCO_IOS, CISCO_ASA, {}],
] as const) {
  test(`${what}: both ends imported come up with each other`, (context) => {
    const path = folder(context)
    const mains = [ours, theirs].map((text, i) => {
      const name = what === 'ipsec.conf' ? 'ipsec.conf' : 'conf.txt'
      const files = given(context, { [name]: text, ...more })
      const to = join(path, `end${i}`)
      assert.equal(run([join(files, name)], { write: to }).code, EXIT.ok)
      return join(to, 'causeway.yaml')
    })
    // A key that is not in the text is for the operator to write.
    if (what.startsWith('Cisco'))
      writeFileSync(join(path, 'end0/keys/Lyon.psk'), 'written by the operator himself', {
        mode: 0o600,
      })
    const { terminal, said } = recordingTerminal()
    const options = { loss: 0, nat: 'none', seed: 1 } as const
    const code = rehearse(terminal, mains, options)
    assert.equal(code, EXIT.ok, said.out + said.err)
  })
}
