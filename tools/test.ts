// `npm test`: runs the groups of tests named as arguments (default: all), each through `node --test`, and adds them up.
// Exits 0 only when every test of every group ran and passed; the last line is `N passed, N failed`.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { networkPrivileges } from '../test/support/privileges.ts'
import { installPeers } from './install-peers.ts'
import { addTotals, emptyTotals, type Totals, totalsOfTap } from './test-totals.ts'

type Group = {
  readonly what: string
  readonly files: readonly string[]
  /** Test files running at the same time; 1 where they share the machine's network or measure it. */
  readonly concurrency: number
  /** Those of `files` that mostly wait, for a peer that stays silent: `PATIENT_AT_ONCE` of them at a time, before the others. */
  readonly patient?: readonly string[]
  readonly needs?: 'network' | 'peers'
}

const GROUPS: Readonly<Record<string, Group>> = {
  unit: {
    what: 'units, exchanges, vectors, fuzzing and house rules; needs nothing but Node',
    files: [
      'src/**/*.test.ts',
      'test/{exchange,vectors,fuzz,rules,support}/**/*.test.ts',
      'tools/**/*.test.ts',
    ],
    concurrency: 2,
  },
  package: {
    what: 'the packed tarball, installed in an empty folder',
    files: ['test/package/**/*.test.ts'],
    concurrency: 1,
  },
  netns: {
    what: 'real gateways in network namespaces',
    files: ['test/netns/**/*.test.ts'],
    concurrency: 1,
    needs: 'network',
  },
  interop: {
    what: 'real gateways against strongSwan, libreswan, vpnc and ike-scan',
    files: ['test/interop/**/*.test.ts'],
    concurrency: 1,
    patient: [
      'test/interop/{certificate-chain,dead-peer,dead-peer-actions,phase1-failures,proof,refusals,version-probe}.test.ts',
    ],
    needs: 'peers',
  },
}

const PATIENT_AT_ONCE = 4

const root = join(import.meta.dirname, '..')
/** Also the tests' TMPDIR: what an interrupted test leaves there goes with it. */
const scratch = mkdtempSync(join(tmpdir(), 'causeway-test-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
let running: ChildProcess | undefined
stopChildrenWith('SIGINT', 'SIGTERM', 'SIGHUP')
await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.filter((name) => !(name in GROUPS))
  if (unknown.length > 0) {
    console.error(
      `no such group: ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}`,
    )
    process.exit(2)
  }
  const chosen = Object.entries(GROUPS).filter(([name]) => args.length === 0 || args.includes(name))
  let totals = emptyTotals
  for (const [name, group] of chosen) {
    console.log(`\n== ${name}: ${group.what}\n`)
    const missing = whatIsMissing(group)
    totals = addTotals(
      totals,
      missing === undefined
        ? await runGroup(name, group)
        : { ...emptyTotals, notRun: [`${name}: ${missing}`] },
    )
  }
  report(totals)
}

function report({ passed, failed, notRun }: Totals): void {
  if (notRun.length > 0) {
    console.log(`\ncould not run, so this is not a pass:`)
    for (const what of notRun) console.log(`  ${what}`)
  }
  console.log(`\n${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && notRun.length === 0 && passed > 0 ? 0 : 1
}

/** Installs peers where it may. @returns what this machine lacks for the group, or undefined. */
function whatIsMissing({ needs }: Group): string | undefined {
  if (needs === undefined) return undefined
  const problem = installPeers()
  if (needs === 'peers' && problem !== undefined) return problem
  const privileges = networkPrivileges()
  if (privileges.kind === 'none') return `needs ${privileges.needs}`
  return privileges.kind === 'here' ? undefined : 'needs root (network namespaces, TUN devices)'
}

async function runGroup(name: string, group: Group): Promise<Totals> {
  const all = filesOf(group.files)
  if (all.length === 0) return { ...emptyTotals, notRun: [`${name}: there are no tests`] }
  const patient = filesOf(group.patient ?? [])
  const others = all.filter((file) => !patient.includes(file))
  let totals = emptyTotals
  for (const [part, files, concurrency] of [
    [`${name}, patient`, patient, PATIENT_AT_ONCE],
    [name, others, group.concurrency],
  ] as const) {
    if (files.length === 0) continue
    const tap = join(scratch, `${part}.tap`)
    const exitCode = await nodeTest(concurrency, tap, files)
    const output = existsSync(tap) ? readFileSync(tap, 'utf8') : ''
    totals = addTotals(totals, totalsOfTap(output, part, exitCode))
  }
  return totals
}

function filesOf(patterns: readonly string[]): readonly string[] {
  return patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).sort()
}

/** In a process group of its own, so that one signal reaches every process the tests started. */
function nodeTest(concurrency: number, tap: string, files: readonly string[]): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${tap}`,
      ...files,
    ],
    {
      cwd: root,
      env: { ...process.env, TMPDIR: scratch },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    },
  )
  running = child
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      running = undefined
      resolve(code ?? 1)
    })
  })
}

/** Gives the tests 15 s to take down what they built, then ends whatever is left of them. */
function stopChildrenWith(...signals: readonly NodeJS.Signals[]): void {
  for (const signal of signals) {
    process.on(signal, () => {
      const exitCode = 128 + constants.signals[signal]
      const pid = running?.pid
      if (pid === undefined) process.exit(exitCode)
      running?.once('exit', () => {
        signalGroup(pid, 'SIGTERM')
        process.exit(exitCode)
      })
      signalGroup(pid, 'SIGINT')
      setTimeout(() => {
        signalGroup(pid, 'SIGKILL')
        process.exit(exitCode)
      }, 15_000).unref()
    })
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // The group is gone already.
  }
}
