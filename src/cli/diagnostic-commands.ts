import { type Command, InvalidArgumentError } from 'commander'
import type { Act } from './act.ts'
import { addCaptureCommand } from './capture-command.ts'
import { monitor } from './monitor.ts'
import { trace } from './trace.ts'

/** The commands for finding out why. */
export function addDiagnosticCommands(program: Command, act: Act, defaultFile: string): void {
  addCaptureCommand(program, act)
  program
    .command('monitor')
    .description('every event as it happens, for scripts')
    .argument('[tunnel...]', 'names or globs')
    .option('-m, --messages', 'also every IKE message')
    .option('--json', 'one JSON object a line, see docs/events-json.md')
    .action(
      act((terminal, at, tunnels: string[], options) => monitor(terminal, at, tunnels, options)),
    )

  program
    .command('probe')
    .description(
      'ask a peer which proposals, modes and versions of IKE it accepts; no gateway needed',
    )
    .argument('<host>', 'address or name of one peer')
    .option('--from <address>', 'ask from this address of ours')
    .option(
      '--source-port <port>',
      'from this port: some answer only to 500, the default where it is free',
      port,
    )
    .option('--aggressive', 'also ask for Aggressive mode, which shows an identity of ours')
    .option('--id <identity>', 'this one, instead of the address')
    .option('--json')
    .action(
      act(async (terminal, _at, host: string, options) => {
        // Loaded when needed: native sockets are nothing other commands should wait for.
        const { probe } = await import('./probe.ts')
        return probe(terminal, host, options)
      }),
    )

  program
    .command('doctor')
    .description('everything around IKE: this host, the way to each peer, NAT rules, routes')
    .argument('[tunnel...]', 'names; all when left out')
    .option('-c, --config <file>', 'tunnels of this file, where no gateway runs', defaultFile)
    .option('--json', 'one JSON document')
    .action(
      act(async (terminal, at, tunnels: string[], options) => {
        const { doctor } = await import('./doctor.ts')
        return doctor(terminal, at, tunnels, options)
      }),
    )

  program
    .command('ping')
    .description('round trips through a tunnel: of IKE, of ESP, and the largest packet that passes')
    .argument('<tunnel>', 'name')
    .argument('[host]', 'address behind the peer; the first of the remote network when left out')
    .option('--count <n>', 'how many of each', count, 3)
    .option('--json', 'one JSON document')
    .action(
      act(async (terminal, at, tunnel: string, host: string | undefined, options) => {
        const { ping } = await import('./ping.ts')
        return ping(terminal, at, [tunnel, host], options)
      }),
    )

  program
    .command('trace')
    .description('which tunnel, route, selector and SA a packet would take, and what stops it')
    .argument('<source>', 'address')
    .argument('<destination>', 'address')
    .argument('[traffic]', 'tcp/443, udp/53, icmp, 47 …; icmp when left out')
    .option('--source-port <port>', 'where selectors ask for it', port)
    .option('--json', 'one JSON document')
    .action(
      act(
        (terminal, at, source: string, destination: string, traffic: string | undefined, options) =>
          trace(terminal, at, [source, destination, traffic], options),
      ),
    )
}

function port(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value < 65_536) return value
  throw new InvalidArgumentError('a port is a number from 1 to 65535')
}

function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value <= 1_000) return value
  throw new InvalidArgumentError('a number from 1 to 1000')
}
