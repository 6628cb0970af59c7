import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIkeSuite, formatPfs, weaknesses } from '#policy/proposal'
import type { TunnelConfig } from './config.ts'
import { memoryFiles } from './files.ts'
import { presetReport } from './preset-report.ts'
import { PRESETS } from './presets/catalog.ts'
import { loadConfig } from './reader.ts'

const PATH = '/etc/causeway/causeway.yaml'
const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'

function load(...lines: readonly string[]) {
  const text = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  paris:
    peer: 198.51.100.7
    psk: file:paris.psk
${lines.map((line) => `    ${line}\n`).join('')}`
  const files = memoryFiles({ [PATH]: text, '/etc/causeway/paris.psk': KEY })
  return loadConfig(PATH, { files, variables: {}, hostName: 'gw' })
}

function tunnel(...lines: readonly string[]): TunnelConfig {
  const { config, problems } = load(...lines)
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  )
  const [only] = config?.tunnels ?? []
  assert.ok(only)
  return only
}

const PAIR = 'networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]'
const ROUTE = 'interface: {routes: [10.2.0.0/16]}'

for (const preset of PRESETS) {
  test(`${preset.name}: each value is one the file could have`, () => {
    const found = tunnel(`preset: ${preset.name}`, PAIR, ROUTE)
    assert.equal(found.preset, preset.name)
    const report = presetReport(found)
    const taken = report?.values.map(({ key }) => key)
    const given = preset.values.map(({ key }) => key).filter((key) => key !== 'networks')
    assert.deepEqual(taken, given)
  })

  test(`${preset.name}: says why and from where of each value, and what to ask`, () => {
    for (const { why, source } of preset.values) assert.ok(why !== '' && source !== '')
    for (const { text, source } of preset.habits) assert.ok(/\.$/.test(text) && source !== '')
    assert.ok(preset.confirm.length > 0)
    const keys = preset.values.map(({ key }) => key)
    assert.deepEqual(keys, [...new Set(keys)])
  })
}

test('only presets of peers that have nothing better name weak algorithms', () => {
  const weak = PRESETS.filter(({ name }) => {
    const { phase1, phase2 } = tunnel(`preset: ${name}`, PAIR, ROUTE)
    return (
      phase1.suites.some((suite) => weaknesses(suite).length > 0) ||
      phase2.suites.some((suite) => weaknesses(suite, phase2.pfs).length > 0)
    )
  })
  assert.deepEqual(
    weak.map(({ name }) => name),
    ['azure-default', 'gcp'],
  )
})

test('what the tunnel says goes before its preset, key by key', () => {
  const { phase1, phase2, deadPeer, networks } = tunnel(
    'preset: fortigate',
    PAIR,
    'phase1: {propose: aes256-sha512-group16}',
    'phase2: {lifetime: 2h}',
    'dead-peer: {probe-every: 40s, give-up-after: 80s}',
  )
  assert.deepEqual(phase1.suites.map(formatIkeSuite), ['aes256-sha512-group16'])
  assert.equal(phase1.lifetime.seconds, 86_400)
  assert.equal(phase2.lifetime.seconds, 7_200)
  assert.equal(phase2.suites.length, 4)
  assert.deepEqual(deadPeer, { probeEvery: 40_000, giveUpAfter: 80_000 })
  assert.equal(networks[0]?.local.start, '10.1.0.0')
})

test('a text for a phase leaves the lifetime of the preset', () => {
  const { phase1, phase2 } = tunnel(
    'preset: cisco-asa',
    PAIR,
    'phase1: aes256-sha256-group14',
    'phase2: aes256-sha256, pfs none',
  )
  assert.equal(phase1.lifetime.seconds, 86_400)
  assert.deepEqual(phase2.lifetime, { seconds: 28_800, kilobytes: 4_608_000 })
  assert.equal(phase2.pfs, 'none')
})

test('PFS said with a proposal replaces that of the preset', () => {
  for (const line of [
    'phase2: "aes256gcm16, pfs group19"',
    'phase2: {propose: ["aes256gcm16, pfs group19"]}',
    'phase2: {propose: aes256gcm16, pfs: group19}',
  ]) {
    const { phase2 } = tunnel('preset: aws', ROUTE, line)
    assert.equal(formatPfs(phase2.pfs), 'group19')
    assert.equal(phase2.lifetime.seconds, 3_600)
  }
})

test('one time of dead-peer keeps the preset from giving the other', () => {
  const { deadPeer } = tunnel('preset: mikrotik', PAIR, 'dead-peer: {probe-every: 10s}')
  assert.deepEqual(deadPeer, { probeEvery: 10_000, giveUpAfter: 30_000 })
})

test('a weak algorithm of a preset is warned of where the preset is named', () => {
  const { problems } = load('preset: gcp', ROUTE)
  const weak = problems.filter(({ code }) => code === 'CW-206')
  assert.ok(weak.length >= 2)
  for (const { line, column } of weak) assert.deepEqual([line, column], [7, 13])
})

test('transport mode keeps its own networks', () => {
  const { networks } = tunnel('preset: strongswan', 'mode: transport')
  assert.equal(networks[0]?.remote.start, '198.51.100.7')
  assert.deepEqual(
    load('preset: fortigate', 'mode: transport').problems.filter(
      ({ severity }) => severity === 'error',
    ),
    [],
  )
})

test('an unknown preset is refused with the nearest one', () => {
  const { problems } = load('preset: cisco-isa', PAIR)
  const [problem] = problems
  assert.equal(problem?.message, '"cisco-isa" is not a value of preset')
  assert.deepEqual(problem?.hints, ['did you mean "cisco-asa"?'])
})

test('a report names only what the preset gave', () => {
  const report = presetReport(tunnel('preset: cisco-ios', PAIR, 'phase1: {lifetime: 4h}'))
  assert.deepEqual(report?.values, [
    { key: 'phase2.lifetime', value: '1h' },
    { key: 'phase2.volume', value: '4608000KB' },
  ])
  assert.equal(presetReport(tunnel(PAIR)), undefined)
})
