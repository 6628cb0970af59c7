import { ipFamily, parseIp } from '#bytes/ip'
import type { TraceDocument, TracedPacket } from '#control/trace'
import { formatIpProtocol, hasPorts, parseIpProtocol } from '#policy/ip-protocol'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import { type StepLine, stepLines } from './step-lines.ts'
import type { Terminal } from './terminal.ts'

export type TraceOptions = { readonly json?: boolean; readonly sourcePort?: number }

/** `causeway trace`: the running gateway and its kernel say where a packet would go. None is sent. */
export async function trace(
  terminal: Terminal,
  addressing: Addressing,
  [source, destination, traffic]: readonly [string, string, string | undefined],
  { json = false, sourcePort = USUAL_SOURCE_PORT }: TraceOptions,
): Promise<ExitCode> {
  const packet = packetOf(source, destination, traffic, sourcePort)
  if (typeof packet === 'string') {
    terminal.err(`causeway: ${packet}\n`)
    return EXIT.usage
  }
  return withGateway(addressing, terminal, async (client) => {
    const document = await client.request({ command: 'trace', ...packet })
    terminal.out(json ? `${JSON.stringify(document, null, 2)}\n` : text(document, terminal))
    return document.passes ? EXIT.ok : EXIT.down
  })
}

/** @returns what is wrong, as a sentence */
function packetOf(
  source: string,
  destination: string,
  traffic: string | undefined,
  sourcePort: number,
): TracedPacket | string {
  const [from, to] = [parseIp(source), parseIp(destination)]
  if (from === undefined || to === undefined) {
    return `${from === undefined ? source : destination} is not an IP address`
  }
  if (ipFamily(from) !== ipFamily(to)) return `${source} cannot send to ${destination}`
  const echo = ipFamily(from) === 4 ? 'icmp' : 'icmpv6'
  const [name = '', portText] = (traffic ?? echo).split('/')
  const protocol = parseIpProtocol(name)
  if (protocol === undefined)
    return `${name} is no IP protocol; one writes tcp/443, udp/53, icmp, 47`
  const port = Number(portText ?? 0)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return `${portText} is not a port`
  if (portText !== undefined && !hasPorts(protocol)) return `${name} has no ports`
  const ports = hasPorts(protocol)
  return {
    source: from,
    destination: to,
    protocol,
    sourcePort: ports ? sourcePort : 0,
    destinationPort: ports ? port : 0,
  }
}

function text({ packet, steps, tunnel }: TraceDocument, terminal: Terminal): string {
  const { protocol, destinationPort } = packet
  const port = destinationPort === 0 ? '' : `/${destinationPort}`
  const name = tunnel === undefined ? '' : `   tunnel ${tunnel}`
  const head = `${packet.source} → ${packet.destination}  ${formatIpProtocol(protocol)}${port}${name}`
  const lines = steps.map(
    ({ step, verdict, text, fix }): StepLine => ({
      label: LABELS[step],
      verdict: verdict === 'stops' ? 'wrong' : verdict,
      text,
      fix,
    }),
  )
  return `${[head, ...stepLines(lines, terminal)].join('\n')}\n`
}

const LABELS = {
  route: 'route',
  selector: 'selector',
  sa: 'SA',
  size: 'size',
  result: 'result',
  back: 'back',
} as const

/** What a client takes unless it is told otherwise (RFC 6335 §6: from 49152). */
const USUAL_SOURCE_PORT = 49_152
