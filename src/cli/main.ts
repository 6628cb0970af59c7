import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { addChangeCommands } from './change-commands.ts'
import { check } from './check.ts'
import { addDiagnosticCommands } from './diagnostic-commands.ts'
import { addExchangeCommands } from './exchange-commands.ts'
import { EXIT, EXIT_CODES_HELP, type ExitCode } from './exit-codes.ts'
import { type ExplainOptions, explain } from './explain.ts'
import { namedControl } from './gateway-connection.ts'
import { keygen } from './keygen.ts'
import { LEVELS, log, sinceWhen } from './log.ts'
import { down, rekey } from './orders.ts'
import { addPkiCommands } from './pki-commands.ts'
import { addRehearseCommand } from './rehearse-command.ts'
import type { RunArguments } from './run.ts'
import { addShellCommands } from './shell-commands.ts'
import { status } from './status.ts'
import { type ColorChoice, processTerminal, type Terminal } from './terminal.ts'
import { up } from './up.ts'

const DEFAULT_FILE = '/etc/causeway/causeway.yaml'

/** `--config` without a file means the usual one. */
type ParsedExplainOptions = Omit<ExplainOptions, 'config'> & { readonly config?: string | true }

type Globals = { readonly control?: string; readonly color: ColorChoice }

/** @param argv what follows the program's name. @returns the exit code; see `EXIT`. */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok
  const program = commands((result) => {
    code = result
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) return defect(error)
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
  return code
}

function defect(error: unknown): ExitCode {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`causeway: this is a bug, please report it: ${text}\n`)
  return EXIT.defect
}

