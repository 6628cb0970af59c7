import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { exportKey } from '#pki/node-private-key'
import { toPem } from '#pki/pem'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import {
  A_DAY,
  dn,
  type Holder,
  sampleAuthority,
  sampleGateway,
} from '../../test/support/sample-pki.ts'
import { EXIT } from './exit-codes.ts'
import { type RehearseOptions, rehearse } from './rehearse.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-rehearse-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const KEY = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
const ADDRESSES = { a: '203.0.113.10', b: '198.51.100.7' }

test('tells what two files that fit would negotiate, whoever begins', () => {
  const { code, out } = rehearsed({}, {})
  assert.equal(code, EXIT.ok)
  assert.match(out, /^paris \(a\.yaml\) ↔ berlin \(b\.yaml\)$/m)
  assert.match(out, /^ {4}6 ← {2}I am 198\.51\.100\.7, hash correct/m)
  assert.match(out, /^✓ comes up \(a\.yaml begins; \d+ ms simulated\)$/m)
  assert.match(out, /phase 1 {2}aes256-sha256-group14, 8h, no NAT/)
  assert.match(out, /phase 2 {2}10\.1\.0\.0\/16 ↔ 10\.2\.0\.0\/16\n +aes256gcm16, PFS group14, 1h/)
  assert.match(out, /traffic both ways, ESP, MTU 1446, TCP MSS 1406/)
  assert.match(out, /^✓ also when b\.yaml begins/m)
  assert.equal(widest(out) <= 80, true)
})

test('says the same each time with the same seed', () => {
  const runs = [1, 2].map(() => rehearsed({}, {}, { loss: 0.3, seed: 7 }).out)
  assert.equal(runs[0], runs[1])
  assert.notEqual(runs[0], rehearsed({}, {}, { loss: 0.3, seed: 8 }).out)
})

for (const { what, a = {}, b = {}, code, says } of [
  {
    what: 'proposals of phase 1 differ',
    b: { phase1: 'aes128-sha1-group2' },
    code: 'CW-201',
    says: [/a\.yaml says .* Line \S*a\.yaml:\d+:\d+ .*b\.yaml says .* Line \S*b\.yaml:\d+:\d+/],
  },
  {
    what: 'keys differ',
    b: { psk: 'another key of thirty-two octets' },
    code: 'CW-301',
    says: [/a\.yaml says CW-301 .* b\.yaml says CW-301 .* message 5/],
  },
  {
    what: 'networks are no mirror images',
    b: { networks: ['10.22.0.0/16 <-> 10.1.0.0/16'] },
    code: 'CW-401',
    says: [/10\.22\.0\.0\/16/],
  },
  {
    what: 'identities differ',
    a: { id: 'berlin.example.net' },
    code: 'CW-30[34]',
    says: [/b\.yaml says CW-30[34] .* berlin\.example\.net .* Line \S*b\.yaml/],
  },
  {
    what: 'one end speaks Aggressive mode',
    a: { ike: 'v1-aggressive' },
    code: 'CW-',
    says: [/Aggressive/],
  },
]) {
  test(`gives each end's diagnosis when ${what}, and ends with 1`, () => {
    const result = rehearsed(a, b)
    assert.equal(result.code, EXIT.down)
    assert.match(result.out, /^✗ does not come up \(a\.yaml begins\)$/m)
    assert.match(result.out, new RegExp(code))
    const unwrapped = result.out.replace(/\s+/g, ' ')
    for (const pattern of says) assert.match(unwrapped, pattern)
    assert.equal(widest(result.out) <= 80, true)
  })
}

test('gives the diagnosis of phase 2 when only one end wants PFS', () => {
  const { code, out } = rehearsed({}, { phase2: 'aes256gcm16, pfs none' })
  assert.equal(code, EXIT.down)
  assert.match(out, /^✗ does not come up/m)
  assert.match(out, /CW-4\d\d/)
  assert.match(out, /group14/)
})

test('an end whose cause was told when the other began is not left with what it dropped', () => {
  const { out } = rehearsed({ ike: 'v1-aggressive' }, {})
  const [, whenBBegins = ''] = out.split('does not come up (b.yaml begins)')
  assert.match(whenBBegins, /a\.yaml says\n {2}! CW-107, as above/)
  assert.doesNotMatch(whenBBegins, /unknown-peer/)
})

