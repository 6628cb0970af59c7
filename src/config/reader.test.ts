import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { formatSelectorPair } from '#policy/traffic-selector'
import { type MemoryFile, memoryFiles } from './files.ts'
import { formatProblems } from './format-problems.ts'
import { type LoadedConfig, loadConfig } from './reader.ts'

const PATH = '/etc/causeway/causeway.yaml'
const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'
const KEY_FILE = '/etc/causeway/keys/paris.psk'
const PARIS = `version: 1
gateway: {name: gw-berlin, address: 203.0.113.10}
tunnels:
  paris:
    peer: 198.51.100.7
    psk: file:keys/paris.psk
    networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]
`

test('a tunnel needs only peer, key and networks; everything else has a strong default', () => {
  const { config, problems } = load(PARIS)
  assert.deepEqual(problems, [])
  const [paris] = config!.tunnels
  assert.equal(config!.gateway.control, '/run/causeway.sock')
  assert.equal(paris!.ike, 'v1-main')
  assert.equal(paris!.local, '203.0.113.10')
  assert.deepEqual(paris!.localId, { kind: 'address', address: '203.0.113.10' })
  assert.deepEqual(paris!.remoteId, { kind: 'address', address: '198.51.100.7' })
  assert.deepEqual(paris!.phase1.lifetime, { seconds: 28_800 })
  assert.deepEqual(paris!.phase2.lifetime, { seconds: 3_600 })
  assert.equal(paris!.phase2.pfs, 'modp2048')
  assert.deepEqual(paris!.phase2.suites[0], {
    encryption: 'aes256-gcm16',
    integrity: 'none',
    esn: false,
  })
  assert.equal(paris!.start, 'always')
  assert.equal(paris!.replayWindow, 1024)
  assert.deepEqual(paris!.deadPeer, { probeEvery: 10_000, giveUpAfter: 30_000 })
  assert.equal(paris!.interfaceName, 'cw-paris')
  assert.equal('mtu' in paris!, false)
})

test('the result is frozen to its depths', () => {
  const { config } = load(PARIS)
  assert.ok(Object.isFrozen(config))
  assert.ok(Object.isFrozen(config!.tunnels[0]!.phase1.suites[0]))
})

test('every example loads, and only Aggressive mode is warned of', () => {
  const folder = new URL('../../examples/', import.meta.url)
  const examples = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yaml'))
    .map((path) => [path, readFileSync(new URL(path, folder), 'utf8')] as const)
  // Those with certificates need files that are made first.
  const withKeys = examples.filter(([, text]) => !/^ *certificate:/m.test(text))
  assert.ok(withKeys.length >= 9)
  for (const [path, text] of withKeys) {
    const { config, problems } = load(text, {
      '/etc/causeway/berlin-paris.psk': KEY,
      '/etc/causeway/branch7.psk': KEY,
    })
    const expected = path.startsWith('dynamic-peer') ? 1 : 0
    assert.equal(problems.length, expected, `${path}: ${problems.map((one) => one.message)}`)
    assert.equal(config!.tunnels.length, 1)
  }
})

test('the two sites of the example mirror each other', () => {
  const [berlin, paris] = ['berlin', 'paris'].map((site) => {
    const url = new URL(`../../examples/two-sites/${site}.yaml`, import.meta.url)
    const files = { '/etc/causeway/berlin-paris.psk': KEY }
    return load(readFileSync(url, 'utf8'), files).config!.tunnels[0]!
  })
  assert.equal(berlin!.local, paris!.peer)
  assert.equal(berlin!.peer, paris!.local)
  assert.deepEqual(berlin!.phase1, paris!.phase1)
  assert.deepEqual(berlin!.phase2, paris!.phase2)
  assert.deepEqual(berlin!.networks[0]!.local, paris!.networks[0]!.remote)
})

test('each key of a tunnel knows its line', () => {
  const positions = load(PARIS).config!.tunnels[0]!.positions
  assert.deepEqual(positions[''], { file: PATH, line: 4, column: 3 })
  assert.deepEqual(positions.peer, { file: PATH, line: 5, column: 5 })
  assert.deepEqual(positions['networks.0'], { file: PATH, line: 7, column: 16 })
})

