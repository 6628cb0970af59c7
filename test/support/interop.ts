import assert from 'node:assert/strict'
import type { TunnelStatus } from '#control/status'
import { GatewayProcess, type TunnelSettings } from './gateway.ts'
import { eventually } from './process.ts'
import { StrongSwan, type SwanChildSa, type SwanControl, type SwanIkeSa } from './strongswan.ts'
import type { SwanConnection } from './swan-conf.ts'
import { ADDRESSES, buildTopology, type Topology, type TopologyOptions } from './topology.ts'

/**
 * One tunnel between Causeway (gateway A) and strongSwan (gateway B), said once. Algorithms in the words both understand:
 * `aes256-sha256-modp2048`.
 */
export type Link = {
  readonly name: string
  /** Main mode unless told. */
  readonly ike?: 'v1-main' | 'v1-aggressive'
  readonly phase1: string
  /** `aes128gcm16`, `aes256-sha256`. */
  readonly esp: string
  readonly pfs: 'none' | string
  readonly causeway: string
  readonly strongswan: string
  /** Causeway's network first. */
  readonly networks: readonly (readonly [causeway: string, strongswan: string])[]
}

export const LINK: Link = {
  name: 'link',
  phase1: 'aes256-sha256-modp2048',
  esp: 'aes256gcm16',
  pfs: 'none',
  causeway: ADDRESSES.gatewayA.ipv4,
  strongswan: ADDRESSES.gatewayB.ipv4,
  networks: [['10.1.0.0/16', '10.2.0.0/16']],
}

export const LINK6: Link = {
  ...LINK,
  causeway: ADDRESSES.gatewayA.ipv6,
  strongswan: ADDRESSES.gatewayB.ipv6,
  networks: [['fd00:1::/64', 'fd00:2::/64']],
}

export const PSK = 'a key that both sides know'

/**
 * A link of its own beside others: between 203.0.113.(100+n) and 198.51.100.(100+n), for 10.1.n.0/24 and 10.2.n.0/24. The
 * addresses are there after `giveAddresses`.
 */
export function numberedLink(n: number, more: Partial<Link> = {}): Link {
  return {
    ...LINK,
    name: `link${n}`,
    causeway: `203.0.113.${100 + n}`,
    strongswan: `198.51.100.${100 + n}`,
    networks: [[`10.1.${n}.0/24`, `10.2.${n}.0/24`]],
    ...more,
  }
}

/** Addresses for numbered links 1 to `count`: of gateways, and 10.1.n.2 and 10.2.n.2 for the hosts. */
export async function giveAddresses(
  { hostA, gatewayA, gatewayB, hostB }: Topology,
  count: number,
): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const lines = (device: string, address: (n: number) => string): readonly string[] =>
    numbers.map((n) => `addr add ${address(n)} dev ${device}`)
  await hostA.ip(...lines('lan', (n) => `10.1.${n}.2/32`))
  await gatewayA.ip(...lines('wan', (n) => `203.0.113.${100 + n}/24`))
  await gatewayB.ip(...lines('wan', (n) => `198.51.100.${100 + n}/24`))
  await hostB.ip(...lines('lan', (n) => `10.2.${n}.2/32`))
  // strongSwan's userspace ESP wants an address of its own in each network, as the source of its route.
  await gatewayB.ip(...lines('lan', (n) => `10.2.${n}.1/32`))
}

/** Causeway's side of a link; it waits to be asked unless told otherwise. */
export function causewaySide(link: Link, more: Partial<TunnelSettings> = {}): TunnelSettings {
  return {
    address: link.causeway,
    peer: link.strongswan,
    psk: PSK,
    ...(link.ike === undefined ? {} : { ike: link.ike }),
    phase1: link.phase1,
    phase2: `${link.esp}, pfs ${link.pfs}`,
    networks: link.networks.map(([ours, theirs]) => `${ours} <-> ${theirs}`),
    start: 'respond',
    ...more,
  }
}