test('tells which of several network pairs come up', () => {
  const [first, second] = ['10.1.0.0/16 <-> 10.2.0.0/16', '10.1.0.0/16 <-> 10.3.0.0/16']
  const { code, out } = rehearsed(
    { networks: [first, second] },
    { networks: ['10.2.0.0/16 <-> 10.1.0.0/16', '10.33.0.0/16 <-> 10.1.0.0/16'] },
  )
  assert.equal(code, EXIT.down)
  assert.match(out, /^✗ comes up in part: 1 of 2 network pairs/m)
  assert.match(out, /10\.3\.0\.0\/16\n +✗ not up/)
  assert.match(out, /10\.33\.0\.0\/16 ↔ 10\.1\.0\.0\/16: at the other end only/)
})

test('judges certificates by the date of today', () => {
  const now = Date.now()
  const root = authority('Example CA', now)
  const fine = rehearsed(certified('a', 'b', root, now), certified('b', 'a', root, now))
  assert.equal(fine.code, EXIT.ok, fine.out)
  assert.match(fine.out, /certificate and signature[ +\d]+ms\s+correct/)

  const expired = certified('late', 'a', root, now, { notAfter: now - A_DAY })
  const late = rehearsed(certified('a', 'late', root, now), expired)
  assert.notEqual(late.code, EXIT.ok)
  assert.match(late.out + late.err, /CW-307/)

  const stranger = certified('stranger', 'a', authority('Other CA', now), now)
  const untrusted = rehearsed(certified('a', 'stranger', root, now), stranger)
  assert.equal(untrusted.code, EXIT.down)
  assert.match(untrusted.out, /a\.yaml says[\s\S]*CW-3/)
})

test('loses datagrams as asked, and the tunnel comes up all the same', () => {
  const { code, out } = rehearsed({}, {}, { loss: 0.3, seed: 7 })
  assert.equal(code, EXIT.ok)
  assert.match(out, /sent again/)
})

test('puts an end behind a NAT: the other cannot begin, ESP goes in UDP', () => {
  const { code, out } = rehearsed({}, {}, { nat: 'a' })
  assert.equal(code, EXIT.ok)
  assert.match(out, /NAT at us/)
  assert.match(out, /ESP in UDP 4500, MTU 1438/)
  assert.equal(out.includes('b.yaml begins'), false)
  const other = rehearsed({}, {}, { nat: 'b' })
  assert.equal(other.code, EXIT.ok)
  assert.match(other.out, /NAT at peer/)
  const inside = { address: '10.0.0.2', id: ADDRESSES.a }
  const both = rehearsed(inside, {}, { nat: 'both' })
  assert.equal(both.code, EXIT.ok, both.out)
  assert.match(both.out, /NAT before a\.yaml/)
  assert.equal(both.out.includes('b.yaml begins'), false)
})

test('lets hours pass, ends restart and rekeys collide', () => {
  const lifetimes = { phase1: { propose: 'aes256-sha256-group14', lifetime: '1h' } }
  const { code, json } = rehearsedJson(lifetimes, lifetimes, {
    hours: 3,
    restart: true,
    rekeyStorm: true,
  })
  assert.equal(code, EXIT.ok)
  const [{ endurances }] = json.tunnels
  const strains = endurances.map(({ strain, ended }: { strain: string; ended: string }) => [
    strain,
    ended,
  ])
  assert.deepEqual(strains, [
    ['restart', 'up'],
    ['rekey-storm', 'up'],
    ['hours', 'up'],
  ])
  const hours = endurances[2]
  assert.equal(hours.rekeys.phase1 >= 2 && hours.rekeys.phase2 >= 3, true)
  assert.equal(hours.packets.lost, 0)
  assert.equal(hours.milliseconds >= 3 * 3_600_000, true)
})

test('says that nobody begins when both ends only respond', () => {
  const { code, out } = rehearsed({ start: 'respond' }, { start: 'respond' })
  assert.equal(code, EXIT.down)
  assert.match(out, /✓ comes up[\s\S]*✗ does not come up by itself/)
  assert.match(out, /causeway up\s+paris/)
})

