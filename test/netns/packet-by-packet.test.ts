// Every packet that leaves a gateway, on either side, judged by Wireshark: checksums, lengths, ICVs; for all the ways it can be carried at once.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Capture } from '../support/capture.ts'
import type { Answered } from '../support/conversation-program.ts'
import type { GatewaySettings, TunnelSettings } from '../support/gateway.ts'
import { firstLine, startHelper } from '../support/helper.ts'
import { undoAtExit } from '../support/leftovers.ts'
import { faultsOf, type JudgedFrame, judgeFrames } from '../support/packet-judge.ts'
import { eventually } from '../support/process.ts'
import { buildTopology, type Namespace, type Topology } from '../support/topology.ts'
import { type Gateways, type Site, tunnelAt, withGateways } from '../support/two-gateways.ts'

const MTU = 1_500
/** Of each frame; the fewer, the more of them tcpdump has room for, and here it is for all there are. */
const KEPT = 2_000

/** Each with addresses of its own outside, and in tunnel mode inside, too. */
const WAYS = [
  { name: 'udp-ipv4', family: 4, encapsulation: 'force', phase2: 'aes256gcm16' },
  { name: 'udp-ipv6', family: 6, encapsulation: 'force', phase2: 'aes128-sha256' },
  { name: 'native-ipv4', family: 4, encapsulation: 'auto', phase2: 'aes128-sha256' },
  { name: 'native-ipv6', family: 6, encapsulation: 'auto', phase2: 'aes256gcm16' },
  { name: 'host-udp-ipv4', family: 4, encapsulation: 'force', phase2: 'aes128-sha256' },
  { name: 'host-udp-ipv6', family: 6, encapsulation: 'force', phase2: 'aes256gcm16' },
  { name: 'host-native-ipv4', family: 4, encapsulation: 'auto', phase2: 'aes256gcm16' },
  { name: 'host-native-ipv6', family: 6, encapsulation: 'auto', phase2: 'aes128-sha256' },
] as const
type Way = (typeof WAYS)[number]

const PLACES = ['hostA', 'hostB', 'gatewayA', 'gatewayB'] as const

const folder = mkdtempSync(join(tmpdir(), 'cwj-'))
const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
const keys = join(folder, 'keys')
let net: Topology
/** By where they arrive. */
const judged: Record<(typeof PLACES)[number], readonly JudgedFrame[]> = {
  hostA: [],
  hostB: [],
  gatewayA: [],
  gatewayB: [],
}

before(async () => {
  net = await buildTopology()
  await addAddresses()
  const settings = { a: settingsOf('a'), b: settingsOf('b') }
  await withGateways(net, settings, talk, ['--wireshark-keys', keys])
})

after(() => {
  net.dispose()
  forget()
})

for (const place of PLACES) {
  test(`nothing is wrong with any packet that arrives at ${place}`, () => {
    const faults = judged[place].flatMap((frame) => faultsOf(frame, MTU))
    assert.deepEqual(faults.slice(0, 20), [], `${faults.length} of ${judged[place].length}`)
    assert.ok(judged[place].length > 1_000, `${judged[place].length}`)
  })
}

for (const way of WAYS) {
  test(`TCP, UDP and ICMP were seen inside ESP both ways: ${way.name}`, () => {
    for (const [place, site] of [
      ['gatewayA', 'a'],
      ['gatewayB', 'b'],
    ] as const) {
      const ours = judged[place].filter((frame) => destinationsOf(frame)[0] === outer(site, way))
      const opened = ours.filter(({ spi, icvGood }) => spi.length === 1 && icvGood[0] === '1')
      for (const [protocol, least] of [
        ['tcp', 100],
        ['udp', 20],
        ['icmp', 3],
      ] as const) {
        const found = opened.filter(({ protocols }) => insideEsp(protocols).startsWith(protocol))
        assert.ok(found.length >= least, `${place} ${protocol}: ${found.length} of ${ours.length}`)
      }
    }
  })
}