test('a file with several mistakes is told all of them, in the style of the manual', () => {
  const text = `version: 1

gateway:
  name: gw-berlin
  address: 203.0.113.10
  control: /run/causeway.sock



tunnels:

  # Main mode, pre-shared key
  paris:
    note: "Paris office"

    ike: v1-main
    peer: any
    psk:  file:/etc/causeway/keys/paris.psk
    phase-1: aes256-sha256-group14
    networks:
      - 10.1.0.0/16 <-> 10.2.0.0/16
`
  const loaded = load(text, { [KEY_FILE]: { text: `${KEY}\n`, mode: 0o644 } })
  assert.equal(loaded.config, undefined)
  assert.equal(
    shown(loaded),
    `/etc/causeway/causeway.yaml:19:5  error  unknown key "phase-1" in tunnels.paris
   19 |     phase-1: aes256-sha256-group14
      |     ^^^^^^^  did you mean "phase1"?

/etc/causeway/causeway.yaml:17:11 error  peer: any needs the identity that tells
                                         this peer from all others
   17 |     peer: any
      |           ^^^  peer-id: branch7.example
                       or, of whoever has the key, peer-id: {any-of: psk}

/etc/causeway/keys/paris.psk      error  mode 0644: others can read this key
                                         chmod 600 /etc/causeway/keys/paris.psk
`,
  )
})

test('an unknown key is named with the nearest known one, at any depth', () => {
  assert.match(messages('gatway: {}\n'), /unknown key "gatway" .*did you mean "gateway"\?/)
  assert.match(
    inTunnel('dead-peer: {probe-evry: 10s}'),
    /"probe-evry" in tunnels\.paris\.dead-peer/,
  )
  assert.match(inTunnel('dead-peer: {probe-evry: 10s}'), /did you mean "probe-every"\?/)
  assert.match(inTunnel('phase1: {proposal: aes256}'), /did you mean "propose"\?/)
  assert.match(
    inTunnel('xyzzy: 1'),
    /known are note, preset, ike, ike-v1-until, probe-v2, second-look, peer/,
  )
})

test('a wrong value is told with the nearest right one', () => {
  assert.match(
    inTunnel('start: alwys'),
    /"alwys" is not a value of start \| did you mean "always"\?/,
  )
  assert.match(inTunnel('start: 1'), /one of always, on-traffic, respond/)
  assert.match(inTunnel('phase1: aes257-sha256-group14'), /"aes257"/)
  assert.match(
    inTunnel('phase2: {propose: [aes256gcm16, aes256gcm1]}'),
    /did you mean "aes256gcm16"/,
  )
  assert.match(inTunnel('replay-window: 33'), /a multiple of 32/)
  const threads = PARIS.replace('gateway: {', 'gateway: {workers: 3, ')
  assert.match(messages(threads), /workers must be auto, 1, or an even number up to 16/)
  assert.match(inTunnel('dead-peer: {probe-every: 1s}'), /1s is too short: at least 2s/)
  assert.match(inTunnel('phase2: {lifetime: 2d}'), /2d is too long: at most 1d/)
  assert.match(inTunnel('phase2: {volume: 3MB}'), /at least 64MB/)
  assert.match(inTunnel('phase1: {volume: 900KB}'), /at least 1MB/)
  assert.match(inTunnel('interface: {name: a-very-long-name-indeed}'), /more than 15 characters/)
  assert.match(inTunnel('interface: {mtu: 100}'), /mtu must be at least 576/)
  assert.match(inTunnel('address: 300.1.1.1'), /"300.1.1.1" is not an IP address/)
  assert.match(inTunnel('address: 224.0.0.1'), /is a multicast address/)
  assert.match(inTunnel('note: 42'), /note must be text, not a number \| write it in quotes/)
  assert.match(inTunnel('note:'), /note has no value/)
})

test('versions and modes to come are named as such, not as unknown words', () => {
  assert.match(inTunnel('ike: v2'), /ike: v2 is not in this version yet/)
  assert.match(inTunnel('ike: v1-mian'), /"v1-mian" is not a value of ike.*did you mean "v1-main"/)
})

test('a day is a day of the calendar', () => {
  const tunnel = load(`${PARIS}    ike-v1-until: 2027-06-30\n`).config!.tunnels[0]!
  assert.equal(tunnel.ikeV1Until, '2027-06-30')
  assert.match(inTunnel('ike-v1-until: 2027-02-30'), /"2027-02-30" is no day/)
  assert.match(inTunnel('ike-v1-until: soon'), /"soon" is no day/)
})

