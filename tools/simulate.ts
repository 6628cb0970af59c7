// `npm run simulate -- --seeds N --seed S`: N seeds from S on (default 100,000 from 1), on every core. One seed alone prints
// what it did, and with --trace all that the engines said. The same seeds always do the same.
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Engine } from '#ike/engine'
import { ikev1 } from '#ikev1/version'
import { type ChaosResult, runChaos } from '../test/support/chaos.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    part: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})
const first = wholeNumber('seed', values.seed ?? '1')
const count = wholeNumber('seeds', values.seeds ?? (values.seed === undefined ? '100000' : '1'))

if (values.part !== undefined) work(wholeNumber('part', values.part))
else if (count === 1) tellOne(simulate(first))
else await tellMany()

function simulate(seed: number): ChaosResult {
  return runChaos(seed, (crypto) => new Engine({ versions: [ikev1], crypto }), values.trace)
}

function tellOne({ seed, problems, story, agreedAfter, datagrams }: ChaosResult): void {
  for (const line of story) console.log(line)
  for (const problem of problems) console.log(`✗ ${problem}`)
  console.log(`seed ${seed}: ${datagrams} datagrams, agreed after ${agreedAfter ?? '–'} ms`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

async function tellMany(): Promise<void> {
  const parts = availableParallelism()
  const started = performance.now()
  let done = 0
  let failed = 0
  let slowest = 0
  const ticker = setInterval(() => {
    console.log(`${done} of ${count} seeds, ${failed} failed, ${perSecond(done, started)} a second`)
  }, 10_000)
  await Promise.all(
    Array.from({ length: parts }, (_, part) => {
      const args = ['--seed', `${first}`, '--seeds', `${count}`, '--part', `${part}`]
      const child = fork(import.meta.filename, args)
      child.on('message', (message) => {
        const { seed, problems, agreedAfter } = message as ChaosResult
        done++
        slowest = Math.max(slowest, agreedAfter ?? 0)
        if (problems.length === 0) return
        failed++
        console.log(`✗ seed ${seed}: ${problems[0]?.split('\n')[0]}`)
        console.log(`  npm run simulate -- --seed ${seed}`)
      })
      return new Promise<void>((resolve) => child.once('exit', () => resolve()))
    }),
  )
  clearInterval(ticker)
  console.log(
    `${done - failed} of ${count} seeds agreed, the slowest ${slowest / 1_000} s after the network healed; ` +
      `${perSecond(done, started)} seeds a second`,
  )
  process.exitCode = failed === 0 && done === count ? 0 : 1
}

/** Every n-th seed, so that all parts take about the same time. */
function work(part: number): void {
  for (let seed = first + part; seed < first + count; seed += availableParallelism()) {
    const { story: _, ...result } = simulate(seed)
    process.send?.(result)
  }
}

function perSecond(done: number, started: number): string {
  return (done / ((performance.now() - started) / 1_000)).toFixed(1)
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) {
    console.error(`--${name} takes a whole number, not ${text}`)
    process.exit(2)
  }
  return number
}
