import { CommandRefused, ControlClient, GatewayUnreachable } from '#control/client'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export type Addressing = { readonly control?: string | undefined }

export const DEFAULT_CONTROL = '/run/causeway.sock'

/** `--control`, else CAUSEWAY_CONTROL. */
export function namedControl({ control }: Addressing): string | undefined {
  return control ?? (process.env.CAUSEWAY_CONTROL || undefined)
}

/** Connects, works, hangs up; what goes wrong is said with what to do about it. */
export async function withGateway(
  addressing: Addressing,
  terminal: Terminal,
  work: (client: ControlClient) => Promise<ExitCode>,
): Promise<ExitCode> {
  let client: ControlClient | undefined
  try {
    client = await ControlClient.connect(namedControl(addressing) ?? DEFAULT_CONTROL)
    return await work(client)
  } catch (error) {
    return explain(error, addressing, terminal)
  } finally {
    client?.close()
  }
}

function explain(error: unknown, addressing: Addressing, terminal: Terminal): ExitCode {
  if (error instanceof CommandRefused) {
    terminal.err(`causeway: ${error.message}\n`)
    if (error.code === 'not-permitted') return EXIT.permission
    return error.code === 'unknown-tunnel' ? EXIT.usage : EXIT.unreachable
  }
  if (!(error instanceof GatewayUnreachable)) throw error
  terminal.err(`causeway: ${error.message}\n`)
  if (error.reason === 'permission') {
    terminal.err('  root and the group of the socket may: sudo causeway …\n')
    return EXIT.permission
  }
  if (error.reason === 'not-running' && namedControl(addressing) === undefined) {
    terminal.err('  start one:      causeway run -c /etc/causeway/causeway.yaml\n')
    terminal.err('  or name another: causeway --control PATH …\n')
  }
  return EXIT.unreachable
}