test('networks: any is everything of the families the interface speaks, and routes choose', () => {
  const any = (device: string) => {
    const text = PARIS.replace('["10.1.0.0/16 <-> 10.2.0.0/16"]', 'any')
    const { config, problems } = load(`${text}    interface: ${device}\n`)
    assert.deepEqual(problems, [])
    return config!.tunnels[0]!
  }
  const ipv4 = any('{routes: [10.2.0.0/16, 10.3.0.0/16], address: 169.254.10.1/30}')
  assert.deepEqual(ipv4.networks.map(formatSelectorPair), ['0.0.0.0/0 <-> 0.0.0.0/0'])
  assert.deepEqual(ipv4.addresses, [{ address: '169.254.10.1', bits: 30 }])
  assert.deepEqual(
    ipv4.routes?.map(({ address, bits }) => `${address}/${bits}`),
    ['10.2.0.0/16', '10.3.0.0/16'],
  )
  assert.deepEqual(any('{routes: fd00:2::/64}').networks.map(formatSelectorPair), ['::/0 <-> ::/0'])
  assert.equal(any('{routes: [fd00:2::/64, 10.2.0.0/16]}').networks.length, 2)
  assert.deepEqual(any('{routes: []}').routes, [])
})

test('the part of a value that is wrong is what gets marked', () => {
  const { problems } = load(`${PARIS}    phase1: aes256-sha257-group14\n`)
  const [problem] = problems
  assert.deepEqual([problem?.line, problem?.column, problem?.length], [8, 20, 6])
})

test('lifetimes are text with a unit or whole seconds', () => {
  const { config } = load(`${PARIS}    phase1: {lifetime: 7200}\n    phase2: {lifetime: 1h30m}\n`)
  assert.equal(config!.tunnels[0]!.phase1.lifetime.seconds, 7_200)
  assert.equal(config!.tunnels[0]!.phase2.lifetime.seconds, 5_400)
})

test('3DES without a volume limit gets one', () => {
  const volume = (phase2: string) =>
    load(`${PARIS}    phase2: ${phase2}\n`).config!.tunnels[0]!.phase2.lifetime.kilobytes
  assert.equal(volume('3des-sha256'), 1_048_576)
  assert.equal(volume('{propose: 3des-sha256, volume: 100MB}'), 102_400)
  assert.equal(volume('aes256gcm16'), undefined)
})

test('all proposals of phase 2 share one PFS group', () => {
  assert.match(
    inTunnel('phase2: {propose: ["aes256gcm16, pfs group14"], pfs: group19}'),
    /pfs is said as group14 and group19: all proposals share one/,
  )
  const both = '{propose: ["aes256gcm16, pfs group19", aes128gcm16]}'
  assert.equal(load(`${PARIS}    phase2: ${both}\n`).config!.tunnels[0]!.phase2.pfs, 'ecp256')
})

test('what is missing is said where the tunnel begins', () => {
  const { problems } = load('version: 1\ntunnels:\n  paris:\n    mode: tunnel\n')
  assert.deepEqual(
    problems.map(({ line, code, message }) => [line, code, message]),
    [
      [3, undefined, 'tunnels.paris has no "peer"'],
      [3, 'CW-305', 'tunnels.paris has no pre-shared key'],
      [3, undefined, 'tunnels.paris has no address of ours'],
      [3, undefined, 'tunnels.paris has no "networks"'],
    ],
  )
})

test('a wrong gateway address is not also said to be missing', () => {
  const { problems } = load(PARIS.replace('203.0.113.10', '203.0.113'))
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['"203.0.113" is not an IP address'],
  )
})

test('included files bring tunnels, and nothing else', () => {
  const main = `${PARIS}include: tunnels.d/*.yaml\n`
  const tokyo = `tunnels:\n  tokyo:\n    peer: 192.0.2.1\n    psk: file:keys/paris.psk\n    networks: ["10.1.0.0/16 <-> 10.9.0.0/16"]\n`
  const loaded = load(main, {
    '/etc/causeway/tunnels.d/tokyo.yaml': tokyo,
    '/etc/causeway/tunnels.d/.tokyo.yaml.swp': 'x',
    '/etc/causeway/tunnels.d/readme.txt': 'x',
  })
  assert.deepEqual(loaded.problems, [])
  assert.deepEqual(
    loaded.config!.tunnels.map(({ name, positions }) => [name, positions['']?.file]),
    [
      ['paris', PATH],
      ['tokyo', '/etc/causeway/tunnels.d/tokyo.yaml'],
    ],
  )
  assert.deepEqual([...loaded.files].sort(), [
    PATH,
    '/etc/causeway/keys/paris.psk',
    '/etc/causeway/tunnels.d/tokyo.yaml',
  ])
  const wrong = load(main, {
    '/etc/causeway/tunnels.d/x.yaml': `gateway: {}\n${tokyo.replace('tokyo', 'paris')}`,
  })
  assert.match(
    wrong.problems.map(({ message }) => message).join(),
    /"gateway".*a tunnel "paris" already/,
  )
  assert.match(messages('include: missing.yaml\n'), /missing\.yaml: no such file/)
  assert.match(messages('include: nowhere/*.yaml\n'), /nowhere: no such folder/)
})

