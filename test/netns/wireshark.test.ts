import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { ENCRYPTIONS, INTEGRITIES } from '#crypto/registry'
import { espRow } from '#daemon/wireshark-tables'
import { espSpi, type OutboundSa } from '#esp/sa'
import { Capture } from '../support/capture.ts'
import { GatewayProcess, type GatewaySettings } from '../support/gateway.ts'
import { undoAtExit } from '../support/leftovers.ts'
import { run } from '../support/process.ts'
import { sites } from '../support/sites.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { type Gateways, type Site, tunnelAt, withGateways } from '../support/two-gateways.ts'

/** What `causeway run --wireshark-keys` writes, given to the program it is meant for. */

const CAUSEWAY = join(import.meta.dirname, '..', '..', 'bin', 'causeway.js')
const WHOLE_FRAMES = 65_535
/** Magic number, version 2.4, 65,535 octets a frame, Ethernet. */
const EMPTY_PCAP = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')
const folder = mkdtempSync(join(tmpdir(), 'cwv-'))
const profiles = join(folder, 'wireshark', 'profiles')
const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
let topology: Topology

before(async () => {
  mkdirSync(profiles, { recursive: true })
  topology = await buildTopology()
})

after(() => {
  topology.dispose()
  forget()
})

for (const [phase2, encapsulation] of [
  ['aes256gcm16', 'auto'],
  ['aes256gcm16', 'force'],
  ['aes128-sha256', 'auto'],
  ['aes128-sha256', 'force'],
] as const) {
  const how = encapsulation === 'auto' ? 'native' : 'in UDP'
  test(`tshark decrypts phase 1, Quick mode and ESP with ${phase2}, ${how}`, async () => {
    const name = `${phase2}-${encapsulation}`
    const { keys, pcap } = await pingThrough(name, phase2, encapsulation)

    const modes = ['.', ...readdirSync(keys)].map((file) => modeOf(join(keys, file)))
    assert.deepEqual(modes, ['700', '600', '600', '600'])

    symlinkSync(keys, join(profiles, name))
    const read = await tshark(pcap, ['-C', name])
    assert.deepEqual(read.warnings, [], 'tshark takes the tables as they are')
    const sealed = read.frames.filter(({ isEncryptedIke }) => isEncryptedIke)
    const negotiation = sealed.slice(0, 5).map(({ exchange, payloads }) => [exchange, payloads])
    const [message5, ...later] = negotiation
    // Identification, hash, and perhaps INITIAL-CONTACT.
    assert.match(message5?.join(' ') ?? '', /^2 5,8(,11)?$/)
    assert.deepEqual(later, [
      ['2', '5,8'],
      ['32', '8,1,2,3,10,4,5,5'],
      ['32', '8,1,2,3,10,4,5,5'],
      ['32', '8'],
    ])
    const identities = sealed.map(({ identity }) => identity)
    assert.deepEqual(identities.slice(0, 3), [
      ADDRESSES.gatewayA.ipv4,
      ADDRESSES.gatewayB.ipv4,
      '10.1.0.0,10.2.0.0',
    ])

    // The gateways, too, ask each other for large packets; the hosts are who pings.
    const hosts: readonly string[] = [ADDRESSES.hostA.ipv4, ADDRESSES.hostB.ipv4]
    const esp = read.frames.filter(({ spi, source }) => spi !== '' && hosts.includes(source ?? ''))
    assert.deepEqual(esp.map(({ icmp, icvGood, source }) => [icmp, icvGood, source]).sort(), [
      ...[1, 2, 3].map(() => ['0', '1', ADDRESSES.hostB.ipv4]),
      ...[1, 2, 3].map(() => ['8', '1', ADDRESSES.hostA.ipv4]),
    ])
    assert.equal(
      esp.every(({ udpPort }) => (udpPort !== '') === (encapsulation === 'force')),
      true,
    )
    assert.deepEqual(
      read.frames.filter(
        // What a gateway asks goes no further than the next router.
        ({ malformed, complaint }) =>
          malformed !== '' || (complaint !== '' && complaint !== '"Time To Live" only 1'),
      ),
      [],
    )

    const blind = await tshark(pcap, [])
    assert.equal(
      blind.frames.some(({ icmp, identity }) => icmp !== '' || identity !== ''),
      false,
      'without the keys nothing is seen',
    )
  })
}

test('tshark knows every algorithm by the name it is given', async () => {
  const keys = join(folder, 'every-algorithm')
  mkdirSync(keys)
  writeFileSync(join(keys, 'esp_sa'), everySuite().map(espRow).join(''))
  symlinkSync(keys, join(profiles, 'every-algorithm'))
  const pcap = join(folder, 'empty.pcap')
  writeFileSync(pcap, EMPTY_PCAP)
  assert.deepEqual((await tshark(pcap, ['-C', 'every-algorithm'])).warnings, [])
  writeFileSync(
    join(keys, 'esp_sa'),
    everySuite().map(espRow).join('').replace('AES-GCM', 'AES-XYZ'),
  )
  assert.notDeepEqual((await tshark(pcap, ['-C', 'every-algorithm'])).warnings, [])
})

