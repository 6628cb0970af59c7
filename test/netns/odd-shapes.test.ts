// Packets of shapes that hosts seldom make: what IP allows arrives as it was sent, one hop shorter at each gateway.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import { IpProtocol } from '#wire/ip-protocol'
import { sealIpv4Header } from '#wire/ipv4'
import { Capture, countFrames } from '../support/capture.ts'
import { GatewayProcess } from '../support/gateway.ts'
import { ipPacket, type PacketSpec } from '../support/ip-packet.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { networksAt, TUNNEL, tunnelAt } from '../support/two-gateways.ts'

/** Nobody answers there, so that what comes back is not in the way. */
const V4 = { source: ip('10.1.0.77'), destination: ip('10.2.0.2') }
const V6 = { source: ip('fd00:1::77'), destination: ip('fd00:2::2') }
/** Somebody does, of errors. */
const FROM_HOST_4 = { ...V4, source: ip(ADDRESSES.hostA.ipv4) }
const FROM_HOST_6 = { ...V6, source: ip(ADDRESSES.hostA.ipv6) }
const UDP_PORTS = [0x9c, 0x40, 0, 9]

let net: Topology
const gateways: GatewayProcess[] = []
/** What both had dropped before, while there was no SA. */
let dropped: readonly unknown[]
/** IP packets and frames by where they were seen. */
let atA: readonly Uint8Array[]
let between: readonly Uint8Array[]
let atB: readonly Uint8Array[]

before(async () => {
  net = await buildTopology()
  for (const [site, node] of [
    ['b', net.gatewayB],
    ['a', net.gatewayA],
  ] as const) {
    const both = tunnelAt(site, { networks: Object.values(networksAt(site)) })
    gateways.push(await GatewayProcess.start(node, { name: site, tunnels: { [TUNNEL]: both } }))
  }
  await gateways[1]?.up(TUNNEL)
  // Until both pairs have their SAs, and neighbours know each other.
  for (const host of [ADDRESSES.hostB.ipv4, ADDRESSES.hostB.ipv6]) {
    await eventually('pings pass', async () => (await net.hostA.ping(host)).received === 3)
  }
  dropped = await allDropped()
  const captures = [
    await Capture.start(net.hostA, 'lan', 2000),
    await Capture.start(net.middle, 'site-a', 2000),
    await Capture.start(net.hostB, 'lan', 2000),
  ]
  await send([...Object.values(SHAPES).flat(), ...MANY, ...SHORT_LIVED])
  for (const host of [ADDRESSES.hostB.ipv4, ADDRESSES.hostB.ipv6]) {
    assert.equal((await net.hostA.ping(host, { wait: 5 })).received, 3)
  }
  const frames = await Promise.all(captures.map((capture) => capture.frames()))
  between = frames[1] ?? []
  atA = packetsOf(frames[0] ?? [])
  atB = packetsOf(frames[2] ?? [])
})

after(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  net.dispose()
})

