import { join } from 'node:path'
import type { EchoReport } from './echo-program.ts'
import { run, runOk } from './process.ts'

export type EchoOptions = {
  readonly count?: number
  /** Seconds between two requests. */
  readonly interval?: number
  /** Seconds to wait for each reply. */
  readonly wait?: number
  readonly source?: string
  /** Octets of data. */
  readonly size?: number
}

/**
 * Sends echo requests by the clock, whether or not replies come. A few go out with the `ping` command, each its own, because
 * `ping` gives the last of several no more than two round trips; many with a program of ours.
 * @param within puts a command line into the namespace it is to run in.
 */
export function echo(
  within: (argv: readonly string[]) => readonly string[],
  destination: string,
  options: EchoOptions = {},
): Promise<EchoReport> {
  const { count = 3, interval = 0.05, wait = 2, size = 56, source } = options
  if (count > FEW) return echoStream(within, destination, options)
  const argv = [
    ...['ping', '-n', '-c', '1', '-W', `${wait}`, '-s', `${size}`],
    ...(source === undefined ? [] : ['-I', source]),
    destination,
  ]
  return few(within(argv), count, interval * 1_000)
}

/** The same with a program of ours, which every machine has. */
export async function echoStream(
  within: (argv: readonly string[]) => readonly string[],
  destination: string,
  { count = 3, interval = 0.05, wait = 2, size = 56, source }: EchoOptions = {},
): Promise<EchoReport> {
  const numbers = [count, interval * 1_000, wait * 1_000, size].map(String)
  const argv = [process.execPath, PROGRAM, destination, ...numbers]
  const output = await runOk(within(source === undefined ? argv : [...argv, source]), {
    timeout: (count * interval + wait) * 1_000 + 30_000,
  })
  return JSON.parse(output) as EchoReport
}

async function few(argv: readonly string[], count: number, interval: number): Promise<EchoReport> {
  const outcomes = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * interval))
      return run(argv)
    }),
  )
  const times = outcomes.flatMap(({ stdout }) => {
    const time = /time[=<]([\d.]+) ms/.exec(stdout)?.[1]
    return time === undefined ? [] : [Number(time)]
  })
  if (times.length === 0) return { sent: count, received: 0, rttMs: null }
  const average = times.reduce((sum, time) => sum + time, 0) / times.length
  const rttMs = { min: Math.min(...times), average, max: Math.max(...times) }
  return { sent: count, received: times.length, rttMs }
}

const FEW = 10
const PROGRAM = join(import.meta.dirname, 'echo-program.ts')
