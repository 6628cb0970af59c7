import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type IpAddress, ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { encryption, integrity } from '#crypto/registry'
import type { DataPlaneSettings, SaCounters } from '#dataplane/port'
import { type EspEncapsulation, espSpi, type InboundSa, type OutboundSa } from '#esp/sa'
import type { EncapsulationMode, EspSuite } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'
import { DataPlaneProcess, type Workers } from './data-plane-process.ts'
import { eventually } from './process.ts'
import { pair } from './sites.ts'
import { ADDRESSES, type Namespace, type Topology } from './topology.ts'
import type { TransferReport } from './transfer-program.ts'

export const LAN_4: SelectorPair = pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')
export const LAN_6: SelectorPair = pair(
  'fd00:1::',
  'fd00:1::ffff:ffff:ffff:ffff',
  'fd00:2::',
  'fd00:2::ffff:ffff:ffff:ffff',
)
export const GCM: EspSuite = { encryption: 'aes128-gcm16', integrity: 'none', esn: false }

export type Outer = { readonly a: IpAddress; readonly b: IpAddress }
export const OUTER_4: Outer = { a: ip(ADDRESSES.gatewayA.ipv4), b: ip(ADDRESSES.gatewayB.ipv4) }
export const OUTER_6: Outer = { a: ip(ADDRESSES.gatewayA.ipv6), b: ip(ADDRESSES.gatewayB.ipv6) }

export const TUNNEL = 'berlin-paris'

/** Both ends of one tunnel without a key exchange: what its SAs are. */
export type Link = {
  readonly outer?: Outer
  /** Where B sees A, when a NAT stands between. */
  readonly aSeenAs?: IpAddress
  /** As A sees them. */
  readonly pairs?: readonly SelectorPair[]
  readonly suite?: EspSuite
  readonly encapsulation?: EspEncapsulation
  readonly mode?: EncapsulationMode
  /** Another generation has other SPIs and keys. */
  readonly generation?: number
  readonly workers?: Workers
}

export const mirrored = (selectors: SelectorPair): SelectorPair => ({
  local: selectors.remote,
  remote: selectors.local,
})

export function settings(link: Link, site: 'a' | 'b'): DataPlaneSettings {
  const { outer = OUTER_4, pairs = [LAN_4], mode = 'tunnel' } = link
  const local = outer[site]
  return {
    localAddresses: [local],
    tunnels: [
      {
        name: TUNNEL,
        interfaceName: 'cw-test',
        local,
        remote: site === 'a' ? outer.b : (link.aSeenAs ?? outer.a),
        mode,
        pairs: site === 'a' ? pairs : pairs.map(mirrored),
        acquire: true,
      },
    ],
  }
}

export type SaPair = { readonly inbound: InboundSa; readonly outbound: OutboundSa }

/** The four SAs of one network pair. */
export function sasOf(link: Link, index: number): { readonly a: SaPair; readonly b: SaPair } {
  const { outer = OUTER_4, pairs = [LAN_4], suite = GCM, encapsulation = 'udp' } = link
  const { mode = 'tunnel', generation = 0 } = link
  const { keyOctets, saltOctets } = encryption(suite.encryption)
  const macOctets = suite.integrity === 'none' ? 0 : integrity(suite.integrity).keyOctets
  const one = (direction: 'a-to-b' | 'b-to-a') => {
    const octet = generation * 16 + index * 2 + (direction === 'a-to-b' ? 1 : 2)
    return {
      spi: espSpi(0x1000_0000 + octet),
      child: { tunnel: TUNNEL, pair: index },
      suite,
      mode,
      encapsulation,
      encryptionKey: new Secret(new Uint8Array(keyOctets + saltOctets).fill(octet)),
      integrityKey: new Secret(new Uint8Array(macOctets).fill(octet)),
    }
  }
  const [ab, ba] = [one('a-to-b'), one('b-to-a')]
  const selectors = pairs[index]
  assert.ok(selectors)
  const atA = {
    local: { address: outer.a, port: 4500 },
    remote: { address: outer.b, port: 4500 },
    selectors,
  }
  const atB = {
    local: atA.remote,
    remote: { address: link.aSeenAs ?? outer.a, port: 4500 },
    selectors: mirrored(selectors),
  }
  return {
    a: {
      inbound: { ...ba, ...atA, direction: 'inbound', replayWindow: 1024 },
      outbound: { ...ab, ...atA, direction: 'outbound' },
    },
    b: {
      inbound: { ...ab, ...atB, direction: 'inbound', replayWindow: 1024 },
      outbound: { ...ba, ...atB, direction: 'outbound' },
    },
  }
}

