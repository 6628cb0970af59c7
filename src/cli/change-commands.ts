import { type Command, InvalidArgumentError } from 'commander'
import { MAX_CONFIRM_SECONDS } from '#control/schema'
import type { Act } from './act.ts'
import { apply, confirm, diff, undo } from './changes.ts'
import type { OrderOptions } from './orders.ts'

/** Changing the configuration of a running gateway, safely also from the far end of one of its tunnels. */
export function addChangeCommands(program: Command, act: Act): void {
  program
    .command('diff')
    .description('what the file would change; exit code 1 when it would')
    .option('--json')
    .action(act((terminal, at, options: OrderOptions) => diff(terminal, at, options)))

  program
    .command('apply')
    .alias('reload')
    .description('read the configuration again; unchanged tunnels keep running')
    .option(
      '--confirm <seconds>',
      'on trial: what was before comes back unless "causeway confirm" is said in time',
      trialSeconds,
    )
    .option('--json')
    .action(
      act((terminal, at, options: OrderOptions & { confirm?: number }) =>
        apply(terminal, at, options),
      ),
    )

  program
    .command('confirm')
    .description('keep the configuration that is on trial')
    .option('--json')
    .action(act((terminal, at, options: OrderOptions) => confirm(terminal, at, options)))

  program
    .command('undo')
    .description('back to the configuration before; again: forth')
    .option('--json')
    .action(act((terminal, at, options: OrderOptions) => undo(terminal, at, options)))
}

function trialSeconds(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= MAX_CONFIRM_SECONDS) return value
  throw new InvalidArgumentError(`a whole number of seconds from 1 to ${MAX_CONFIRM_SECONDS}`)
}