/** strongSwan's side; child `net` for the first pair of networks, `net2` for the second. Its names begin with the link's. */
export function strongswanSide(link: Link, more: Partial<SwanConnection> = {}): SwanConnection {
  return {
    name: link.name,
    local: link.strongswan,
    remote: link.causeway,
    psk: PSK,
    aggressive: link.ike === 'v1-aggressive',
    proposals: [link.phase1],
    encap: true,
    children: link.networks.map(([ours, theirs], index) => ({
      name: childName(link, index),
      localTs: [theirs],
      remoteTs: [ours],
      proposals: [link.pfs === 'none' ? link.esp : `${link.esp}-${link.pfs}`],
    })),
    ...more,
  }
}

export function childName(link: Link, index = 0): string {
  return `${link.name}-net${index === 0 ? '' : index + 1}`
}

/** The topology with Causeway at site A and strongSwan (ESP in userspace) at site B. */
export type Encounter = {
  readonly topology: Topology
  readonly causeway: GatewayProcess
  readonly strongswan: StrongSwan
  end(): Promise<void>
}

export async function meet(
  tunnels: Readonly<Record<string, TunnelSettings>>,
  connections: readonly SwanConnection[],
  options: TopologyOptions & {
    readonly prepare?: (topology: Topology) => Promise<void>
    readonly logLevel?: 'normal' | 'secrets'
    readonly fragmentSize?: number
    /** Certificates, for instance, must be there when the connections are loaded. */
    readonly beforeLoad?: (strongswan: StrongSwan) => void
  } = {},
): Promise<Encounter> {
  const topology = await buildTopology(options)
  const running: { stop(): Promise<void> }[] = []
  const end = async (): Promise<void> => {
    try {
      await Promise.all(running.map((one) => one.stop()))
    } finally {
      topology.dispose()
    }
  }
  try {
    await options.prepare?.(topology)
    const strongswan = await StrongSwan.start(topology.gatewayB, options)
    running.push(strongswan)
    options.beforeLoad?.(strongswan)
    await strongswan.load(connections)
    const causeway = await GatewayProcess.start(topology.gatewayA, { name: 'gw-a', tunnels })
    running.push(causeway)
    return { topology, causeway, strongswan, end }
  } catch (error) {
    await end()
    throw error
  }
}

/** Both sides' word on a link that is up, taken when both have it. */
export type Agreement = {
  readonly tunnel: TunnelStatus
  readonly ikeSa: SwanIkeSa
  readonly childSa: SwanChildSa
}

export async function agreement(
  link: Link,
  causeway: GatewayProcess,
  strongswan: SwanControl,
): Promise<Agreement> {
  return eventually(
    `both sides have ${link.name}`,
    async () => {
      const tunnel = await causeway.tunnel(link.name)
      const sas = (await strongswan.ikeSas()).filter(({ name }) => name === link.name)
      // After a rekey the older ones are still there for a while; unique ids grow.
      const ikeSa = newest(sas.filter(({ state }) => state === 'ESTABLISHED'))
      const active = tunnel.childSas.find(({ state }) => state === 'active')
      const childSa = sas
        .flatMap(({ children }) => children)
        .find(({ state, inboundSpi }) => state === 'INSTALLED' && inboundSpi === active?.out.spi)
      if (tunnel.state !== 'up' || ikeSa === undefined || childSa === undefined) return undefined
      return { tunnel, ikeSa, childSa }
    },
    { interval: 20 },
  )
}

function newest<T extends { readonly uniqueId: number }>(list: readonly T[]): T | undefined {
  return list.toSorted((a, b) => b.uniqueId - a.uniqueId)[0]
}

/** strongSwan initiates; a failure carries its own account and Causeway's. */
export async function strongswanInitiates(
  link: Link,
  causeway: GatewayProcess,
  strongswan: SwanControl,
): Promise<void> {
  const outcome = await strongswan.initiate(childName(link), { ike: link.name })
  assert.equal(
    outcome.code,
    0,
    `strongSwan could not initiate ${link.name}:\n${outcome.stdout}${outcome.stderr}\n${causeway.output()}`,
  )
}