const SHAPES: Readonly<Record<string, readonly Uint8Array[]>> = {
  'protocols that nothing here knows': [
    ...[IpProtocol.sctp, 47, 89, 253].map((protocol) => ipPacket({ ...V4, protocol })),
    ...[IpProtocol.sctp, 47, 89, 253, IpProtocol.esp].map((protocol) =>
      ipPacket({ ...V6, protocol }),
    ),
  ],
  'packets without any content': [
    ipPacket({ ...V4, protocol: 253, payload: new Uint8Array(0) }),
    ipPacket({ ...V6, protocol: IpProtocol.none, payload: new Uint8Array(0) }),
  ],
  'UDP without a checksum, with a wrong one, and with a length that is not true': [
    udp([0, 20], [0, 0]),
    udp([0, 20], [0x12, 0x34]),
    udp([0, 9], [0, 0]),
    udp([0xff, 0xff], [0, 0]),
  ],
  'every congestion mark and class': [0, 1, 2, 3, 0xb8, 0xbb, 0xff].flatMap((trafficClass) => [
    ipPacket({ ...V4, trafficClass }),
    ipPacket({ ...V6, trafficClass }),
  ]),
  'IPv4 options': [withOptions([0x94, 4, 0, 0]), withOptions([1, 1, 1, 0])],
  'fragments in reverse order': [...fragments(V4), ...fragments(V6)].reverse(),
  'fragments of eight octets': [0, 1, 2].map((fragmentOffset) =>
    ipPacket({
      ...V4,
      payload: new Uint8Array(fragmentOffset === 0 ? 4 : 8),
      fragmentOffset,
      moreFragments: fragmentOffset < 2,
    }),
  ),
  'fragments that overlap': [0, 1, 3].map((fragmentOffset) =>
    ipPacket({
      ...V4,
      payload: new Uint8Array(fragmentOffset === 0 ? 20 : 24).fill(fragmentOffset),
      fragmentOffset,
      moreFragments: fragmentOffset < 3,
    }),
  ),
  'IPv6 extension headers, alone, behind each other, and in fragments': [
    extended(IpProtocol.hopByHop, [17, 0, 5, 2, 0, 0, 1, 0]),
    extended(IpProtocol.hopByHop, [17, 0, 1, 4, 0, 0, 0, 0]),
    extended(IpProtocol.destinationOptions, [17, 0, 1, 4, 0, 0, 0, 0]),
    extended(0, [60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0]),
    // A fragment that is the whole packet (RFC 6946).
    extended(IpProtocol.fragment, [17, 0, 0, 0, 0, 0, 0, 7]),
    extended(0, [44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 8]),
    extended(0, [44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 32, 0, 0, 0, 8]),
  ],
}

for (const [name, packets] of Object.entries(SHAPES)) {
  test(`pass unchanged but for their hops: ${name}`, () => {
    const seen = atB.map(hex)
    for (const packet of packets) {
      const expected = hex(hopsLess(packet, 2))
      assert.equal(
        seen.filter((one) => one === expected).length,
        timesIn(packets, packet),
        expected,
      )
    }
  })
}

/** For many receivers: no gateway hands them on, and none leaves in clear. */
const MANY = [
  ...['239.1.2.3', '224.0.0.5', '255.255.255.255', '10.2.255.255'].map((destination) =>
    ipPacket({ ...V4, destination: ip(destination), identification: 0x4d4d }),
  ),
  ...['ff05::1:3', 'ff02::1'].map((destination) =>
    ipPacket({ ...V6, destination: ip(destination), payload: new Uint8Array(77) }),
  ),
]

test('packets to many stay where they are', () => {
  const odd = MANY.map((packet) => hex(hopsLess(packet, 2)))
  assert.deepEqual(
    atB.map(hex).filter((one) => odd.includes(one)),
    [],
  )
  const { plaintext } = countFrames(between)
  assert.equal(plaintext, 0)
})

/** Hop limits that end at gateway A, at gateway B, and at host B. */
const SHORT_LIVED = [1, 2, 3].flatMap((hops) => [
  withHops(ipPacket({ ...FROM_HOST_4, identification: 0x7171 }), hops),
  withHops(ipPacket({ ...FROM_HOST_6, trafficClass: 0x70 }), hops),
])

test('each gateway is a hop, and says by its inner address that a packet ended there', () => {
  const told = atA.filter(isTimeExceeded).map((packet) => hex(sourceOf(packet)))
  const { gatewayA, gatewayB } = ADDRESSES
  assert.deepEqual(told.sort(), addresses(gatewayA.lan, gatewayB.lan, gatewayA.lan6, gatewayB.lan6))
  const arrived = atB.map(hex).filter((one) => SHORT_LIVED.some((sent) => isSame(sent, one)))
  assert.deepEqual(
    arrived.sort(),
    SHORT_LIVED.slice(4)
      .map((packet) => hex(hopsLess(packet, 2)))
      .sort(),
  )
})

test('the tunnel lives, and no packet was refused', async () => {
  assert.deepEqual(await allDropped(), dropped)
})

function allDropped(): Promise<readonly unknown[]> {
  return Promise.all(gateways.map(async (gateway) => (await gateway.tunnel(TUNNEL)).dropped))
}

