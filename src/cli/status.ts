import type { StatusDocument } from '#control/status'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { mailToPeer } from './for-peer.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import { isWhole } from './standing-failure.ts'
import { keyWarning, statusTable } from './status-view.ts'
import type { Terminal } from './terminal.ts'
import { tunnelDetail } from './tunnel-view.ts'
import { watch } from './watch.ts'

export type StatusOptions = {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly watch?: boolean
  readonly forPeer?: boolean
}

/** Exit code 0 when every tunnel with `start: always` is up, with all its network pairs; of named tunnels, when all of them are, with those that are wanted. */
export function status(
  terminal: Terminal,
  addressing: Addressing,
  tunnels: readonly string[],
  { json = false, quiet = false, watch: follow = false, forPeer = false }: StatusOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    if (follow) return watch(client, terminal, tunnels, json)
    const named = tunnels.length > 0
    const document = await client.request(
      named ? { command: 'status', tunnels } : { command: 'status' },
    )
    if (!quiet && !json) terminal.out(`${keyWarning(document, terminal)}${text(document)}`)
    if (!quiet && json) terminal.out(`${JSON.stringify(document, null, 2)}\n`)
    const fine = named ? document.tunnels.every(isWhole) : document.summary.ok
    return fine ? EXIT.ok : EXIT.down

    function text(of: StatusDocument): string {
      if (forPeer) return of.tunnels.map((tunnel) => mailToPeer(tunnel, of)).join('\n')
      if (!named) return statusTable(of, terminal)
      return of.tunnels.map((tunnel) => tunnelDetail(tunnel, of, terminal)).join('\n')
    }
  })
}