test('lists the tunnels that go elsewhere, and ends with 1 when none meet', () => {
  const elsewhere = { ...tunnel('a'), peer: '192.0.2.1' }
  const some = run([
    file('a', { paris: tunnel('a'), tokyo: elsewhere }),
    file('b', { berlin: tunnel('b') }),
  ])
  assert.equal(some.code, EXIT.ok)
  assert.match(some.out, /Not rehearsed[\s\S]*tokyo .* → 192\.0\.2\.1/)
  const none = run([
    file('a', { tokyo: elsewhere }),
    file('b', { berlin: { ...tunnel('b'), peer: '192.0.2.9' } }),
  ])
  assert.equal(none.code, EXIT.down)
  assert.match(none.out, /nothing to rehearse/)
})

test('rehearses a tunnel whose other end looks for it elsewhere, and says so', () => {
  const { code, out } = rehearsed({}, { peer: '203.0.113.11' })
  assert.equal(code, EXIT.down)
  assert.match(out, /! b\.yaml calls 203\.0\.113\.11, a\.yaml is at 203\.0\.113\.10/)
})

test('takes both ends from one file, all or those named', () => {
  const both = file('both', { paris: tunnel('a'), berlin: tunnel('b') })
  assert.match(run([both]).out, /^paris ↔ berlin$/m)
  assert.match(run([both], { tunnel: ['berlin:paris'] }).out, /^berlin ↔ paris$/m)
  const unknown = run([both], { tunnel: ['pariss'] })
  assert.equal(unknown.code, EXIT.usage)
  assert.match(unknown.err, /no tunnel is called pariss; there are paris, berlin/)
})

test('takes a preset for the other end, and says what it stands for', () => {
  const plain = { ...tunnel('a'), phase1: undefined, phase2: undefined, preset: 'cisco-ios' }
  const same = run([file('a', { paris: plain })], { peer: 'cisco-ios' })
  assert.equal(same.code, EXIT.ok, same.out)
  assert.match(same.out, /^paris \(a\.yaml\) ↔ paris \(cisco-ios preset\)$/m)
  assert.match(same.out, /cisco-ios stands for what its maker documents/)
  const other = run([file('a', { paris: { ...tunnel('a'), phase1: 'aes128-sha1-group2' } })], {
    peer: 'cisco-ios',
  })
  assert.equal(other.code, EXIT.down)
  assert.match(other.out, /cisco-ios preset says[\s\S]*CW-201/)
  const unknown = run([file('a', { paris: tunnel('a') })], { peer: 'cisco-io' })
  assert.equal(unknown.code, EXIT.usage)
  assert.match(unknown.err, /did you mean "cisco-ios"\?/)
})

