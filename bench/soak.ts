// `npm run soak`: ten minutes of one TCP stream each way through two gateways that rekey all the time, while memory and every error counter are
// watched. Needs root and iperf3. --seconds N, --rate 50M (bits a second of each stream; as many as go when absent), --json.
import { readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import type { StatusDocument } from '#control/status'
import { GatewayProcess, type TunnelSettings } from '../test/support/gateway.ts'
import { networkPrivileges } from '../test/support/privileges.ts'
import { ADDRESSES, buildTopology } from '../test/support/topology.ts'
import { need } from './programs.ts'
import { median } from './report.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
if (networkPrivileges().kind !== 'here' || process.getuid?.() !== 0) {
  console.error('the soak needs root')
  process.exit(2)
}
need('/usr/bin/iperf3', ['iperf3'])
need('/usr/bin/ping', ['iputils-ping'])

/** Seconds between two rekeys of phase 2, each begun by the other side than the one before; phase 1 every sixth time. */
const REKEY_EVERY = 5
const PHASE_1_EVERY = 6
const LOOK_EVERY = 10
/** Of the first looks: compilers and caches settle. */
const SETTLING = 0.25
/** What counts as flat. */
const MOST_GROWTH = 0.05
/** Counters of them: they are how TCP learns how fast it may be. */
const FULL_QUEUES: ReadonlySet<string> = new Set(['not-sent', 'notSent', 'queueFull'])
const TUNNEL = 'tunnel'
const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'

const net = await buildTopology()
const gateways: GatewayProcess[] = []
try {
  const report = await soak()
  console.log(values.json ? JSON.stringify(report, null, 2) : text(report))
  process.exitCode = report.ok ? 0 : 1
} finally {
  for (const gateway of gateways) await gateway.stop()
  net.dispose()
}

type Report = {
  readonly date: string
  readonly machine: string
  readonly seconds: number
  readonly gigabytes: { readonly there: number; readonly back: number }
  readonly gigabitsPerSecond: number
  readonly rekeys: number
  readonly pings: { readonly sent: number; readonly lost: number }
  /** Resident mebibytes of each gateway: a median of the looks after it had settled, and of as many at the end. */
  readonly memory: readonly {
    readonly settled: number
    readonly end: number
    readonly peak: number
  }[]
  /** Those that are not 0. */
  readonly errors: Readonly<Record<string, number>>
  readonly notSent: number
  /** Packets that met a full queue of a tunnel's interface. */
  readonly queueFull: number
  readonly ok: boolean
}

async function soak(): Promise<Report> {
  const berlin = await GatewayProcess.start(net.gatewayA, {
    name: 'berlin',
    address: ADDRESSES.gatewayA.ipv4,
    tunnels: { [TUNNEL]: side(ADDRESSES.gatewayB.ipv4, '10.1.0.0/16 <-> 10.2.0.0/16', 'always') },
  })
  gateways.push(berlin)
  const paris = await GatewayProcess.start(net.gatewayB, {
    name: 'paris',
    address: ADDRESSES.gatewayB.ipv4,
    tunnels: { [TUNNEL]: side(ADDRESSES.gatewayA.ipv4, '10.2.0.0/16 <-> 10.1.0.0/16', 'respond') },
  })
  gateways.push(paris)
  await berlin.up(TUNNEL)
  const there = net.hostB.start(['iperf3', '-s', '-1'], { stdio: 'ignore' })
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const load = net.hostA.runOk(
    [
      ...['iperf3', '-c', ADDRESSES.hostB.ipv4, '-t', `${seconds}`],
      ...['-b', values.rate, '--bidir', '-J'],
    ],
    { timeout: (seconds + 60) * 1_000 },
  )
  const pings = net.hostA.run(
    ['ping', '-n', '-q', '-i', '0.2', '-w', `${seconds}`, '-W', '2', ADDRESSES.hostB.ipv4],
    { timeout: (seconds + 60) * 1_000 },
  )
  const memory = gateways.map((): number[] => [])
  let turn = 0
  const rekeying = setInterval(() => {
    turn++
    const gateway = turn % 2 === 0 ? berlin : paris
    void gateway.rekey(TUNNEL, turn % PHASE_1_EVERY === 0 ? 1 : 2)
  }, REKEY_EVERY * 1_000)
  const looking = setInterval(() => {
    for (const [index, { pid }] of gateways.entries()) memory[index]?.push(residentMebibytes(pid))
  }, LOOK_EVERY * 1_000)
  const [iperf, ping] = await Promise.all([load, pings])
  clearInterval(rekeying)
  clearInterval(looking)
  there.kill('SIGKILL')
  return judge(iperf, ping.stdout, memory, [await berlin.status(), await paris.status()])
}

function side(peer: string, networks: string, start: 'always' | 'respond'): TunnelSettings {
  // The daily question about IKEv2 would count as a message from nobody at the other end.
  return {
    peer,
    psk: PSK,
    networks: [networks],
    start,
    proof: 'off',
    encapsulation: 'force',
    'probe-v2': 'off',
  }
}

function judge(
  iperf: string,
  ping: string,
  memory: readonly (readonly number[])[],
  statuses: readonly StatusDocument[],
): Report {
  const { end } = JSON.parse(iperf) as {
    readonly end: Readonly<
      Record<'sum_received' | 'sum_received_bidir_reverse', { readonly bytes: number }>
    >
  }
  const [sent, received] = [/(\d+) packets transmitted/, /(\d+) received/].map((pattern) =>
    Number(pattern.exec(ping)?.[1] ?? 0),
  ) as [number, number]
  const gigabytes = {
    there: end.sum_received.bytes / 1e9,
    back: end.sum_received_bidir_reverse.bytes / 1e9,
  }
  const figures = memory.map((looks) => {
    const settled = looks.slice(Math.floor(looks.length * SETTLING))
    const share = Math.max(1, Math.floor(settled.length / 3))
    return {
      settled: median(settled.slice(0, share)),
      end: median(settled.slice(-share)),
      peak: Math.max(...looks),
    }
  })
  const errors = errorsOf(statuses)
  const flat = figures.every(({ settled, end }) => end <= settled * (1 + MOST_GROWTH))
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model}, Linux ${release()}`,
    seconds,
    gigabytes,
    gigabitsPerSecond: ((gigabytes.there + gigabytes.back) * 8) / seconds,
    rekeys: Math.max(...statuses.map(({ tunnels }) => tunnels[0]?.rekeys ?? 0)),
    pings: { sent, lost: sent - received },
    memory: figures,
    errors,
    notSent: statuses.reduce((sum, { dropped }) => sum + (dropped['not-sent'] ?? 0), 0),
    queueFull: statuses.reduce((sum, { tunnels }) => sum + (tunnels[0]?.dropped.queueFull ?? 0), 0),
    ok: flat && Object.keys(errors).length === 0,
  }
}

function errorsOf(statuses: readonly StatusDocument[]): Readonly<Record<string, number>> {
  const found: Record<string, number> = {}
  const add = (name: string, count: number): void => {
    if (count > 0 && !FULL_QUEUES.has(name)) found[name] = (found[name] ?? 0) + count
  }
  for (const { defects, dropped, tunnels } of statuses) {
    add('defects', defects)
    for (const [name, count] of Object.entries(dropped)) add(name, count)
    for (const tunnel of tunnels) {
      add('failures', tunnel.failures)
      for (const [name, count] of Object.entries(tunnel.dropped)) add(name, count)
    }
  }
  return found
}

function residentMebibytes(pid: number): number {
  const [, kibibytes = '0'] =
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 1024
}

function text(report: Report): string {
  const { gigabytes, pings, memory, errors } = report
  const lines = [
    `${report.ok ? '✓' : '✗'} ${report.seconds} s on ${report.machine}`,
    `  carried   ${gigabytes.there.toFixed(1)} GB there, ${gigabytes.back.toFixed(1)} GB back (${report.gigabitsPerSecond.toFixed(2)} Gb/s together)`,
    `  rekeys    ${report.rekeys}`,
    `  pings     ${pings.sent} sent under load, ${pings.lost} lost`,
    ...memory.map(
      ({ settled, end, peak }, index) =>
        `  memory    gateway ${index + 1}: ${settled.toFixed(0)} MiB settled, ${end.toFixed(0)} MiB at the end, ${peak.toFixed(0)} MiB at most`,
    ),
    `  errors    ${Object.keys(errors).length === 0 ? 'none' : JSON.stringify(errors)}`,
    `  not sent  ${report.notSent} packets, and ${report.queueFull} met a full queue of an interface`,
  ]
  return lines.join('\n')
}