/** The data planes of both gateways of a topology, as long as `withLink` lasts. */
export class LinkedDataPlanes {
  readonly net: Topology
  readonly a: DataPlaneProcess
  readonly b: DataPlaneProcess

  constructor(net: Topology, workers?: Workers) {
    this.net = net
    this.a = new DataPlaneProcess(net.gatewayA, workers)
    this.b = new DataPlaneProcess(net.gatewayB, workers)
  }

  async install(link: Link): Promise<void> {
    for (const index of (link.pairs ?? [LAN_4]).keys()) {
      const sas = sasOf(link, index)
      await this.a.install(sas.a.inbound)
      await this.b.install(sas.b.inbound)
      await this.a.install(sas.a.outbound)
      await this.b.install(sas.b.outbound)
    }
  }

  /** Sends octets by TCP from one host to another, where they must arrive whole. */
  async transfer(
    octets: number,
    destination: string,
    from: Namespace = this.net.hostA,
    to: Namespace = this.net.hostB,
  ): Promise<void> {
    const run = (host: Namespace, ...args: string[]): AsyncIterator<string> => {
      const { stdout } = host.start([process.execPath, TRANSFER, ...args])
      assert.ok(stdout)
      return createInterface({ input: stdout })[Symbol.asyncIterator]()
    }
    const report = async (lines: AsyncIterator<string>): Promise<TransferReport> =>
      JSON.parse((await lines.next()).value)
    const receiver = run(to, 'receive', '::', '5201')
    assert.equal((await receiver.next()).value, 'ready')
    const sender = run(from, 'send', destination, '5201', `${octets}`)
    const [sent, received] = await Promise.all([report(sender), report(receiver)])
    assert.equal(received.octets, octets)
    assert.equal(received.digest, sent.digest)
  }
}

/** Both gateways, configured and, unless told otherwise, with SAs, for the time of `work`. */
export async function withLink(
  net: Topology,
  link: Link,
  work: (planes: LinkedDataPlanes) => Promise<void>,
  sas: 'with SAs' | 'without SAs' = 'with SAs',
): Promise<void> {
  const planes = new LinkedDataPlanes(net, link.workers)
  const { a, b } = planes
  try {
    await Promise.all([a.configure(settings(link, 'a')), b.configure(settings(link, 'b'))])
    if (sas === 'with SAs') await planes.install(link)
    await work(planes)
  } finally {
    await Promise.all([a.close(), b.close()])
  }
}

export async function saOf(
  plane: DataPlaneProcess,
  direction: 'inbound' | 'outbound',
): Promise<SaCounters> {
  const found = (await plane.counters()).sas.find((sa) => sa.direction === direction)
  assert.ok(found, `no ${direction} SA`)
  return found
}

/** Everything that A sent was delivered by B, and nothing was refused on the way. */
export async function assertAllDelivered({ a, b }: LinkedDataPlanes): Promise<void> {
  // The last acknowledgement of a connection may still be under way.
  await eventually('B has delivered what A has sent', async () => {
    const [sent, received] = [await saOf(a, 'outbound'), await saOf(b, 'inbound')]
    return sent.packets === received.packets && sent.octets === received.octets
  })
  const { packets, sequence, replayed, badIcv, badPadding, outsideSelectors } = await saOf(
    b,
    'inbound',
  )
  assert.deepEqual(
    [sequence, replayed, badIcv, badPadding, outsideSelectors],
    [packets, 0, 0, 0, 0],
  )
}

export async function assertPings(from: Namespace, to: string, options = {}): Promise<void> {
  const result = await from.ping(to, options)
  assert.equal(result.received, result.sent, `pings to ${to}`)
}

const TRANSFER = join(import.meta.dirname, 'transfer-program.ts')
