import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { GatewayProcess, type GatewaySettings } from '../support/gateway.ts'
import { undoAtExit } from '../support/leftovers.ts'
import { eventually, run } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { transfer } from '../support/transfer.ts'
import { type Site, tunnelAt } from '../support/two-gateways.ts'

/** What `causeway capture` writes, given to the programs it is meant for. */

const CAUSEWAY = join(import.meta.dirname, '..', '..', 'bin', 'causeway.js')
const folder = mkdtempSync(join(tmpdir(), 'cwcap-'))
const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
let topology: Topology
let a: GatewayProcess
let b: GatewayProcess

before(async () => {
  topology = await buildTopology()
  ;[a, b] = await Promise.all([
    GatewayProcess.start(topology.gatewayA, site('a')),
    GatewayProcess.start(topology.gatewayB, site('b')),
  ])
  await a.up('peer')
})

after(async () => {
  await Promise.all([a?.stop(), b?.stop()])
  topology?.dispose()
  forget()
})

test('a capture begun after the tunnel came up decrypts at once, the negotiation included', async () => {
  const pcap = join(folder, 'peer.pcapng')
  const { capturing, output } = await capture(['-w', pcap, '--decrypt'])
  assert.equal((await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 2 })).received, 2)
  const before = (await a.tunnel('peer')).rekeys
  await a.rekey('peer', 2)
  await eventually('the rekey is done', async () => (await a.tunnel('peer')).rekeys > before)
  assert.equal((await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 2 })).received, 2)
  capturing.kill('SIGINT')
  await once(capturing, 'exit')

  const keys = join(folder, 'peer.keys')
  assert.equal(mode(keys), '700')
  for (const name of ['esp_sa', 'ikev1_decryption_table', 'preferences']) {
    assert.equal(mode(join(keys, name)), '600', name)
  }
  assert.equal(mode(pcap), '600')
  assert.match(output(), /holds the keys of peer/)
  assert.match(a.output(), /capture --decrypt: keys of peer were written to/)

  const read = await tshark(pcap, keys)
  assert.deepEqual(read.warnings, [])
  const icmp = read.frames.filter(({ icmp }) => icmp !== '')
  assert.deepEqual(
    icmp.map(({ icmp, icvGood }) => [icmp, icvGood]),
    [1, 2, 3, 4].flatMap(() => [
      ['8', '1'],
      ['0', '1'],
    ]),
  )
  const ike = read.frames.filter(({ exchange }) => exchange !== '')
  // Main mode and Quick mode from before the capture, then the Quick mode of the rekey.
  assert.deepEqual(
    ike
      .map(({ exchange }) => exchange)
      .filter((exchange) => exchange !== '5')
      .slice(0, 12),
    [...Array(6).fill('2'), ...Array(6).fill('32')],
  )
  assert.equal(
    ike.filter(({ exchange, identity }) => exchange === '32' && identity === '10.1.0.0,10.2.0.0')
      .length,
    4,
  )
  assert.match(
    ike[0]?.comment ?? '',
    /^peer: we send, Main mode message 1 \(kept by the gateway\)$/,
  )
  assert.match(icmp[0]?.comment ?? '', /^peer: we send, ESP [0-9a-f]{8} number 1$/)
  assert.deepEqual(
    read.frames.filter(({ malformed }) => malformed !== ''),
    [],
  )

  const blind = await tshark(pcap, folder)
  assert.equal(
    blind.frames.some(({ icmp, identity }) => icmp !== '' || identity !== ''),
    false,
  )

  const { code, stdout } = await run(['capinfos', '-M', '-t', '-c', '-E', '-k', pcap])
  assert.equal(code, 0)
  assert.match(stdout, /pcapng/)

  const words = await causeway('explain', pcap, '--keys', keys)
  assert.equal(words.code, 0, words.stderr)
  assert.match(
    words.stdout,
    /I am 203\.0\.113\.10[\s\S]*✓ phase 1 and 2 Quick modes came to their end/,
  )
  assert.match(words.stdout, /ESP\n[\s\S]*none missing/)
})

test('what the gateway has kept comes out after the fact, without privileges', async () => {
  const pcap = join(folder, 'last.pcapng')
  const { code, stdout } = await causeway('capture', 'peer', '--last', '-w', pcap, '--json')
  assert.equal(code, 0)
  const { packets, counts } = JSON.parse(stdout)
  assert.equal(packets >= 9 && counts.esp === 0, true)
  const { frames } = await tshark(pcap, folder)
  assert.equal(frames.filter(({ exchange }) => exchange === '2').length, 6)
})

