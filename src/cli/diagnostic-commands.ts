import type { Command } from 'commander'
import type { Act } from './act.ts'
import { monitor } from './monitor.ts'

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
