// `npm run bench`: throughput, latency and cost of Causeway beside others, in network namespaces of this machine. Needs root.
// --scale: by the number of SAs instead, and what they weigh. --quick: minutes instead of half an hour. --json: the report on standard output. --rounds N, --seconds N, --loads a,b, --ways a,b.
import { readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { networkPrivileges } from '../test/support/privileges.ts'
import { causeway, causewayTwoThreads } from './causeway.ts'
import type { Contender, Way } from './contender.ts'
import { measureCrypto } from './crypto.ts'
import { LOADS, type Load, peakMemory, roundTrips, runLoad, type Sample } from './loads.ts'
import { makePair, type Pair, setLink } from './namespaces.ts'
import { kernelLibipsec, plain, reference, wireguardGo } from './peers.ts'
import { need } from './programs.ts'
import {
  cryptoTable,
  type Latency,
  median,
  overName,
  quantile,
  type Report,
  ratio,
  spread,
  table,
} from './report.ts'
import { measureScale, scaleTable } from './scale.ts'

const QUICK_LOADS = ['tcp1', 'tcp8', 'tcp1Reverse', 'udp64', 'udp1400', 'tcp1WithoutUso']
/** What is measured with every load; the others of ours only with the first ones. */
const CIPHERS = ['causewayAes256Gcm', 'causewayChaCha20', 'causewayAes128CbcSha256']
const CIPHER_LOADS = ['tcp1', 'udp1400']

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    crypto: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    loads: { type: 'string' },
    ways: { type: 'string' },
  },
})
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5))
const seconds = Number(values.seconds ?? (values.quick ? 1 : 3))
const loadNames =
  values.loads?.split(',') ?? (values.quick ? QUICK_LOADS : LOADS.map(({ name }) => name))
const loads = LOADS.filter(({ name }) => loadNames.includes(name))
const wanted = values.ways?.split(',')

if (values.crypto) {
  const crypto = await measureCrypto(values.quick)
  console.log(values.json ? JSON.stringify({ crypto }, null, 2) : cryptoTable(crypto))
  process.exit(0)
}
const privileges = networkPrivileges()
if (privileges.kind !== 'here' || process.getuid?.() !== 0) {
  console.error('the benchmark needs root')
  process.exit(2)
}
need('/usr/bin/iperf3', ['iperf3'])
need('/usr/sbin/ethtool', ['ethtool'])
need('/usr/bin/ping', ['iputils-ping'])

const say = (text: string): void => {
  if (!values.json) console.log(text)
}
if (values.scale) {
  const report = await measureScale(rounds, seconds, say)
  console.log(values.json ? JSON.stringify({ scale: report }, null, 2) : `\n${scaleTable(report)}`)
  process.exit(0)
}
const absent: Record<string, string> = {}
const pairs: Pair[] = []
try {
  const ways = await startAll()
  const report = await measure(ways)
  console.log(values.json ? JSON.stringify(report, null, 2) : `\n${table(report, loads)}`)
} finally {
  for (const pair of pairs) pair.dispose()
}
process.exit(0)

async function startAll(): Promise<readonly Way[]> {
  const shared = await makePair(16)
  pairs.push(shared)
  const ways: Way[] = []
  let next = 0
  const ours = ['causeway', 'causewayNative', ...CIPHERS].filter((name) => isWanted(name))
  const contenders = [plain, reference, wireguardGo, causeway(ours)]
  const others = contenders.filter(({ name }) => name === 'causeway' || isWanted(name))
  for (const contender of others) {
    ways.push(...(await started(contender, shared, next)))
    next += contender.addresses
  }
  // Two gateways of ours on one host would fight over its routes, and strongSwan takes its ports on every address.
  for (const contender of [causewayTwoThreads, kernelLibipsec]) {
    if (!isWanted(contender.name)) continue
    const apart = await makePair(1)
    pairs.push(apart)
    ways.push(...(await started(contender, apart, 0)))
  }
  return ways
}

async function started(contender: Contender, pair: Pair, first: number): Promise<readonly Way[]> {
  try {
    return await contender.start(pair, first)
  } catch (error) {
    absent[contender.name] = error instanceof Error ? error.message : String(error)
    say(`${contender.name} takes no part: ${absent[contender.name]}`)
    return []
  }
}

function isWanted(name: string): boolean {
  return wanted === undefined || wanted.includes(name)
}