test('the last negotiation is told in words', async () => {
  const { code, stdout } = await causeway('explain', 'peer', '--payloads')
  assert.equal(code, 0)
  assert.match(stdout, /6 ← {2}I am 198\.51\.100\.\d+, hash correct/)
  assert.match(stdout, /transform 1 KEY_IKE/)
  assert.match(stdout, /✓ peer is up/)
})

test('keys are written only where nobody else can read them', async () => {
  const pcap = join(folder, 'open.pcapng')
  const keys = join(folder, 'open.keys')
  await run(['mkdir', keys])
  chmodSync(keys, 0o755)
  const { code, stderr } = await causeway('capture', 'peer', '--last', '--decrypt', '-w', pcap)
  assert.equal(code, 5)
  assert.match(stderr, /no keys were written: others can open/)
  assert.match(a.output(), /asked for and refused/)
})

test('packets that offloads have merged are captured as they are on the wire', async () => {
  await Promise.all([a.reload(site('a', 'force')), b.reload(site('b', 'force'))])
  await a.up('peer')
  const pcap = join(folder, 'merged.pcapng')
  const { capturing, output } = await capture(['-w', pcap, '--decrypt', '--json'])
  const { sent, received } = await transfer(
    topology.hostA,
    topology.hostB,
    ADDRESSES.hostB.ipv4,
    2 * 1024 * 1024,
  )
  assert.equal(received.digest, sent.digest)
  capturing.kill('SIGINT')
  await once(capturing, 'exit')
  const { lost, counts } = JSON.parse(/^\{.*$/m.exec(output())?.[0] ?? '')
  assert.equal(lost, 0)
  assert.equal(counts.esp > 1_000, true, `${counts.esp} ESP packets`)
  const { frames } = await tshark(pcap, join(folder, 'merged.keys'))
  const esp = frames.filter(({ spi }) => spi !== '')
  assert.deepEqual(
    esp.filter(({ icvGood, octets }) => icvGood !== '1' || Number(octets) > 1_500),
    [],
  )
  assert.equal(esp.length, counts.esp)
})

test('one tunnel is captured, and one that is there', async () => {
  assert.equal((await causeway('capture', 'nobody')).code, 2)
})

/** Listening when it is returned. */
async function capture(options: readonly string[]) {
  const argv = [process.execPath, CAUSEWAY, '--control', a.control, 'capture', 'peer', ...options]
  const capturing = topology.gatewayA.start(argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [capturing.stdout, capturing.stderr]) {
    stream?.on('data', (chunk) => {
      said += chunk
    })
  }
  await eventually('it listens', () => said.includes('capturing peer on'))
  return { capturing, output: () => said }
}

function causeway(...args: readonly string[]) {
  return run([process.execPath, CAUSEWAY, '--control', a.control, ...args])
}

function site(name: Site, encapsulation: 'auto' | 'force' = 'auto'): GatewaySettings {
  const peer = tunnelAt(name, {
    phase1: 'aes256-sha256-group14',
    phase2: 'aes256gcm16',
    proof: 'auto',
    encapsulation,
  })
  return { name, tunnels: { peer } }
}

const FIELDS = {
  exchange: 'isakmp.exchangetype',
  identity: 'isakmp.id.data.ipv4_addr',
  icmp: 'icmp.type',
  icvGood: 'esp.icv_good',
  comment: 'frame.comment',
  malformed: '_ws.malformed',
  spi: 'esp.spi',
  octets: 'frame.len',
}

/** The profile is where Wireshark looks for its configuration: nothing else is needed. */
async function tshark(pcap: string, profile: string) {
  const wanted = Object.values(FIELDS).flatMap((field) => ['-e', field])
  const { code, stdout, stderr } = await run(
    ['tshark', '-n', '-r', pcap, '-T', 'fields', ...wanted, '-E', 'separator=|'],
    { env: { WIRESHARK_CONFIG_DIR: profile } },
  )
  assert.equal(code, 0, stderr)
  const names = Object.keys(FIELDS) as (keyof typeof FIELDS)[]
  const frames = stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const values = line.split('|')
      return Object.fromEntries(names.map((name, i) => [name, values[i] ?? ''])) as Record<
        keyof typeof FIELDS,
        string
      >
    })
  return { frames, warnings: stderr.split('\n').filter((line) => /warn|error|UAT/i.test(line)) }
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}
