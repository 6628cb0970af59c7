import { toJson } from '#control/json-octets'
import type { ToldEvent } from '#control/schema'
import { eventText } from '#diagnosis/event-text'
import { logLineText } from '#diagnosis/log-view'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import { clockText } from './log.ts'
import type { Terminal } from './terminal.ts'

export type MonitorOptions = { readonly json?: boolean; readonly messages?: boolean }

/**
 * `causeway monitor`: the state every tunnel is in, then every event as it happens, nothing left out and nothing counted together, until
 * Ctrl-C or until the gateway ends.
 */
export function monitor(
  terminal: Terminal,
  addressing: Addressing,
  tunnels: readonly string[],
  { json = false, messages = false }: MonitorOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const only = tunnels.length === 0 ? undefined : tunnels
    const early: ToldEvent[] = []
    let started = false
    // Subscribed before the states are asked for, so that nothing falls between the two.
    await client.subscribe((told) => {
      if (started) print(told)
      else early.push(told)
    }, only)
    const status = await client.request({ command: 'status', tunnels: only })
    for (const { name, state } of status.tunnels) {
      print({ sequence: 0, at: status.at, event: { kind: 'state', tunnel: name, state } })
    }
    started = true
    for (const told of early) print(told)
    await new Promise<void>((resolve) => client.onLost(resolve))
    terminal.err('causeway: the gateway has stopped\n')
    return EXIT.unreachable
  })

  function print(told: ToldEvent): void {
    if (told.event.kind === 'message' && !messages) return
    terminal.out(json ? `${toJson({ schema: 1, ...told })}\n` : `${text(told)}\n`)
  }

  function text({ at, event }: ToldEvent): string {
    const tunnel = 'tunnel' in event ? event.tunnel : undefined
    const said =
      event.kind === 'state'
        ? ({ level: 'info', text: `is ${event.state}` } as const)
        : eventText(event)
    return logLineText(
      clockText(new Date(at)),
      { level: said.level, tunnel, text: said.text },
      terminal.columns,
    )
  }
}
