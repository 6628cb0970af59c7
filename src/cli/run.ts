import { resolve } from 'node:path'
import { runCauseway } from '#daemon/causeway'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { hostTrouble } from './host-trouble.ts'
import type { Terminal } from './terminal.ts'

export type RunArguments = {
  readonly config: string
  readonly log: 'human' | 'json'
  readonly wiresharkKeys?: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

const LAST_PATIENCE = 2_000

/** `causeway run`: returns when the gateway has stopped. */
export async function run(
  terminal: Terminal,
  version: string,
  control: string | undefined,
  { config, log, logLevel, wiresharkKeys }: RunArguments,
): Promise<ExitCode> {
  // What ps, ss and whoever finds port 500 taken will show.
  process.title = `causeway run -c ${config}`
  const outcome = await runCauseway({
    version,
    file: config,
    control,
    wiresharkKeys: wiresharkKeys === undefined ? undefined : resolve(wiresharkKeys),
    log: {
      format: log,
      level: logLevel,
      columns: terminal.isTerminal ? terminal.columns : undefined,
      write: (text) => terminal.out(text),
    },
  })
  // Whatever still runs after the clean-up has had its time.
  setTimeout(() => process.exit(), LAST_PATIENCE).unref()
  switch (outcome.kind) {
    case 'stopped':
      return EXIT.ok
    case 'invalid':
      terminal.err(`${outcome.problems}\nThe gateway was not started.  causeway check ${config}\n`)
      return EXIT.configuration
    case 'not-started':
      terminal.err(
        hostTrouble(terminal.columns) ??
          `Which line asks for what this host does not have:  causeway check ${config}\n`,
      )
      return EXIT.down
    case 'not-permitted':
      terminal.err(
        hostTrouble(terminal.columns) ??
          'A gateway needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE: run it as root.\n',
      )
      return EXIT.permission
    case 'defect':
      return EXIT.defect
  }
}