test('a file that is not there, or not text, is said so', () => {
  const environment = { files: memoryFiles({}), variables: {}, hostName: 'h' }
  const [problem] = loadConfig(PATH, environment).problems
  assert.deepEqual(
    [problem?.file, problem?.line, problem?.message],
    [PATH, undefined, 'no such file'],
  )
})

test('tunnel names fit everywhere a name is used', () => {
  assert.match(messages(PARIS.replace('paris:', '"pa ris":')), /"pa ris" cannot name a tunnel/)
  assert.match(messages(PARIS.replace('  paris:', '  __proto__:')), /"__proto__" is not allowed/)
})

test('no secret shows in problems, sources or inspection, whatever is wrong around it', () => {
  const secret = 'hunter2hunter2'
  const around = [
    `psk: ${secret}`,
    `psk: "${secret}"\n    psk: "${secret}"`,
    `pks: "${secret}"`,
    `pre-shared-key: ${secret}`,
    `psk: "${secret}" extra`,
    `psk: |\n      ${secret}`,
    `psk: ["${secret}"]`,
    `psk: "${secret}`,
    `psk: *${secret}`,
    `interface: {psk: ${secret}, nme: x}`,
    `psk: "${secret}" # was "${secret}"`,
    `# psk: "${secret}"\n    psk`,
    `psk "${secret}"`,
    `passphrase ${secret}`,
    `certificate:\n      passphrase ${secret}`,
    `# passphrase ${secret}\n    peers: x`,
    `nme: x # the passphrase is ${secret}`,
    `pk "${secret}": x`,
    `"${secret},!"`,
    `"${secret},!": 1`,
    `xyzzy: "${secret}"`,
    `{psk: "${secret}", peer 1`,
    `psk: |[${secret}"`,
  ]
  for (const line of around) {
    const loaded = load(PARIS.replace('psk: file:keys/paris.psk', line))
    assert.doesNotMatch(shown(loaded), /hunter2/, line)
    assert.doesNotMatch(inspect(loaded, { depth: 9 }), /hunter2/, line)
    assert.doesNotMatch(JSON.stringify(loaded), /hunter2/, line)
  }
})

test('however a file is damaged, it loads or says why, within the width of the terminal', () => {
  const lines = `${PARIS}    phase1: {propose: [aes256-sha256-group14], lifetime: 8h}
    phase2: "aes256gcm16, pfs group14"
    dead-peer: {probe-every: 10s, give-up-after: 30s}
    interface:
      name: cw-paris
`.split('\n')
  const edit = fc.record({
    line: fc.nat(lines.length - 1),
    column: fc.nat(60),
    cut: fc.nat(6),
    put: fc.string({
      unit: fc.constantFrom('a', '1', ':', ' ', '-', '"', '{', ']', '#', '\n', '*', '<'),
      maxLength: 4,
    }),
  })
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const damaged = [...lines]
      for (const { line, column, cut, put } of edits) {
        const text = damaged[line] ?? ''
        damaged[line] = text.slice(0, column) + put + text.slice(column + cut)
      }
      const loaded = load(damaged.join('\n'))
      const errors = loaded.problems.filter(({ severity }) => severity === 'error')
      assert.equal(loaded.config === undefined, errors.length > 0)
      for (const line of shown(loaded).split('\n')) assert.ok(line.length <= 80, line)
    }),
    { numRuns: 500 },
  )
})

function load(text: string, more: Readonly<Record<string, MemoryFile>> = {}): LoadedConfig {
  const files = memoryFiles({ [PATH]: text, [KEY_FILE]: `${KEY}\n`, ...more })
  return loadConfig(PATH, { files, variables: {}, hostName: 'host' })
}

function shown({ problems, sources }: LoadedConfig): string {
  return formatProblems(problems, sources)
}

function messages(text: string): string {
  const { problems } = load(text.startsWith('version') ? text : `version: 1\n${text}`)
  return problems.map(({ message, hints }) => [message, ...hints].join(' | ')).join('\n')
}

function inTunnel(line: string): string {
  return messages(`${PARIS}    ${line}\n`)
}