/** From host A, to gateway A. */
async function send(packets: readonly Uint8Array[]): Promise<void> {
  const link = async (node: 'hostA' | 'gatewayA') =>
    JSON.parse(await net[node].runOk(['ip', '-j', 'link', 'show', 'lan']))[0]
  const program = join(import.meta.dirname, '..', 'support', 'packet-program.ts')
  const { ifindex } = await link('hostA')
  const { address } = await link('gatewayA')
  const input = packets.map((packet) => `${hex(packet)}\n`).join('')
  await net.hostA.runOk([process.execPath, program, `${ifindex}`, address], { input })
}

function udp(length: readonly number[], checksum: readonly number[]): Uint8Array {
  const payload = new Uint8Array([...length, ...checksum, ...new Uint8Array(12).fill(0x75)])
  return ipPacket({ ...V4, sourcePort: 40_000, destinationPort: 9, payload })
}

/** An IPv6 packet that begins with extension headers and goes on with ports and more. */
function extended(first: number, headers: readonly number[]): Uint8Array {
  const payload = new Uint8Array([...headers, ...UDP_PORTS, ...new Uint8Array(28)])
  return ipPacket({ ...V6, protocol: first, payload })
}

function withOptions(options: readonly number[]): Uint8Array {
  const plain = ipPacket(V4)
  const packet = new Uint8Array([...plain.subarray(0, 20), ...options, ...plain.subarray(20)])
  const view = new DataView(packet.buffer)
  view.setUint8(0, 0x40 | ((20 + options.length) / 4))
  view.setUint16(2, packet.length)
  sealIpv4Header(view, 0)
  return packet
}

function fragments(ends: { source: IpAddress; destination: IpAddress }): Uint8Array[] {
  const piece = (more: Partial<PacketSpec>) =>
    ipPacket({ ...ends, payload: new Uint8Array(400), identification: 9, ...more })
  return [
    piece({ moreFragments: true, payload: new Uint8Array(396) }),
    piece({ moreFragments: true, fragmentOffset: 50 }),
    piece({ fragmentOffset: 100 }),
  ]
}

function hopsLess(packet: Uint8Array, hops: number): Uint8Array {
  return withHops(packet, (packet[isIpv4(packet) ? 8 : 7] ?? 0) - hops)
}

function withHops(packet: Uint8Array, hops: number): Uint8Array {
  const changed = packet.slice()
  changed[isIpv4(packet) ? 8 : 7] = hops
  if (isIpv4(packet)) sealIpv4Header(new DataView(changed.buffer), 0)
  return changed
}

/** IP packets of Ethernet frames, without what fills short frames up. */
function packetsOf(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  return frames.flatMap((frame) => {
    const packet = frame.slice(14)
    const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0)
    if (type !== 0x0800 && type !== 0x86dd) return []
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
    return [packet.slice(0, type === 0x0800 ? view.getUint16(2) : 40 + view.getUint16(4))]
  })
}

function isTimeExceeded(packet: Uint8Array): boolean {
  return isIpv4(packet)
    ? packet[9] === 1 && packet[20] === 11
    : packet[6] === 58 && packet[40] === 3
}

function sourceOf(packet: Uint8Array): Uint8Array {
  return isIpv4(packet) ? packet.subarray(12, 16) : packet.subarray(8, 24)
}

function addresses(...list: readonly string[]): string[] {
  return list
    .map((address) =>
      hex(sourceOf(ipPacket({ ...(address.includes(':') ? V6 : V4), source: ip(address) }))),
    )
    .sort()
}

/** Whether they are equal but for their hops. */
function isSame(packet: Uint8Array, other: string): boolean {
  return hex(withHops(packet, 9)) === hex(withHops(new Uint8Array(Buffer.from(other, 'hex')), 9))
}

function timesIn(packets: readonly Uint8Array[], packet: Uint8Array): number {
  return packets.filter((other) => hex(other) === hex(packet)).length
}

function isIpv4(packet: Uint8Array): boolean {
  return (packet[0] ?? 0) >>> 4 === 4
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}
