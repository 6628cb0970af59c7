import type { TunnelState } from '#control/schema'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import type { Terminal } from './terminal.ts'

export type OrderOptions = { readonly json?: boolean }

/** `causeway down`: the tunnels stay closed until `up`, a peer or a new configuration opens them. */
export function down(
  terminal: Terminal,
  addressing: Addressing,
  tunnels: readonly string[],
  options: OrderOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const result = await client.request({ command: 'down', tunnels })
    report(terminal, options, result, ({ tunnel, state }) =>
      state === 'stopped' ? `${tunnel} was closed already` : `${tunnel} closed`,
    )
    return EXIT.ok
  })
}

/** `causeway rekey`: make before break. Tunnels that are not up are told apart. */
export function rekey(
  terminal: Terminal,
  addressing: Addressing,
  tunnels: readonly string[],
  options: OrderOptions & { readonly phase: '1' | '2' },
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const phase = options.phase === '1' ? 1 : 2
    const result = await client.request({ command: 'rekey', tunnels, phase })
    const isUp = ({ state }: TunnelState) => state === 'up'
    report(terminal, options, result, (state) =>
      isUp(state)
        ? `${state.tunnel} phase ${phase} is being rekeyed`
        : `${state.tunnel} is ${state.state}: nothing to rekey.  causeway up ${state.tunnel}`,
    )
    return result.tunnels.every(isUp) ? EXIT.ok : EXIT.down
  })
}

function report(
  terminal: Terminal,
  { json = false }: OrderOptions,
  result: { readonly tunnels: readonly TunnelState[] },
  sentence: (state: TunnelState) => string,
): void {
  if (json) terminal.out(`${JSON.stringify({ schema: 1, ...result }, null, 2)}\n`)
  else for (const state of result.tunnels) terminal.out(`${sentence(state)}\n`)
}
