import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { Effect } from '#ike/effects'
import { sampleOutboundSa } from '../../test/support/sample-sa.ts'
import { keepKeys, WiresharkKeys } from './wireshark-keys.ts'

const parent = mkdtempSync(join(tmpdir(), 'causeway-keys-'))
after(() => rmSync(parent, { recursive: true, force: true }))
let folders = 0

const end = (address: string, port = 4500) => ({ address: ip(address), port })
const sa = sampleOutboundSa({
  encapsulation: 'udp',
  local: end('203.0.113.10'),
  remote: end('198.51.100.7'),
})
const ikeKeys: Effect = {
  kind: 'ike-keys',
  tunnel: 'paris',
  initiatorSpi: new Uint8Array(8).fill(0xab),
  cipherKey: new Secret(Uint8Array.of(0xcd)),
}

function rig(folder = join(parent, `keys-${folders++}`)) {
  const problems: string[] = []
  const keys = new WiresharkKeys(folder, (text) => problems.push(text))
  const rows = (file: string) => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1)
  return { folder, keys, problems, rows }
}

test('makes a folder and files that nobody else can open, whatever the umask', () => {
  const umask = process.umask(0)
  try {
    const { folder } = rig()
    const mode = (file: string) => statSync(join(folder, file)).mode & 0o777
    assert.equal(mode('.'), 0o700)
    for (const file of ['ikev1_decryption_table', 'esp_sa', 'preferences']) {
      assert.equal(mode(file), 0o600, file)
    }
  } finally {
    process.umask(umask)
  }
})

test('adds to what an earlier run left, and leaves the operator’s preferences alone', () => {
  const { folder, keys } = rig()
  keys.take(ikeKeys)
  writeFileSync(join(folder, 'preferences'), 'mine')
  const again = rig(folder)
  again.keys.take(ikeKeys)
  assert.deepEqual(again.rows('ikev1_decryption_table'), [
    'abababababababab,cd',
    'abababababababab,cd',
  ])
  assert.equal(readFileSync(join(folder, 'preferences'), 'utf8'), 'mine')
})

test('keeps the row of an SA that is gone', () => {
  const { keys, rows } = rig()
  keys.take({ kind: 'install-sa', sa })
  keys.take({ kind: 'remove-sa', direction: 'outbound', child: sa.child, spi: sa.spi })
  assert.equal(rows('esp_sa').length, 1)
})

test('writes an SA again when its peer has another address, not for another port', () => {
  const { keys, rows } = rig()
  keys.take({ kind: 'install-sa', sa })
  const move = { kind: 'move-sas', tunnel: 'paris', local: sa.local } as const
  keys.take({ ...move, remote: end('198.51.100.7', 61_000) })
  assert.equal(rows('esp_sa').length, 1)
  keys.take({ ...move, tunnel: 'rome', remote: end('198.51.100.9') })
  assert.equal(rows('esp_sa').length, 1)
  keys.take({ ...move, remote: end('198.51.100.9') })
  assert.deepEqual(
    rows('esp_sa').map((row) => row.split(',')[2]),
    ['"198.51.100.7"', '"198.51.100.9"'],
  )
  keys.take({ kind: 'remove-sa', direction: 'outbound', child: sa.child, spi: sa.spi })
  keys.take({ ...move, remote: end('198.51.100.7') })
  assert.equal(rows('esp_sa').length, 2)
})

test('refuses a folder that others can open, and a link in its place', () => {
  const open = join(parent, 'open')
  mkdirSync(open)
  chmodSync(open, 0o750)
  assert.throws(() => rig(open), /others can open .* \(mode 0750\).*chmod 700/)
  const link = join(parent, 'link')
  symlinkSync(rig().folder, link)
  assert.throws(() => rig(link), /is not a directory/)
})

test('follows no link that stands where a table belongs', () => {
  const { folder, keys, problems } = rig()
  const elsewhere = join(parent, 'elsewhere')
  rmSync(join(folder, 'esp_sa'))
  symlinkSync(elsewhere, join(folder, 'esp_sa'))
  keys.take({ kind: 'install-sa', sa })
  assert.equal(existsSync(elsewhere), false)
  assert.equal(problems.length, 1)
})

test('says once that it cannot write, without a key in the sentence, and goes on', () => {
  const { folder, keys, problems, rows } = rig()
  rmSync(folder, { recursive: true })
  keys.take(ikeKeys)
  keys.take({ kind: 'install-sa', sa })
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /could not be written: ENOENT/)
  assert.doesNotMatch(problems[0] ?? '', /abab/)
  mkdirSync(folder, { mode: 0o700 })
  keys.take(ikeKeys)
  assert.equal(rows('ikev1_decryption_table').length, 1)
})

test('the engine’s wishes pass unchanged, and its keys are written first', () => {
  const { keys, rows } = rig()
  const effects: readonly Effect[] = [ikeKeys, { kind: 'install-sa', sa }]
  const engine = keepKeys({ handle: () => effects, snapshot: () => [] }, keys)
  assert.equal(engine.handle({ kind: 'timer' }, 0), effects)
  assert.deepEqual([rows('ikev1_decryption_table').length, rows('esp_sa').length], [1, 1])
})