test('a folder that others can open is refused, and the gateway does not start', async () => {
  const open = mkdtempSync(join(folder, 'open-'))
  chmodSync(open, 0o755)
  await assert.rejects(
    GatewayProcess.start(topology.gatewayA, site('a', {}), ['--wireshark-keys', open]),
    /others can open .* chmod 700/,
  )
  assert.deepEqual(readdirSync(open), [])
})

/** Each cipher IKEv1 can negotiate for ESP with each integrity; ChaCha20-Poly1305, which it cannot, is younger than some Wiresharks. */
function everySuite(): readonly OutboundSa[] {
  const { a } = sites()
  const [selectors] = a.tunnels[0]?.networks ?? []
  assert.ok(selectors !== undefined)
  const ciphers = ENCRYPTIONS.filter(({ ikev1Esp }) => ikev1Esp !== undefined)
  return ciphers.flatMap(({ name, aead, keyOctets, saltOctets }) =>
    (aead ? [undefined] : INTEGRITIES).map((integrity) => ({
      direction: 'outbound',
      spi: espSpi(0x1000),
      child: { tunnel: 'any', pair: 0 },
      suite: { encryption: name, integrity: integrity?.name ?? 'none', esn: false },
      mode: 'tunnel',
      encapsulation: 'native',
      local: { address: ip(ADDRESSES.gatewayA.ipv4), port: 500 },
      remote: { address: ip(ADDRESSES.gatewayB.ipv4), port: 500 },
      encryptionKey: new Secret(new Uint8Array(keyOctets + saltOctets)),
      integrityKey: new Secret(new Uint8Array(integrity?.keyOctets ?? 0)),
      selectors,
    })),
  )
}

/** Brings a tunnel up, sends three pings through it and closes it. */
async function pingThrough(name: string, phase2: string, encapsulation: 'auto' | 'force') {
  const keys = join(folder, name)
  const changes = { phase2, encapsulation }
  const settings = { a: site('a', changes), b: site('b', changes) }
  const work = async ({ a }: Gateways) => {
    const capture = await Capture.start(topology.middle, 'site-a', WHOLE_FRAMES)
    await a.up('peer')
    const { received } = await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 3 })
    assert.equal(received, 3)
    await assertLoud(a, keys)
    await a.down('peer')
    const pcap = join(folder, `${name}.pcap`)
    writeFileSync(pcap, await capture.pcap())
    return { keys, pcap }
  }
  return withGateways(topology, settings, work, ['--wireshark-keys', keys])
}

async function assertLoud(gateway: GatewayProcess, keys: string): Promise<void> {
  assert.match(gateway.output(), /--wireshark-keys: the keys of every tunnel are being written to/)
  assert.equal((await gateway.status()).gateway.wiresharkKeys, keys)
  for (const tunnel of [[], ['peer']]) {
    const { stdout } = await run([
      process.execPath,
      CAUSEWAY,
      '--control',
      gateway.control,
      'status',
      ...tunnel,
    ])
    assert.match(stdout, /^WARNING: the keys of every tunnel are being written to/)
  }
}

function site(
  name: Site,
  changes: { phase2?: string; encapsulation?: 'auto' | 'force' },
): GatewaySettings {
  const peer = tunnelAt(name, { phase1: 'aes256-sha256-group14', proof: 'auto', ...changes })
  return { name, tunnels: { peer } }
}

const FIELDS = [
  'isakmp.flag_e',
  'isakmp.exchangetype',
  'isakmp.typepayload',
  'isakmp.id.data.ipv4_addr',
  'esp.spi',
  'esp.icv_good',
  'icmp.type',
  'ip.src',
  'udp.port',
  '_ws.malformed',
  '_ws.expert.message',
]

/** Frames of IKE and ESP as tshark sees them; fields it found nothing for are empty. */
async function tshark(pcap: string, options: readonly string[]) {
  const argv = ['tshark', '-n', '-r', pcap, ...options, '-Y', 'isakmp || esp', '-T', 'fields']
  const wanted = FIELDS.flatMap((field) => ['-e', field])
  const { code, stdout, stderr } = await run([...argv, ...wanted, '-E', 'separator=|'], {
    env: { XDG_CONFIG_HOME: folder },
  })
  assert.equal(code, 0, stderr)
  const frames = stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const at = (field: string) => line.split('|')[FIELDS.indexOf(field)] ?? ''
      return {
        isEncryptedIke: at('isakmp.flag_e') === '1',
        exchange: at('isakmp.exchangetype'),
        payloads: at('isakmp.typepayload'),
        identity: at('isakmp.id.data.ipv4_addr'),
        spi: at('esp.spi'),
        icvGood: at('esp.icv_good'),
        icmp: at('icmp.type'),
        // The inner address stands last.
        source: at('ip.src').split(',').at(-1),
        udpPort: at('udp.port'),
        malformed: at('_ws.malformed'),
        complaint: at('_ws.expert.message'),
      }
    })
  const warnings = stderr.split('\n').filter((line) => /warn|error|UAT/i.test(line))
  return { frames, warnings }
}

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8)
}
