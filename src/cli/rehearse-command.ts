import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ExitCode } from './exit-codes.ts'
import type { RehearseOptions } from './rehearse.ts'
import type { Terminal } from './terminal.ts'

type Act = <Args extends readonly unknown[]>(
  run: (terminal: Terminal, ...args: Args) => Promise<ExitCode>,
) => (...args: [...Args, Command]) => Promise<void>

/** `causeway rehearse`: needs neither root nor a network nor a gateway. */
export function addRehearseCommand(program: Command, act: Act): void {
  program
    .command('rehearse')
    .description('run both ends in the simulator: would the tunnel come up, and if not, why')
    .argument('<file...>', 'one configuration for each end, or one that has both')
    .option('--peer <preset>', 'the other end as its maker documents it, in place of a file')
    .option('--tunnel <name>', 'only this tunnel; A:B names both ends of it', collect)
    .addOption(
      new Option('--loss <share>', 'what the network loses').argParser(share).default(0, '0%'),
    )
    .addOption(
      new Option('--nat <end>', 'who sits behind a NAT')
        .choices(['none', 'a', 'b', 'both'])
        .default('none'),
    )
    .option('--restart', 'also: one end after the other restarts and has forgotten everything')
    .option('--rekey-storm', 'also: both ends rekey forty times in a minute, at times at once')
    .option('--hours <hours>', 'also: so much time passes, with traffic', hours)
    .option('--seed <number>', 'decides all that is left to chance', whole, 1)
    .option('--assume-same-key', 'a pre-shared key that is not here is that of the other end')
    .option('--json', 'one JSON document')
    .action(
      act(async (terminal, files: string[], options: RehearseOptions) => {
        // Loaded when needed: the other commands know nothing of engines.
        const { rehearse } = await import('./rehearse.ts')
        return rehearse(terminal, files, options)
      }),
    )
}

const MOST_HOURS = 24 * 7

function collect(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name]
}

/** `20%`, `0.2`. */
function share(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text)
  const value = Number(match?.[1]) / (match?.[2] === '%' ? 100 : 1)
  if (match === null || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('a share such as 20% or 0.2 is needed, below 100%')
  return value
}

function hours(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= MOST_HOURS))
    throw new InvalidArgumentError(`a number of hours above 0, at most ${MOST_HOURS}, is needed`)
  return value
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('a whole number is needed')
  return value
}