test('our own examples come up', () => {
  const examples = join(import.meta.dirname, '../../examples')
  for (const folder of readdirSync(examples, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue
    const files = readdirSync(join(examples, folder.name)).filter((name) => name.endsWith('.yaml'))
    const paths = files.map((name) => join(examples, folder.name, name))
    const { code, out, err } = run(paths, { assumeSameKey: true })
    assert.equal(code, EXIT.ok, `${folder.name}: ${out}${err}`)
  }
})

test('asks for keys that are not here, or takes them as the same', () => {
  const here = file('a', { paris: tunnel('a') })
  const there = file('b', { berlin: { ...tunnel('b'), psk: 'env:CAUSEWAY_NO_SUCH_KEY' } })
  const asked = run([here, there])
  assert.equal(asked.code, EXIT.configuration)
  assert.equal(asked.out, '')
  assert.match(asked.err, /no variable\s+"CAUSEWAY_NO_SUCH_KEY"[\s\S]*--assume-same-key/)
  const assumed = run([here, there], { assumeSameKey: true })
  assert.equal(assumed.code, EXIT.ok)
  assert.match(assumed.out, /! the keys were not compared/)
  const neither = file('c', { paris: { ...tunnel('a'), psk: 'file:nowhere.psk' } })
  assert.equal(run([neither, there], { assumeSameKey: true }).code, EXIT.ok)
})

test('does not mind who can read the files: a build machine is no gateway', () => {
  const open = file('open', { paris: tunnel('a') }, 0o644)
  assert.equal(run([open, file('b', { berlin: tunnel('b') })]).code, EXIT.ok)
})

test('ends with 3 and all problems when a file is invalid', () => {
  const { code, err } = rehearsed({}, { phase1: 'aes257' })
  assert.equal(code, EXIT.configuration)
  assert.match(err, /b\.yaml:\d+:\d+\s+error/)
})

test('prints one document with --json', () => {
  const { code, json } = rehearsedJson({}, { phase1: 'aes128-sha1-group2' })
  assert.equal(code, EXIT.down)
  assert.equal(json.schema, 1)
  assert.equal(json.ok, false)
  const [{ a, b, trials }] = json.tunnels
  assert.deepEqual([a, b, trials.length], ['paris', 'berlin', 2])
  assert.equal(trials[0].came, 'down')
  assert.equal(trials[0].failures.a[0].code, 'CW-201')
  assert.equal(trials[0].failures.b[0].line.file, join(folder, 'b.yaml'))
  assert.equal(trials[0].messages[0].exchange, 'main')
  assert.equal(JSON.stringify(json).includes(KEY), false)
})

test('reads its options on the command line, and refuses others', () => {
  const files = [file('a', { paris: tunnel('a') }), file('b', { berlin: tunnel('b') })]
  const program = join(import.meta.dirname, '../../bin/causeway.js')
  const rehearsal = (...args: readonly string[]) =>
    spawnSync(process.execPath, [program, 'rehearse', ...files, ...args], { encoding: 'utf8' })
  const fine = rehearsal('--loss', '10%', '--nat', 'a', '--seed', '3', '--json')
  assert.equal(fine.status, EXIT.ok)
  const { loss, nat, seed } = JSON.parse(fine.stdout)
  assert.deepEqual([loss, nat, seed], [0.1, 'a', 3])
  assert.equal(rehearsal('--loss', '100%').status, EXIT.usage)
})

type Options = Partial<RehearseOptions>

function rehearsed(a: object, b: object, options: Options = {}) {
  return run(
    [
      file('a', { paris: { ...tunnel('a'), ...a } }),
      file('b', { berlin: { ...tunnel('b'), ...b } }),
    ],
    options,
  )
}

function rehearsedJson(a: object, b: object, options: Options = {}) {
  const { code, out } = rehearsed(a, b, { ...options, json: true })
  return { code, json: JSON.parse(out) }
}

function run(files: readonly string[], options: Options = {}) {
  const { terminal, said } = recordingTerminal()
  const code = rehearse(terminal, files, { loss: 0, nat: 'none', seed: 1, ...options })
  return { code, ...said }
}

function tunnel(end: 'a' | 'b'): object {
  const [address, peer] = end === 'a' ? [ADDRESSES.a, ADDRESSES.b] : [ADDRESSES.b, ADDRESSES.a]
  const networks = end === 'a' ? '10.1.0.0/16 <-> 10.2.0.0/16' : '10.2.0.0/16 <-> 10.1.0.0/16'
  return {
    address,
    peer,
    psk: KEY,
    phase1: 'aes256-sha256-group14',
    phase2: 'aes256gcm16, pfs group14',
    networks: [networks],
  }
}

function file(name: string, tunnels: object, mode = 0o600): string {
  const path = join(folder, `${name}.yaml`)
  rmSync(path, { force: true })
  writeFileSync(path, JSON.stringify({ version: 1, tunnels }, null, 1), { mode })
  return path
}

function authority(name: string, now: number): Holder & { readonly file: string } {
  const holder = sampleAuthority(name, undefined, {
    notBefore: now - 10 * A_DAY,
    notAfter: now + 100 * A_DAY,
  })
  return { ...holder, file: pem(`${name.replace(' ', '-')}.pem`, holder) }
}

/** Changes of a tunnel: its certificate and key, trusting the one CA. */
function certified(
  name: string,
  peer: string,
  root: ReturnType<typeof authority>,
  now: number,
  changes: { readonly notAfter?: number } = {},
): object {
  const holder = sampleGateway(name, root, {
    subject: dn(`CN=${name}, O=Example`),
    notBefore: now - 10 * A_DAY,
    notAfter: now + 100 * A_DAY,
    ...changes,
  })
  const key = join(folder, `${name}.key`)
  writeFileSync(key, exportKey(holder.key), { mode: 0o600 })
  const trust = [root.file]
  return {
    psk: undefined,
    certificate: {
      own: pem(`${name}.pem`, holder),
      key,
      trust,
      'peer-id': `CN=${peer}, O=Example`,
      revocation: 'off',
    },
  }
}

function pem(name: string, { certificate }: Holder): string {
  const path = join(folder, name)
  writeFileSync(path, toPem('CERTIFICATE', certificate.der))
  return path
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => [...line].length))
}
