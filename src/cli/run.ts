import { runCauseway } from '#daemon/causeway'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export type RunArguments = {
  readonly config: string
  readonly log: 'human' | 'json'
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** `causeway run`: returns when the gateway has stopped. */
export async function run(
  terminal: Terminal,
  version: string,
  control: string | undefined,
  { config, log, logLevel }: RunArguments,
): Promise<ExitCode> {
  const outcome = await runCauseway({
    version,
    file: config,
    control,
    log: {
      format: log,
      level: logLevel,
      columns: terminal.isTerminal ? terminal.columns : undefined,
      write: (text) => terminal.out(text),
    },
  })
  switch (outcome.kind) {
    case 'stopped':
      return EXIT.ok
    case 'invalid':
      terminal.err(`${outcome.problems}\nThe gateway was not started.  causeway check ${config}\n`)
      return EXIT.configuration
    case 'not-started':
      return EXIT.down
    case 'defect':
      return EXIT.defect
  }
}
