import { readFileSync } from 'node:fs'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { DataPlaneTunnel } from '#dataplane/port'
import { espSpi, type InboundSa, type OutboundSa } from '#esp/sa'
import type { SelectorPair } from '#policy/traffic-selector'
import { DataPlaneProcess } from '../test/support/data-plane-process.ts'
import type { Way } from './contender.ts'
import { LOADS, type Load, runLoad } from './loads.ts'
import { makePair, outer, type Pair } from './namespaces.ts'
import { median, ratio } from './report.ts'

/** Network pairs of one tunnel; each has an SA for each direction. */
const MANY_PAIRS = 5000
const PAIRS = [1, 500, MANY_PAIRS] as const
/** Tunnels with a device, a network pair and two SAs of their own each, which carry nothing. */
const IDLE_TUNNELS = 500

export type ScaleReport = {
  readonly rounds: number
  readonly seconds: number
  readonly points: readonly {
    readonly sas: number
    /** Bits a second of one TCP stream through one of the network pairs. */
    readonly tcp1: number
    /** Median of the quotients of each round with that of two SAs. */
    readonly overTwoSas: number
    /** Resident memory of one gateway at the end, octets. */
    readonly memory: number
  }[]
  /** Resident memory that each costs before anything was carried, in a process that keeps little garbage. */
  readonly octetsPerNetworkPair: number
  readonly octetsPerIdleTunnel: number
}

type Site = 'a' | 'b'
type Plan = { readonly tunnels: number; readonly pairs: number }
type Started = {
  readonly pair: Pair
  readonly way: Way
  readonly sas: number
  readonly values: number[]
}

/** Throughput and memory by the number of SAs, each number in gateways of its own, one round after the other. */
export async function measureScale(
  rounds: number,
  seconds: number,
  say: (text: string) => void,
): Promise<ScaleReport> {
  const load = LOADS[0] as Load
  const made: Started[] = []
  try {
    const [one, pairs, idle] = [
      await weigh({ tunnels: 1, pairs: 1 }),
      await weigh({ tunnels: 1, pairs: MANY_PAIRS }),
      await weigh({ tunnels: IDLE_TUNNELS, pairs: 1 }),
    ]
    for (const pairs of PAIRS) made.push(await start({ tunnels: 1, pairs }))
    for (const { way } of made) await runLoad(way, load, 1)
    for (let round = 0; round < rounds; round++) {
      for (const { way, values, sas } of made) {
        const { value } = await runLoad(way, load, seconds)
        values.push(value)
        say(`${sas} SAs: ${(value / 1e9).toFixed(2)} Gb/s`)
      }
    }
    return {
      rounds,
      seconds,
      points: made.map(({ sas, values, way }) => ({
        sas,
        tcp1: median(values),
        overTwoSas: ratio(values, made[0]?.values ?? []),
        memory: residentOf(way.pids[0] ?? 0),
      })),
      octetsPerNetworkPair: (pairs - one) / (MANY_PAIRS - 1),
      octetsPerIdleTunnel: (idle - one) / (IDLE_TUNNELS - 1),
    }
  } finally {
    for (const { pair } of made) pair.dispose()
  }
}

export function scaleTable({
  points,
  octetsPerNetworkPair,
  octetsPerIdleTunnel,
}: ScaleReport): string {
  const rows = points.map(
    ({ sas, tcp1, overTwoSas, memory }) =>
      `${`${sas}`.padStart(6)} SAs  ${(tcp1 / 1e9).toFixed(2)} Gb/s  over two SAs ${overTwoSas.toFixed(3)}  ${(memory / 1e6).toFixed(0)} MB`,
  )
  return [
    ...rows,
    `one more network pair ${(octetsPerNetworkPair / 1e3).toFixed(1)} kB, one more idle tunnel ${(octetsPerIdleTunnel / 1e3).toFixed(1)} kB`,
  ].join('\n')
}