async function talk({ a }: Gateways): Promise<void> {
  await Promise.all(WAYS.map(({ name }) => a.up(name, 60_000)))
  const program = join(import.meta.dirname, '..', 'support', 'checksum-program.ts')
  const bare = (node: Namespace, ...devices: readonly string[]) =>
    node.runOk([process.execPath, program, ...devices])
  await Promise.all([
    bare(net.gatewayA, 'lan'),
    bare(net.middle, 'site-a', 'site-b'),
    bare(net.gatewayB, 'lan'),
  ])
  const capture = (node: Namespace, device: string, direction: 'in' | 'out') =>
    Capture.start(node, device, KEPT, direction)
  const captures = await Promise.all([
    capture(net.hostA, 'lan', 'in'),
    capture(net.hostB, 'lan', 'in'),
    capture(net.middle, 'site-a', 'out'),
    capture(net.middle, 'site-b', 'out'),
  ])
  const [tunnels, hosts] = [WAYS.filter(isTunnel), WAYS.filter((way) => !isTunnel(way))]
  const both = ([4, 6] as const).flatMap((family) =>
    tunnels.map((way) => [inner('a', way, family), inner('b', way, family)] as const),
  )
  await converse(net.hostA, net.hostB, both)
  await converse(
    net.gatewayA,
    net.gatewayB,
    hosts.map((way) => [outer('a', way), outer('b', way)] as const),
  )
  const pcaps = await Promise.all(captures.map((one) => one.pcap()))
  await Promise.all(
    PLACES.map(async (place, i) => {
      const file = join(folder, `${place}.pcap`)
      writeFileSync(file, pcaps[i] ?? '')
      judged[place] = await judgeFrames(file, keys)
    }),
  )
}

async function converse(
  from: Namespace,
  to: Namespace,
  pairs: readonly (readonly [string, string])[],
): Promise<void> {
  const program = join(import.meta.dirname, '..', 'support', 'conversation-program.ts')
  const there = pairs.map(([, address]) => address)
  for (const [source, destination] of pairs) {
    // Short ones; and ones that are cut into pieces, once both ends have been told of what size.
    for (const size of ['57', '4001']) {
      const few = ['-c', '4', '-i', '0.02', '-W', '1', '-s', size, '-I', source]
      await eventually(
        `pings of ${size} octets pass from ${source} to ${destination}`,
        async () => {
          const { stdout } = await from.run(['ping', ...few, destination])
          return / 0% packet loss/.test(stdout)
        },
        { patience: 30_000 },
      )
    }
  }
  await startHelper(to, program, ['answer', ...there], 'ready')
  const answered = await firstLine<readonly Answered[]>(
    await startHelper(from, program, ['ask', ...pairs.flat()]),
  )
  assert.deepEqual(
    answered.map(({ to, tcp }) => [to, tcp]),
    there.map((address) => [address, true]),
  )
  // UDP may lose some on a busy machine.
  assert.ok(
    answered.every(({ datagrams }) => datagrams >= 20),
    JSON.stringify(answered),
  )
}

async function addAddresses(): Promise<void> {
  for (const [site, gateway, host] of [
    ['a', net.gatewayA, net.hostA],
    ['b', net.gatewayB, net.hostB],
  ] as const) {
    for (const way of WAYS) {
      await gateway.ip(`addr add ${outer(site, way)}/${way.family === 4 ? 24 : 64} dev wan`)
      if (!isTunnel(way)) continue
      await host.ip(
        `addr add ${inner(site, way, 4)}/16 dev lan`,
        `addr add ${inner(site, way, 6)}/64 dev lan`,
      )
    }
  }
}

function settingsOf(site: Site): GatewaySettings {
  const peer = site === 'a' ? 'b' : 'a'
  const tunnels = WAYS.map((way): readonly [string, TunnelSettings] => {
    const { name, encapsulation, phase2 } = way
    const ends = { address: outer(site, way), peer: outer(peer, way) }
    const pairs = ([4, 6] as const).map(
      (family) => `${inner(site, way, family)} <-> ${inner(peer, way, family)}`,
    )
    const what = isTunnel(way)
      ? { networks: pairs }
      : { mode: 'transport', networks: [`${ends.address} <-> ${ends.peer}`] }
    return [name, tunnelAt(site, { ...ends, encapsulation, phase2, ...what })]
  })
  return { name: site, tunnels: Object.fromEntries(tunnels) }
}

function isTunnel({ name }: Way): boolean {
  return !name.startsWith('host-')
}

function outer(site: Site, way: Way): string {
  const host = 101 + WAYS.indexOf(way)
  if (way.family === 4) return `${site === 'a' ? '203.0.113' : '198.51.100'}.${host}`
  return `fd00:${site}::${host}`
}

function inner(site: Site, way: Way, family: 4 | 6): string {
  const [network, host] = [site === 'a' ? 1 : 2, 101 + WAYS.indexOf(way)]
  return family === 4 ? `10.${network}.${host}.2` : `fd00:${network}::${host}:2`
}

function destinationsOf({ destination, destination6, protocols }: JudgedFrame): readonly string[] {
  const isIpv4 = protocols[0]?.startsWith('eth:ethertype:ip:') === true
  return isIpv4 ? destination : destination6
}

/** Of `eth:ethertype:ip:udp:udpencap:esp:ip:tcp:data` what stands behind the last `esp`, without the headers of the network layer. */
function insideEsp([protocols = '']: readonly string[]): string {
  const inside = protocols.split(':esp').at(-1) ?? ''
  return inside.replace(/^(?::ipv?6?|:data)*:/, '')
}