/** The commands and their options; each reports its exit code to `finish`. */
export function commands(finish: (code: ExitCode) => void): Command {
  const version = packageVersion()
  const program = new Command('causeway')
  const globals = () => program.opts<Globals>()
  const act =
    <Args extends readonly unknown[]>(
      run: (terminal: Terminal, globals: Globals, ...args: Args) => Promise<ExitCode>,
    ) =>
    async (...args: [...Args, Command]) => {
      const own = args.slice(0, -1) as unknown as Args
      const command = args.at(-1)
      const runsOn = command instanceof Command && command.name() === 'run'
      const terminal = processTerminal(globals().color, runsOn ? 'go on' : 'end')
      finish(await run(terminal, globals(), ...own))
    }
  program
    .description('Site-to-site IPsec VPN gateway')
    // What a command takes is in its own help: here it would leave no room for what the command does.
    .configureHelp({
      subcommandTerm: (command) => [command.name(), ...command.aliases()].join('|'),
    })
    .version(version, '-V, --version', 'print the version')
    .option(
      '--control <path>',
      'control socket of the gateway (CAUSEWAY_CONTROL; /run/causeway.sock)',
    )
    .addOption(
      new Option('--color <when>', 'colours: auto (on a terminal, unless NO_COLOR), always, never')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .addHelpText('after', EXIT_CODES_HELP)
    .configureOutput({ writeOut: (text) => processTerminal('auto', 'end').out(text) })
    .exitOverride()
    .showHelpAfterError('(causeway --help tells more)')

  program
    .command('run')
    .description('run a gateway in the foreground')
    .option('-c, --config <file>', 'configuration', DEFAULT_FILE)
    .addOption(new Option('--log <format>').choices(['human', 'json']).default('human'))
    .addOption(
      new Option('--log-level <level>', 'least level that is logged; debug shows every message')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .option(
      '--wireshark-keys <dir>',
      'DANGER, off by default: write the keys of every tunnel into a Wireshark profile',
    )
    .action(
      act(async (terminal, globals, options: RunArguments) => {
        // Loaded when needed: the other commands know nothing of engines and data planes.
        const { run } = await import('./run.ts')
        return run(terminal, version, namedControl(globals), options)
      }),
    )

  program
    .command('status')
    .description('all tunnels at a glance, or the named ones in detail')
    .argument('[tunnel...]', 'names or globs')
    .option('--json', 'one JSON document, see docs/status-json.md')
    .option('-q, --quiet', 'print nothing, only the exit code')
    .option('-w, --watch', 'follow it: a screen with keys, or one table after the other')
    .option('--for-peer', 'why it is not up, as a mail to the administrator of the other side')
    .action(
      act((terminal, at, tunnels: string[], options) => status(terminal, at, tunnels, options)),
    )

  program
    .command('up')
    .description('bring tunnels up and show the negotiation')
    .argument('<tunnel...>', 'names or globs')
    .option('--json', 'one JSON object a line: the messages, then the result')
    .option('--timeout <seconds>', 'how long to wait', positiveNumber, 60)
    .action(act((terminal, at, tunnels: string[], options) => up(terminal, at, tunnels, options)))

  program
    .command('down')
    .description('close tunnels and keep them closed')
    .argument('<tunnel...>', 'names or globs')
    .option('--json')
    .action(act((terminal, at, tunnels: string[], options) => down(terminal, at, tunnels, options)))

  program
    .command('restart')
    .description('close tunnels and bring them up again')
    .argument('<tunnel...>', 'names or globs')
    .option('--json', 'as up --json')
    .option('--timeout <seconds>', 'how long to wait', positiveNumber, 60)
    .action(
      act((terminal, at, tunnels: string[], options) =>
        up(terminal, at, tunnels, { ...options, afterDown: true }),
      ),
    )

  program
    .command('rekey')
    .description('new keys now; the old ones work until the new ones do')
    .argument('<tunnel...>', 'names or globs')
    .addOption(new Option('--phase <phase>').choices(['1', '2']).default('2'))
    .option('--json')
    .action(
      act((terminal, at, tunnels: string[], options) => rekey(terminal, at, tunnels, options)),
    )

  addChangeCommands(program, act)

  program
    .command('check')
    .description('review a configuration without using it')
    .argument('[file]', 'configuration', DEFAULT_FILE)
    .option('--json')
    .action(act((terminal, _at, file: string, options) => check(terminal, file, options)))

  program
    .command('explain')
    .description(
      'TUNNEL: its last negotiation in words; FILE: a capture; CW-201: a failure; preset NAME',
    )
    .argument('[what...]', 'a tunnel, a pcap file, a code, a part of a log line, or preset NAME')
    .addOption(
      new Option(
        '-c, --config [file]',
        `of a tunnel, or of all: what holds for each key, and which line, preset or default says so (${DEFAULT_FILE} where no file is named)`,
      ),
    )
    .option('--payloads', 'of a tunnel or a capture: every payload with every field')
    .option('--hex', 'of a capture: the octets of every message')
    .option('--keys <path>', 'of a capture: a Wireshark profile with keys, or its IKEv1 table')
    .option('--json')
    .action(
      act((terminal, at, words: string[], { config, ...options }: ParsedExplainOptions) =>
        explain(terminal, at, words, {
          ...options,
          ...(config === undefined ? {} : { config: config === true ? DEFAULT_FILE : config }),
        }),
      ),
    )

  program
    .command('log')
    .description('what happened')
    .argument('[tunnel...]', 'names or globs')
    .option('-f, --follow', 'go on with what happens')
    .option('-m, --messages', 'also every IKE message')
    .option('--since <when>', 'from then on: 90s, 15m, 1h, 2d, or 2026-11-23T03:00', since)
    .addOption(new Option('--level <level>', 'least level that is shown').choices(LEVELS))
    .option('--json', 'events as JSON, one a line')
    .action(act((terminal, at, tunnels: string[], options) => log(terminal, at, tunnels, options)))

  program
    .command('keygen')
    .description('print a fresh pre-shared key: 256 bits in 43 characters')
    .option('--fingerprint <file>', 'six characters of a key, to compare by telephone')
    .action(act(async (terminal, _at, options) => keygen(terminal, options)))

  addDiagnosticCommands(program, act, DEFAULT_FILE)
  addRehearseCommand(program, (run) =>
    act(async (terminal, _at, ...args) => run(terminal, ...args)),
  )

  addExchangeCommands(
    program,
    (run) => act(async (terminal, _at, ...args) => run(terminal, ...args)),
    DEFAULT_FILE,
  )

  addPkiCommands(program, (run) => act(async (terminal, _at, ...args) => run(terminal, ...args)))

  program
    .command('version')
    .description('print the version')
    .action(
      act(async (terminal) => {
        terminal.out(`${version}\n`)
        return EXIT.ok
      }),
    )

  addShellCommands(program, act, version)
  return program
}

function packageVersion(): string {
  // Two folders up from src/cli and from dist/cli alike.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a number of seconds above 0 is needed')
  return value
}

function since(text: string): number {
  const at = sinceWhen(text, Date.now())
  if (at !== undefined) return at
  throw new InvalidArgumentError('write 90s, 15m, 1h, 2d, or a time such as 2026-11-23T03:00')
}