/** Both sides report the algorithms the link asks for, each in its own words. */
export function assertAlgorithms(
  link: Link,
  { tunnel, ikeSa, childSa }: Agreement,
  role: 'initiator' | 'responder',
): void {
  const [encryption = '', hash = '', group = ''] = link.phase1.split('-')
  const ours = tunnel.ikeSas.find(({ initiatorSpi }) => initiatorSpi === ikeSa.initiatorSpi)
  assert.ok(ours !== undefined, 'both sides mean the same IKE SA')
  assert.deepEqual(
    { version: ours.version, exchange: ours.exchange, suite: ours.suite, role: ours.role },
    {
      version: 'IKEv1',
      exchange: link.ike === 'v1-aggressive' ? 'Aggressive mode' : 'Main mode',
      suite: `${encryption}-${hash}-${GROUPS[group]?.number}`,
      role,
    },
  )
  assert.deepEqual(
    {
      version: ikeSa.version,
      encryption: ikeSa.encryption,
      prf: ikeSa.prf,
      group: ikeSa.group,
      initiator: ikeSa.initiator,
    },
    {
      version: 1,
      encryption: ENCRYPTION[encryption],
      prf: PRF[hash],
      group: GROUPS[group]?.strongswan,
      initiator: role === 'responder',
    },
  )
  const child = tunnel.childSas.find(({ state }) => state === 'active')
  const pfs = link.pfs === 'none' ? undefined : GROUPS[link.pfs]
  assert.deepEqual(
    { suite: child?.suite, pfs: child?.pfs, mode: child?.mode },
    { suite: link.esp, pfs: pfs?.number ?? 'none', mode: 'tunnel' },
  )
  assert.deepEqual(
    {
      encryption: childSa.encryption,
      integrity: childSa.integrity,
      group: childSa.group,
      mode: childSa.mode,
      protocol: childSa.protocol,
    },
    { ...ESP[link.esp], group: pfs?.strongswan ?? '', mode: 'TUNNEL', protocol: 'ESP' },
  )
  assert.deepEqual([child?.in.spi, child?.out.spi], [childSa.outboundSpi, childSa.inboundSpi])
}

const ENCRYPTION: Readonly<Record<string, string>> = {
  aes128: 'AES_CBC-128',
  aes256: 'AES_CBC-256',
  '3des': '3DES_CBC',
}

const PRF: Readonly<Record<string, string>> = {
  sha1: 'PRF_HMAC_SHA1',
  sha256: 'PRF_HMAC_SHA2_256',
  sha384: 'PRF_HMAC_SHA2_384',
  sha512: 'PRF_HMAC_SHA2_512',
}

const GROUPS: Readonly<Record<string, { readonly number: string; readonly strongswan: string }>> = {
  modp1024: { number: 'group2', strongswan: 'MODP_1024' },
  modp2048: { number: 'group14', strongswan: 'MODP_2048' },
  modp3072: { number: 'group15', strongswan: 'MODP_3072' },
  modp4096: { number: 'group16', strongswan: 'MODP_4096' },
  ecp256: { number: 'group19', strongswan: 'ECP_256' },
  ecp384: { number: 'group20', strongswan: 'ECP_384' },
}

const ESP: Readonly<Record<string, { readonly encryption: string; readonly integrity: string }>> = {
  aes128gcm16: { encryption: 'AES_GCM_16-128', integrity: '' },
  aes256gcm16: { encryption: 'AES_GCM_16-256', integrity: '' },
  'aes256-sha256': { encryption: 'AES_CBC-256', integrity: 'HMAC_SHA2_256_128' },
}

/**
 * Every echo comes back. The peer may still be installing what it has just agreed to, on a thread of its own, and drops what comes
 * before: the first echo is therefore asked again until it is answered.
 */
export async function assertPing(
  from: { ping: Topology['hostA']['ping'] },
  destination: string,
  options: Parameters<Topology['hostA']['ping']>[1] = {},
): Promise<void> {
  await eventually(`${destination} answers`, async () => {
    const { received } = await from.ping(destination, { ...options, count: 1, wait: 1 })
    return received === 1
  })
  const count = options.count ?? 3
  const { sent, received } = await from.ping(destination, { ...options, count })
  assert.deepEqual({ sent, received }, { sent: count, received: count })
}
