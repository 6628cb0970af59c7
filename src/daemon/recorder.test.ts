import assert from 'node:assert/strict'
import { chmodSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { toHex } from '#bytes/hex'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { espSpi } from '#esp/sa'
import type { Effect, Input } from '#ike/effects'
import { sampleInboundSa } from '../../test/support/sample-sa.ts'
import { captureAnswer } from './capture-requests.ts'
import { openLog } from './log.ts'
import { Recorder } from './recorder.ts'

const parent = mkdtempSync(join(tmpdir(), 'causeway-recorder-'))
after(() => rmSync(parent, { recursive: true, force: true }))

const local = { address: ip('203.0.113.10'), port: 500 }
const remote = { address: ip('198.51.100.7'), port: 500 }
const SPI = 'aa'.repeat(8)
const MAIN = 2
const INFORMATIONAL = 5

test('keeps the datagrams of a tunnel both ways, with their time', () => {
  const recorder = recorded()
  recorder.take(received(datagram(MAIN, 1)), [message()], 1_000)
  recorder.take(
    { kind: 'timer' },
    [{ kind: 'send', octets: datagram(MAIN, 2), local, remote }],
    2_000,
  )
  const kept = recorder.datagrams(['paris'])
  assert.deepEqual(
    kept.map(({ at, direction, octets }) => [at, direction, octets.at(-1)]),
    [
      ['1970-01-01T00:00:01.000Z', 'received', 1],
      ['1970-01-01T00:00:02.000Z', 'sent', 2],
    ],
  )
  assert.deepEqual(recorder.datagrams(['rome']), [])
})

test('keeps nothing of what belongs to no tunnel', () => {
  const recorder = recorded()
  const stranger = Uint8Array.of(...datagram(MAIN, 1))
  stranger[0] = 0xbb
  recorder.take(received(stranger), [], 0)
  assert.deepEqual(recorder.datagrams(['paris']), [])
})

test('keeps two hundred messages of negotiations, however many signs of life come between', () => {
  const recorder = recorded()
  recorder.take(received(datagram(MAIN, 1)), [message()], 0)
  for (let i = 0; i < 1_000; i++) recorder.take(received(datagram(INFORMATIONAL, i % 256)), [], i)
  const kept = recorder.datagrams(['paris'])
  assert.equal(kept[0]?.octets[18], MAIN)
  assert.equal(kept.length, 51)
  for (let i = 0; i < 1_000; i++) recorder.take(received(datagram(MAIN, i % 256)), [], i)
  assert.equal(recorder.datagrams(['paris']).length, 250)
})

test('holds no more octets than it may, whatever is sent', () => {
  const recorder = recorded()
  recorder.take(received(datagram(MAIN, 1)), [message()], 0)
  for (let i = 0; i < 100; i++) {
    const large = new Uint8Array(60_000)
    large.set(datagram(MAIN, i))
    recorder.take(received(large), [], i)
  }
  const octets = recorder.datagrams(['paris']).reduce((sum, one) => sum + one.octets.length, 0)
  assert.equal(octets <= 128 * 1024, true)
})

test('writes the keys in use of the tunnels asked for, each once, and not those of SAs that are gone', () => {
  const recorder = recorded()
  recorder.take(
    { kind: 'timer' },
    [
      ikeKeys('paris', 0xaa),
      install('paris', 0x1000),
      install('paris', 0x2000),
      install('rome', 0x3000),
    ],
    0,
  )
  const folder = mkdtempSync(join(parent, 'keys-'))
  assert.deepEqual(recorder.writeKeys(['paris'], folder), { ike: 1, esp: 2, added: 3 })
  assert.deepEqual(recorder.writeKeys(['paris'], folder), { ike: 1, esp: 2, added: 0 })
  const table = (name: string) => readFileSync(join(folder, name), 'utf8')
  assert.match(table('ikev1_decryption_table'), /^a{16},cd\n$/)
  assert.match(table('esp_sa'), /0x00001000[\s\S]*0x00002000/)
  assert.equal(table('esp_sa').includes('0x00003000'), false)
  const gone: readonly Effect[] = [
    {
      kind: 'remove-sa',
      direction: 'inbound',
      child: { tunnel: 'paris', pair: 0 },
      spi: espSpi(0x1000),
    },
    {
      kind: 'tell',
      event: { kind: 'ike-sa-closed', tunnel: 'paris', initiatorSpi: SPI, why: 'rekeyed' },
    },
  ]
  recorder.take({ kind: 'timer' }, gone, 0)
  assert.deepEqual(recorder.writeKeys(['paris'], mkdtempSync(join(parent, 'keys-'))), {
    ike: 0,
    esp: 1,
    added: 1,
  })
})

test('writes no key into a file that has another name or owner', () => {
  const recorder = recorded()
  recorder.take({ kind: 'timer' }, [install('paris', 0x1000)], 0)
  const folder = mkdtempSync(join(parent, 'keys-'))
  const elsewhere = join(parent, 'elsewhere')
  writeFileSync(elsewhere, '')
  linkSync(elsewhere, join(folder, 'esp_sa'))
  assert.throws(() => recorder.writeKeys(['paris'], folder), /belongs to someone else/)
  assert.equal(readFileSync(elsewhere, 'utf8'), '')
})

test('refuses a folder that others can open or that holds something else, and says so in the log', () => {
  const said: string[] = []
  const log = openLog({
    format: 'human',
    level: 'info',
    columns: undefined,
    write: (text) => said.push(text),
    now: () => new Date(0),
  })
  const ask = (folder: string) =>
    captureAnswer(
      { id: 1, command: 'keys', tunnels: ['paris'], folder },
      recorded(),
      ['paris'],
      log,
    )
  const open = mkdtempSync(join(parent, 'open-'))
  chmodSync(open, 0o755)
  assert.throws(() => ask(open), /no keys were written: others can open/)
  const used = mkdtempSync(join(parent, 'used-'))
  writeFileSync(join(used, '.bashrc'), '')
  assert.throws(() => ask(used), /holds more than keys; name a new folder/)
  assert.throws(() => ask(join(parent, 'nowhere')), /ENOENT/)
  assert.equal(said.filter((line) => /asked for and\s+refused/.test(line)).length, 3)
})

function recorded(): Recorder {
  return new Recorder((instant) => new Date(instant))
}

function datagram(exchange: number, last: number): Uint8Array {
  const octets = new Uint8Array(29).fill(0xaa, 0, 8)
  octets[18] = exchange
  octets[28] = last
  return octets
}

function received(octets: Uint8Array): Input {
  return { kind: 'datagram', octets, local, remote }
}

/** The engine's word that this SA belongs to paris. */
function message(): Effect {
  assert.equal(toHex(datagram(MAIN, 0).subarray(0, 8)), SPI)
  return {
    kind: 'tell',
    event: {
      kind: 'message',
      tunnel: 'paris',
      direction: 'received',
      exchange: 'main',
      role: 'responder',
      number: 1,
      messageId: 0,
      initiatorSpi: SPI,
      responderSpi: '0'.repeat(16),
      local,
      remote,
      octets: 29,
      encrypted: false,
      repeat: 0,
      payloads: [],
    },
  }
}

function ikeKeys(tunnel: string, fill: number): Effect {
  const initiatorSpi = new Uint8Array(8).fill(fill)
  return { kind: 'ike-keys', tunnel, initiatorSpi, cipherKey: new Secret(Uint8Array.of(0xcd)) }
}

function install(tunnel: string, spi: number): Effect {
  const sa = sampleInboundSa({ child: { tunnel, pair: 0 }, spi: espSpi(spi) })
  return { kind: 'install-sa', sa }
}
