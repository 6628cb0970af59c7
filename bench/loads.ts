import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { eventually } from '../test/support/process.ts'
import type { Way } from './contender.ts'
import { compile } from './programs.ts'

/** What one load brought on one way. */
export type Sample = {
  /** Bits a second that arrived, or datagrams a second for UDP. */
  readonly value: number
  /** Of the gateways on both sides; absent for the plain link. */
  readonly cpuSecondsPerGigabyte?: number
  /** Of the whole machine, as a share of all its processors. */
  readonly busy: number
}

export type Load = {
  readonly name: string
} & (
  | { readonly unit: 'bit/s'; readonly iperf: readonly string[] }
  | { readonly unit: 'packets/s'; readonly octets: number; readonly reverse: boolean }
) & {
    /** The link as a network card without UDP segmentation offload makes it, rather than as veth is. */
    readonly link?: 'no-uso'
  }

export const LOADS: readonly Load[] = [
  { name: 'tcp1', unit: 'bit/s', iperf: [] },
  { name: 'tcp8', unit: 'bit/s', iperf: ['-P', '8'] },
  { name: 'tcp1Reverse', unit: 'bit/s', iperf: ['-R'] },
  { name: 'tcp8Reverse', unit: 'bit/s', iperf: ['-P', '8', '-R'] },
  ...[64, 512, 1400].flatMap((octets): Load[] => [
    { name: `udp${octets}`, unit: 'packets/s', octets, reverse: false },
    { name: `udp${octets}Reverse`, unit: 'packets/s', octets, reverse: true },
  ]),
  { name: 'tcp1WithoutUso', unit: 'bit/s', iperf: [], link: 'no-uso' },
]

let port = 5300

/** Runs a load for so many seconds, from gateway to gateway. */
export async function runLoad(way: Way, load: Load, seconds: number): Promise<Sample> {
  port++
  const before = { gateways: cpuSeconds(way.pids), machine: machineTicks() }
  const { value, octets } =
    load.unit === 'bit/s'
      ? await runStreams(way, load.iperf, seconds)
      : await runFlood(load.reverse ? reversed(way) : way, load.octets, seconds)
  const used = cpuSeconds(way.pids) - before.gateways
  const machine = machineTicks()
  return {
    value,
    busy: 1 - (machine.idle - before.machine.idle) / (machine.all - before.machine.all),
    ...(way.pids.length === 0 ? {} : { cpuSecondsPerGigabyte: used / (octets / 1e9) }),
  }
}

type Carried = { readonly value: number; readonly octets: number }

async function runStreams(way: Way, args: readonly string[], seconds: number): Promise<Carried> {
  const server = way.pair.b.start(['iperf3', '-s', '-1', '-B', way.to, '-p', `${port}`], {
    stdio: 'ignore',
  })
  try {
    await listening(way, port)
    const { end, error } = JSON.parse(
      await way.pair.a.runOk(
        [
          ...['iperf3', '-c', way.to, '-B', way.from, '-p', `${port}`, '-J'],
          ...['-t', `${seconds}`, ...args],
        ],
        { timeout: (seconds + 20) * 1000 },
      ),
    ) as IperfReport
    if (error !== undefined) throw new Error(error)
    const { bits_per_second: value = 0, bytes: octets = 0 } = end.sum_received ?? {}
    return { value, octets }
  } finally {
    server.kill('SIGKILL')
  }
}

type IperfReport = {
  readonly error?: string
  readonly end: {
    readonly sum_received?: { readonly bytes: number; readonly bits_per_second: number }
  }
}

function reversed({ pair, from, to, ...rest }: Way): Way {
  return { ...rest, pair: { ...pair, a: pair.b, b: pair.a }, from: to, to: from }
}

let flood: Promise<string> | undefined

/** Datagrams faster than anybody can carry them; what arrives counts. */
async function runFlood(way: Way, octets: number, seconds: number): Promise<Carried> {
  flood ??= compile('flood')
  const program = await flood
  const receiver = way.pair.b.start([program, 'receive', way.to, `${port}`])
  try {
    if (receiver.stdout === null) throw new Error('no output')
    const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]()
    if ((await lines.next()).value !== 'ready') throw new Error('nobody counts datagrams')
    await way.pair.a.runOk(
      [program, 'send', way.from, way.to, `${port}`, `${octets}`, `${seconds}`],
      { timeout: (seconds + 20) * 1000 },
    )
    const arrived = Number((await lines.next()).value)
    return { value: arrived / seconds, octets: arrived * octets }
  } finally {
    receiver.kill('SIGKILL')
  }
}

async function listening(way: Way, on: number): Promise<void> {
  await eventually('iperf3 listens', async () => {
    const { stdout } = await way.pair.b.run(['ss', '-Hltn', `sport = :${on}`])
    return stdout.trim() !== ''
  })
}

const TICKS = 100

/** User and system time of these processes, all threads. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS
  }, 0)
}

/** Highest resident memory so far, octets, of all these processes together. */
export function peakMemory(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kilobytes = '0'] =
      /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return sum + Number(kilobytes) * 1024
  }, 0)
}

function machineTicks(): { readonly all: number; readonly idle: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
  return { all: ticks.reduce((a, b) => a + b, 0), idle: (ticks[3] ?? 0) + (ticks[4] ?? 0) }
}

/** Round-trip times in microseconds, idle or while one TCP stream fills the way. */
export async function roundTrips(
  way: Way,
  count: number,
  loaded: boolean,
): Promise<readonly number[]> {
  const interval = 0.005
  const seconds = Math.ceil(count * interval) + 3
  const filling = loaded
    ? runLoad(way, LOADS[0] as Load, seconds).catch(() => undefined)
    : undefined
  if (loaded) await new Promise((resolve) => setTimeout(resolve, 1500))
  const { stdout } = await way.pair.a.run(
    ['ping', '-n', '-c', `${count}`, '-i', `${interval}`, '-I', way.from, '-W', '1', way.to],
    { timeout: 60_000 },
  )
  await filling
  return [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms) * 1000)
}

export const MACHINE_PROCESSORS: number = availableParallelism()
