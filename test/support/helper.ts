import { createInterface } from 'node:readline'
import type { Namespace } from './topology.ts'

/** A small program of the project, running in a namespace and talking in lines. */
export type Helper = {
  /** @throws when the program ended without a further line, with what it said on standard error. */
  nextLine(): Promise<string>
  /** Closes its standard input. */
  end(): void
}

/** Starts a program, given by its path, and with `greeting`, waits until it has said that. */
export async function startHelper(
  namespace: Namespace,
  program: string,
  args: readonly string[],
  greeting?: string,
): Promise<Helper> {
  const child = namespace.start([process.execPath, program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr?.on('data', (chunk) => {
    complaints += chunk
  })
  if (child.stdout === null) throw new Error(`${program} has no output`)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  child.once('exit', () => clearTimeout(late))
  const helper: Helper = {
    async nextLine() {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`${program} ${args.join(' ')} ended early: ${complaints}`)
      return value
    },
    end: () => child.stdin?.end(),
  }
  if (greeting !== undefined) {
    const line = await helper.nextLine()
    if (line !== greeting) throw new Error(`${program} said ${line}, not ${greeting}`)
  }
  return helper
}

/** Milliseconds after which a program that does not end is ended; the slowest has a transfer to make. */
const PATIENCE = 60_000

/** The report that each program prints as one line of JSON. */
export async function firstLine<T>(helper: Helper): Promise<T> {
  return JSON.parse(await helper.nextLine()) as T
}
