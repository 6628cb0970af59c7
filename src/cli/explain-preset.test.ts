import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PRESETS } from '#config/presets/catalog'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { EXIT } from './exit-codes.ts'
import { explainPreset } from './explain-preset.ts'

function run(name?: string, options = {}) {
  const { terminal, said } = recordingTerminal()
  const code = explainPreset(terminal, name, options)
  return { code, ...said }
}

test('a preset is shown with each value, its source and what to ask', () => {
  const { code, out } = run('cisco-ios')
  assert.equal(code, EXIT.ok)
  assert.match(out, /^cisco-ios: Cisco IOS and IOS-XE\n/)
  assert.match(out, /phase2\.volume: 4608000KB\n {4}the default beside the time/)
  assert.match(out, /To confirm with the other side\n {2}- the algorithms/)
  assert.match(out, /Sources\n {2}\[1\] http/)
})

for (const { name } of PRESETS) {
  test(`${name} fits 80 columns, long addresses of sources aside`, () => {
    const { out } = run(name)
    const wide = out.split('\n').filter((line) => line.length > 80 && !line.includes('http'))
    assert.deepEqual(wide, [])
  })
}

test('without a name all are listed', () => {
  const { out } = run()
  for (const { name } of PRESETS) assert.match(out, new RegExp(`^${name} +\\S`, 'm'))
})

test('an unknown name is answered with the nearest', () => {
  const { code, err } = run('cisco-iso')
  assert.equal(code, EXIT.usage)
  assert.match(err, /did you mean "cisco-ios"\?/)
})

test('for programs there is one document', () => {
  const { schema, preset } = JSON.parse(run('aws', { json: true }).out)
  assert.equal(schema, 1)
  assert.ok(preset.values.every(({ source }: { source: string }) => source.startsWith('http')))
  assert.equal(JSON.parse(run(undefined, { json: true }).out).presets.length, PRESETS.length)
})