async function measure(ways: readonly Way[]): Promise<Report> {
  // Just-in-time compilers first.
  for (const way of ways) if (way.name.startsWith('causeway')) await warmUp(way)
  const samples = new Map<string, Map<string, Sample[]>>()
  for (const load of loads) samples.set(load.name, await measureLoad(load, ways))
  const latency = await measureLatency(ways)
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: machineName(),
    rounds,
    seconds,
    absent,
    medians: mapped(samples, (list) => spread(list.map(({ value }) => value))),
    ratios: ratiosOf(samples),
    cpuSecondsPerGigabyte: mapped(samples, (list) =>
      median(list.map(({ cpuSecondsPerGigabyte: cost = Number.NaN }) => cost)),
    ),
    latency,
    peakMemory: Object.fromEntries(
      ways.filter(({ pids }) => pids.length > 0).map(({ name, pids }) => [name, peakMemory(pids)]),
    ),
    crypto: await measureCrypto(values.quick),
  }
}

async function warmUp(way: Way): Promise<void> {
  for (const load of LOADS.slice(0, 3)) await runLoad(way, load, 1)
}

async function measureLoad(load: Load, ways: readonly Way[]): Promise<Map<string, Sample[]>> {
  const taking = ways.filter(
    ({ name }) => !CIPHERS.includes(name) || CIPHER_LOADS.includes(load.name),
  )
  const results = new Map<string, Sample[]>(taking.map(({ name }) => [name, []]))
  if (load.link !== undefined) for (const pair of pairs) await setLink(pair, load.link)
  for (let round = 0; round < rounds; round++) {
    for (const way of taking) {
      const sample = await runLoad(way, load, seconds)
      results.get(way.name)?.push(sample)
      const scale = load.unit === 'bit/s' ? 1e9 : 1e3
      say(
        `${load.name} ${way.name}: ${(sample.value / scale).toFixed(2)}, machine ${(100 * sample.busy).toFixed(0)} % busy`,
      )
    }
  }
  if (load.link !== undefined) for (const pair of pairs) await setLink(pair, 'veth')
  return results
}

async function measureLatency(ways: readonly Way[]): Promise<Report['latency']> {
  const latency: Record<string, Record<string, Latency>> = { idle: {}, loaded: {} }
  const count = values.quick ? 200 : 600
  for (const when of ['idle', 'loaded'] as const) {
    const times = new Map<string, number[]>()
    for (let round = 0; round < 3; round++) {
      for (const way of ways) {
        if (CIPHERS.includes(way.name)) continue
        const some = await roundTrips(way, Math.ceil(count / 3), when === 'loaded')
        times.set(way.name, [...(times.get(way.name) ?? []), ...some])
      }
    }
    for (const [name, list] of times) {
      latency[when] = {
        ...latency[when],
        [name]: { median: median(list), p99: quantile(list, 0.99) },
      }
    }
  }
  return latency
}

function ratiosOf(samples: ReadonlyMap<string, ReadonlyMap<string, Sample[]>>): Report['ratios'] {
  const result: Record<string, Record<string, number>> = {}
  for (const [load, by] of samples) {
    const values = (name: string): number[] => (by.get(name) ?? []).map(({ value }) => value)
    const ours = values('causeway')
    const ratios: Record<string, number> = {}
    for (const name of by.keys()) {
      if (ours.length > 0 && !name.startsWith('causeway')) {
        ratios[overName(name)] = ratio(ours, values(name))
      }
    }
    if (by.has('causewayTwoThreads')) {
      ratios.twoThreadsOverOne = ratio(values('causewayTwoThreads'), ours)
    }
    if (by.has('causewayNative') && by.has('noVpn')) {
      ratios.nativeOverNoVpn = ratio(values('causewayNative'), values('noVpn'))
    }
    result[load] = ratios
  }
  return result
}

function mapped<Value>(
  samples: ReadonlyMap<string, ReadonlyMap<string, Sample[]>>,
  of: (list: readonly Sample[]) => Value,
): Record<string, Record<string, Value>> {
  return Object.fromEntries(
    [...samples].map(([load, by]) => [
      load,
      Object.fromEntries([...by].map(([name, list]) => [name, of(list)])),
    ]),
  )
}

function machineName(): string {
  const [first] = cpus()
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? '0'
  return [
    `${cpus().length} × ${first?.model.trim() ?? 'unknown'}`,
    `${Math.round(Number(memory) / 1_048_576)} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node} with OpenSSL ${process.versions.openssl}`,
  ].join(', ')
}
