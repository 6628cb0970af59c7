import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSelectorPair } from '#policy/traffic-selector'
import { memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

test('tunnels that share a pool get an address each, the same whatever else stands in the file', () => {
  const three = given({
    paris: '{pool: 10.9.0.0/24}',
    rome: '{pool: 10.9.0.0/24}',
    oslo: '{pool: 10.9.0.0/24}',
  })
  const two = given({ oslo: '{pool: 10.9.0.0/24}', paris: '{pool: 10.9.0.0/24}' })
  assert.equal(new Set(Object.values(three)).size, 3)
  assert.equal(two.paris, three.paris)
  assert.equal(two.oslo, three.oslo)
  for (const address of Object.values(three)) {
    assert.match(address ?? '', /^10\.9\.0\.\d+$/)
    assert.doesNotMatch(address ?? '', /\.0\.(?:0|255)$/)
  }
})

test('every address of a pool is used before it is exhausted, and then the tunnel is named', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const all = Object.fromEntries(names.map((name) => [name, '{pool: 10.9.0.0/29}']))
  const addresses = Object.values(given(all))
  assert.deepEqual(
    addresses.sort(),
    [1, 2, 3, 4, 5, 6].map((last) => `10.9.0.${last}`),
  )
  const { problems } = load({ ...all, g: '{pool: 10.9.0.0/29}' })
  assert.deepEqual(
    problems.map(({ message, line }) => [message, line !== undefined]),
    [['10.9.0.0/29 has no address left for g', true]],
  )
})

test('what stands in the file already is not given again', () => {
  const { paris, rome } = given({ paris: '{address: 10.9.0.1}', rome: '{pool: 10.9.0.0/30}' })
  assert.deepEqual([paris, rome], ['10.9.0.1', '10.9.0.2'])
})

test('any, on the side of the peer, is what the peer is given, of either IP version', () => {
  const { config, problems } = load(
    { paris: '{pool: [10.9.0.0/24, fd00:9::/64]}' },
    '["10.1.0.0/16 <-> any", "fd00:1::/64 <-> any tcp/443"]',
  )
  assert.deepEqual(problems, [])
  const [tunnel] = config?.tunnels ?? []
  assert.ok(tunnel?.modeConfig?.role === 'server')
  const [ipv4, ipv6] = tunnel.modeConfig.addresses
  assert.match(ipv6 ?? '', /^fd00:9::/)
  assert.deepEqual(tunnel.networks.map(formatSelectorPair), [
    `10.1.0.0/16 <-> ${ipv4}`,
    `fd00:1::/64 <-> ${ipv6} tcp/443`,
  ])
})

for (const [what, modeConfig, message] of [
  ['address and pool', '{pool: 10.9.0.0/24, address: 10.9.0.7}', /write one of them/],
  ['neither', '{}', /needs "address" or "pool"/],
  ['two pools of one version', '{pool: [10.9.0.0/24, 10.8.0.0/24]}', /two pools of one IP version/],
  ['a pool that is no network', '{pool: 10.9.0.7/24}', /did you mean 10\.9\.0\.0\/24/],
] as const) {
  test(`says what is wrong with ${what}`, () => {
    const { config, problems } = load({ paris: modeConfig })
    assert.equal(config, undefined)
    assert.match(
      problems.map(({ message, hints }) => [message, ...hints].join(' ')).join('\n'),
      message,
    )
  })
}

function given(
  modeConfigs: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  const { config, problems } = load(modeConfigs)
  assert.deepEqual(problems, [])
  return Object.fromEntries(
    (config?.tunnels ?? []).map(({ name, modeConfig }) => [
      name,
      modeConfig?.role === 'server' ? modeConfig.addresses[0] : undefined,
    ]),
  )
}

function load(modeConfigs: Readonly<Record<string, string>>, networks = '["10.1.0.0/16 <-> any"]') {
  const tunnels = Object.entries(modeConfigs).flatMap(([name, modeConfig], i) => [
    `  ${name}:`,
    `    peer: 198.51.100.${i + 1}`,
    `    psk: "a key of more than twenty characters ${name}"`,
    `    networks: ${networks}`,
    `    start: respond`,
    `    mode-config: ${modeConfig.replace('{', '{role: server, ')}`,
  ])
  const text = ['version: 1', 'gateway: {address: 203.0.113.10}', 'tunnels:', ...tunnels, ''].join(
    '\n',
  )
  const files = memoryFiles({ '/etc/cw/gw.yaml': { text, mode: 0o600 } })
  return loadConfig('/etc/cw/gw.yaml', { files, hostName: 'gw', variables: {} })
}
