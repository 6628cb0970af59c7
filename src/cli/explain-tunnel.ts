import { ControlClient } from '#control/client'
import { toJson } from '#control/json-octets'
import type { ToldEvent } from '#control/schema'
import type { TunnelStatus } from '#control/status'
import { explainedLines } from '#diagnosis/explained-ladder'
import { type FailureBlock, failureText } from '#diagnosis/failure-text'
import { ladderDocument, type TimedEvent } from '#diagnosis/ladder'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, namedControl } from './gateway-connection.ts'
import { lackText, missingLines } from './missing-pairs.ts'
import { withoutRepeatedAttempts } from './repeated-attempts.ts'
import { isWhole, standingFailure } from './standing-failure.ts'
import { ageText } from './status-view.ts'
import type { Terminal } from './terminal.ts'

export type ExplainTunnelOptions = { readonly json?: boolean; readonly payloads?: boolean }

/**
 * `causeway explain TUNNEL`: the negotiation under way, or the last one, message by message, and what came of it.
 * @returns undefined where no gateway runs that knows such a tunnel: the word may mean something else.
 */
export async function explainTunnel(
  terminal: Terminal,
  addressing: Addressing,
  name: string,
  options: ExplainTunnelOptions,
): Promise<ExitCode | undefined> {
  const asked = await ask(addressing, name)
  if (asked === undefined) return undefined
  const { tunnel, events } = asked
  const negotiation = withoutRepeatedAttempts(lastNegotiation(events, tunnel.state === 'up'))
  const failure = failureOf(negotiation, tunnel)
  if (options.json === true) {
    const messages = ladderDocument(timed(negotiation))
    const { name: tunnelName, state, networks } = tunnel
    const document = { schema: 1, tunnel: tunnelName, state, networks, messages, failure }
    terminal.out(`${JSON.stringify(JSON.parse(toJson(document)), null, 2)}\n`)
  } else {
    const lines = tunnelLines(tunnel, negotiation, failure, options, terminal)
    terminal.out(`${lines.join('\n')}\n`)
  }
  return isWhole(tunnel) ? EXIT.ok : EXIT.down
}

async function ask(
  addressing: Addressing,
  name: string,
): Promise<{ tunnel: TunnelStatus; events: readonly ToldEvent[] } | undefined> {
  let client: ControlClient | undefined
  try {
    client = await ControlClient.connect(namedControl(addressing) ?? '/run/causeway.sock')
    const { tunnels } = await client.request({ command: 'status', tunnels: [name] })
    const [tunnel] = tunnels
    if (tunnel === undefined) return undefined
    const { events } = await client.request({ command: 'log', tunnels: [tunnel.name] })
    return { tunnel, events }
  } catch {
    return undefined
  } finally {
    client?.close()
  }
}

/** From the last beginning of phase 1 on; while an attempt that follows a failure is under way, the one that failed. */
function lastNegotiation(events: readonly ToldEvent[], isUp: boolean): readonly ToldEvent[] {
  const begins = events.flatMap(({ event }, index) => (isBeginning(event) ? [index] : []))
  const last = begins.at(-1)
  if (last === undefined) return events
  const before = begins.at(-2)
  const current = events.slice(last)
  const over = isUp || current.some(({ event }) => event.kind === 'negotiation-failed')
  if (over || before === undefined) return current
  const earlier = events.slice(before, last)
  return earlier.some(({ event }) => event.kind === 'negotiation-failed') ? earlier : current
}

function isBeginning(event: ToldEvent['event']): boolean {
  if (event.kind !== 'message' || event.number !== 1 || event.repeat > 0) return false
  return event.exchange === 'main' || event.exchange === 'aggressive'
}

function failureOf(
  negotiation: readonly ToldEvent[],
  tunnel: TunnelStatus,
): FailureBlock | undefined {
  if (tunnel.state === 'up') return standingFailure(tunnel)
  const told = negotiation.findLast(
    ({ event }) => event.kind === 'negotiation-failed' || event.kind === 'refusal-hinted',
  )
  if (told === undefined || !('failure' in told.event)) return tunnel.lastFailure
  return { ...told.event.failure, ...(told.line === undefined ? {} : { line: told.line }) }
}

function tunnelLines(
  tunnel: TunnelStatus,
  negotiation: readonly ToldEvent[],
  failure: FailureBlock | undefined,
  { payloads = false }: ExplainTunnelOptions,
  { columns, style }: Terminal,
): readonly string[] {
  const { name, state, since, networks } = tunnel
  const ladder = explainedLines(timed(negotiation), { columns, payloads })
  const age = ageText(since, new Date().toISOString())
  const marks = { up: style('green', '✓'), down: style('red', '✗'), stopped: '–', connecting: '–' }
  const isPartly = state === 'up' && !isWhole(tunnel)
  const isPairs = isPartly && networks.some((pair) => pair.failure?.summary === failure?.summary)
  const begun = negotiation.find(({ event }) => event.kind === 'message')?.at
  return [
    ...(begun === undefined ? [] : [`Negotiation of ${begun.slice(0, 19).replace('T', ' ')} UTC`]),
    ...(ladder.length === 0 ? [`The gateway remembers no negotiation of ${name}.`] : ladder),
    ...(isPartly
      ? [`${marks.down} ${lackText(name, networks)} (${age})`, ...missingLines(networks, columns)]
      : [`${marks[state]} ${name} is ${state} (${age})`]),
    ...(failure === undefined || isPairs ? [] : ['', ...failureText(failure, columns)]),
  ]
}

function timed(events: readonly ToldEvent[]): readonly TimedEvent[] {
  return events.flatMap(({ at, event }) =>
    event.kind === 'state' ? [] : [{ at: Date.parse(at), event }],
  )
}
