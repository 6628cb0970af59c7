import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'

/** What a finished program left. */
export type Outcome = {
  /** Exit code; 128 + the signal's number is not imitated: -1 when a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export type RunOptions = {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Milliseconds until SIGKILL; 30 s unless told. */
  readonly timeout?: number
}

/** Runs a program to its end, whatever its exit code. @throws when it cannot be started or does not end in time. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { input, env, cwd, timeout = 30_000 } = options
  const [file = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {}) // The program may end without reading all of its input.
    child.stdin.end(input ?? '')
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeout)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      const outcome = { code: code ?? -1, stdout: text(out), stderr: text(err) }
      if (late) reject(new ProgramError(argv, outcome, `did not end within ${timeout} ms`))
      resolve(outcome)
    })
  })
}

/** Runs a program that must succeed. @returns its standard output. @throws ProgramError otherwise. */
export async function runOk(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(argv, options)
  if (outcome.code !== 0) throw new ProgramError(argv, outcome, `exit code ${outcome.code}`)
  return outcome.stdout
}

/** For clean-up in `exit` handlers, where nothing can be awaited. Never throws. */
export function runSync(argv: readonly string[]): Outcome {
  const [file = '', ...args] = argv
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 10_000 })
  return { code: status ?? -1, stdout: stdout ?? '', stderr: stderr ?? '' }
}

/** Starts a program that goes on beside us. */
export function start(
  argv: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly stdio?: StdioOptions } = {},
): ChildProcess {
  const [file = '', ...args] = argv
  return spawn(file, args, {
    stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
}

/** Asks a program to end, and makes it end when it does not within `patience` milliseconds; 0 does not ask. */
export async function stop(child: ChildProcess, patience = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(patience > 0 ? 'SIGTERM' : 'SIGKILL')
  const timer = setTimeout(() => child.kill('SIGKILL'), patience)
  await ended
  clearTimeout(timer)
}

export class ProgramError extends Error {
  readonly outcome: Outcome

  constructor(argv: readonly string[], outcome: Outcome, what: string) {
    super(`${argv.join(' ')}: ${what}\n${outcome.stderr}${outcome.stdout}`.trimEnd())
    this.name = 'ProgramError'
    this.outcome = outcome
  }
}

/** Looks again every `interval` ms until `probe` gives a value. @throws after `patience` ms, with `what` in the text. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { patience = 10_000, interval = 50 }: { patience?: number; interval?: number } = {},
): Promise<T> {
  const end = Date.now() + patience
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value
    if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms`)
    await new Promise((resolve) => setTimeout(resolve, interval))
  }
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8')
}
