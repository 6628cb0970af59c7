import type { Command } from 'commander'
import type { ExitCode } from './exit-codes.ts'
import type { Addressing } from './gateway-connection.ts'
import { monitor } from './monitor.ts'
import type { Terminal } from './terminal.ts'

/** Runs a command's work with the terminal and the gateway's address in front of its own arguments. */
export type Act = <Args extends readonly unknown[]>(
  run: (terminal: Terminal, at: Addressing, ...args: Args) => Promise<ExitCode>,
) => (...args: [...Args, Command]) => Promise<void>

/** The commands for finding out why. */
export function addDiagnosticCommands(program: Command, act: Act): void {
  program
    .command('monitor')
    .description('every event as it happens, for scripts')
    .argument('[tunnel...]', 'names or globs')
    .option('-m, --messages', 'also every IKE message')
    .option('--json', 'one JSON object a line, see docs/events-json.md')
    .action(
      act((terminal, at, tunnels: string[], options) => monitor(terminal, at, tunnels, options)),
    )
}
