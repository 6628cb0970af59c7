import { type Command, Option } from 'commander'
import { EXPORT_TARGETS } from '#config/export/export-tunnel'
import { IMPORT_FORMATS } from '#config/import/import-texts'
import type { ExitCode } from './exit-codes.ts'
import { type ExportArguments, exportFor } from './export.ts'
import { type ImportArguments, importFiles } from './import.ts'
import type { Terminal } from './terminal.ts'

/** Runs a command's work with the terminal in front of its own arguments. */
export type Act = <Args extends readonly unknown[]>(
  run: (terminal: Terminal, ...args: Args) => ExitCode,
) => (...args: [...Args, Command]) => Promise<void>

/** `causeway import` and `export`: need no gateway and no root. */
export function addExchangeCommands(program: Command, act: Act, defaultFile: string): void {
  program
    .command('import')
    .description('read the configuration of another product; nothing is started')
    .argument(
      '<file...>',
      'swanctl.conf, ipsec.conf with ipsec.secrets, Cisco, Juniper, FortiGate, AWS',
    )
    .option('--write <dir>', 'write it there: a file for each tunnel, keys/NAME.psk with mode 600')
    .option('--our-address <address>', 'ours, where the text has both sides or none', collected, [])
    .addOption(
      new Option('--format <format>', 'where it cannot be seen from the text').choices(
        IMPORT_FORMATS,
      ),
    )
    .option('--show-secrets', 'also print the keys')
    .option('--json', 'one JSON document: the tunnels, and what became of each statement')
    .action(
      act((terminal, files: string[], options: ImportArguments) =>
        importFiles(terminal, files, options),
      ),
    )

  program
    .command('export')
    .description('the configuration of the other end of a tunnel, in the words of its product')
    .argument('[tunnel]', 'may be left out where there is one only')
    .addOption(
      new Option(
        '--for <product>',
        'what it is for; without it the product of its preset, else text',
      ).choices(EXPORT_TARGETS),
    )
    .option('-c, --config <file>', 'configuration', defaultFile)
    .option('--show-secrets', 'with the key in its place')
    .option('--json', 'one JSON document')
    .action(
      act((terminal, tunnel: string | undefined, options: ExportArguments) =>
        exportFor(terminal, tunnel, options),
      ),
    )
}

function collected(address: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, address]
}
