import { type Command, InvalidArgumentError } from 'commander'
import type { Act } from './act.ts'
import type { CaptureOptions } from './capture.ts'

/** `causeway capture`. */
export function addCaptureCommand(program: Command, act: Act): void {
  program
    .command('capture')
    .description('the IKE and ESP packets of a tunnel as pcapng, for Wireshark and for explain')
    .argument('<tunnel>', 'one tunnel')
    .option('-w, --write <file>', 'where to (TUNNEL.pcapng)')
    .option('--seconds <n>', 'how long; without it until Ctrl-C', positive)
    .option('-i, --interface <name>', 'where to listen, when it is not that of our address')
    .option('--last', 'nothing new: the IKE messages that the gateway has kept')
    .option(
      '--decrypt',
      'DANGER: also write the keys in use, as a Wireshark profile beside the file',
    )
    .option('--json', 'one JSON document when it is done')
    .action(
      act(async (terminal, at, tunnel: string, options: CaptureOptions) => {
        // Loaded when needed: the other commands make no native calls.
        const { capture } = await import('./capture.ts')
        return capture(terminal, at, tunnel, options)
      }),
    )
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a number of seconds above 0 is needed')
  return value
}