/** Octets of a gateway of this plan. Its young generation is kept small, so that what is left of setting up hardly counts. */
async function weigh(plan: Plan): Promise<number> {
  const before = process.env.NODE_OPTIONS
  process.env.NODE_OPTIONS = '--max-semi-space-size=1'
  try {
    const { pair, way } = await start(plan)
    const octets = residentOf(way.pids[0] ?? 0)
    pair.dispose()
    return octets
  } finally {
    if (before === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = before
  }
}

async function start(plan: Plan): Promise<Started> {
  const pair = await makePair(1)
  const planes = { a: new DataPlaneProcess(pair.a), b: new DataPlaneProcess(pair.b) }
  for (const site of ['a', 'b'] as const) {
    const localAddresses = [ip(outer(0)[site])]
    await planes[site].configure({ localAddresses, tunnels: tunnelsOf(plan, site) })
    for (const batch of batches(sasOf(plan, site), 200)) {
      await Promise.all(batch.map((sa) => planes[site].install(sa)))
    }
    // An order that is answered: all before it were obeyed.
    await planes[site].configure({ localAddresses, tunnels: tunnelsOf(plan, site) })
  }
  const pids = [planes.a.process.pid ?? 0, planes.b.process.pid ?? 0]
  const busy = Math.floor((plan.pairs - 1) / 2)
  const way = { name: 'causeway', pair, from: address(busy, 'a'), to: address(busy, 'b'), pids }
  const sas = plan.tunnels * plan.pairs * 2
  return { pair, way, values: [], sas }
}

function tunnelsOf({ tunnels, pairs }: Plan, site: Site): DataPlaneTunnel[] {
  return Array.from({ length: tunnels }, (_, tunnel) => ({
    name: `t${tunnel}`,
    interfaceName: `cw-${tunnel}`,
    local: ip(outer(0)[site]),
    remote: ip(outer(0)[otherThan(site)]),
    mode: 'tunnel',
    pairs: Array.from({ length: pairs }, (_, index) => selectors(tunnel * pairs + index, site)),
    addresses: [
      { address: ip(address(tunnel * pairs + Math.floor((pairs - 1) / 2), site)), bits: 32 },
    ],
    acquire: false,
  }))
}

function sasOf({ tunnels, pairs }: Plan, site: Site): (InboundSa | OutboundSa)[] {
  return Array.from({ length: tunnels * pairs }, (_, index) => {
    const common = {
      child: { tunnel: `t${Math.floor(index / pairs)}`, pair: index % pairs },
      suite: { encryption: 'aes128-gcm16', integrity: 'none', esn: true },
      mode: 'tunnel',
      encapsulation: 'udp',
      local: { address: ip(outer(0)[site]), port: 4500 },
      remote: { address: ip(outer(0)[otherThan(site)]), port: 4500 },
      selectors: selectors(index, site),
      integrityKey: new Secret(new Uint8Array(0)),
    } as const
    const keyed = (to: Site) => ({
      ...common,
      spi: espSpi(0x1000_0000 + index * 2 + (to === 'b' ? 1 : 0)),
      encryptionKey: new Secret(new Uint8Array(20).fill(to === 'b' ? 1 : 2)),
    })
    return [
      { ...keyed(site), direction: 'inbound', replayWindow: 1024 } as const,
      { ...keyed(otherThan(site)), direction: 'outbound' } as const,
    ]
  }).flat()
}

function selectors(index: number, site: Site): SelectorPair {
  const single = (at: Site) => ({
    family: 4 as const,
    protocol: 0,
    start: ip(address(index, at)),
    end: ip(address(index, at)),
    startPort: 0,
    endPort: 0xffff,
  })
  return { local: single(site), remote: single(otherThan(site)) }
}

function address(index: number, site: Site): string {
  return `10.${site === 'a' ? 100 : 101}.${index >> 8}.${index & 0xff}`
}

function otherThan(site: Site): Site {
  return site === 'a' ? 'b' : 'a'
}

function batches<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}

function residentOf(pid: number): number {
  const [, kilobytes = '0'] =
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
