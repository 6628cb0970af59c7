import type { ChildSaStatus, IkeSaStatus, TunnelStatus } from '#control/status'
import { type LadderMessage, ladderDocument, type TimedEvent } from '#diagnosis/ladder'
import type { EchoReport } from '../../test/support/echo-program.ts'
import type { TransferReport } from '../../test/support/transfer-program.ts'
import type { SniffReport } from './sniffer.ts'

/** What one run of the demo saw; parts that it did not reach are absent. */
export type Findings = {
  tunnel?: TunnelStatus
  /** Of gateway A, about the tunnel, until it was up. */
  events: readonly TimedEvent[]
  /** Before the tunnel was asked for. */
  early?: EchoReport
  ping?: EchoReport
  sent?: TransferReport
  received?: TransferReport
  wire?: SniffReport
  failure?: string
}

/** What `npm run demo -- --json` prints. */
export type DemoDocument = {
  readonly tunnel: {
    readonly name: string
    readonly state: string
    readonly local: string
    readonly peer: string
    readonly networks: readonly string[]
    readonly phase1?: Pick<IkeSaStatus, 'version' | 'exchange' | 'suite' | 'role'>
    readonly phase2?: Pick<ChildSaStatus, 'suite' | 'pfs' | 'mode' | 'encapsulation'>
  } | null
  /** As gateway A sent and received them, in the order of the wire. */
  readonly messages: readonly LadderMessage[]
  /** `rttMs`: the average round trip; null when nothing came back. */
  readonly ping: { readonly sent: number; readonly received: number; readonly rttMs: number | null }
  readonly tcp: { readonly bytes: number; readonly bitsPerSecond: number }
  /** Frames between the gateways that were neither ISAKMP nor ESP nor neighbour discovery; null when nobody looked. */
  readonly plaintextOnWire: number | null
  readonly ok: boolean
}

export function demoDocument(found: Findings): DemoDocument {
  const { tunnel, ping, received, wire } = found
  return {
    tunnel: tunnel === undefined ? null : tunnelOf(tunnel),
    messages: negotiation(found),
    ping: {
      sent: ping?.sent ?? 0,
      received: ping?.received ?? 0,
      rttMs: ping?.rttMs?.average ?? null,
    },
    tcp: { bytes: received?.octets ?? 0, bitsPerSecond: bitsPerSecond(received) },
    plaintextOnWire: wire?.plaintext ?? null,
    ok: problems(found).length === 0,
  }
}

/** Every claim of the demo that did not hold, in words; none when it is a success. */
export function problems(found: Findings): readonly string[] {
  const { tunnel, early, ping, sent, received, wire, failure } = found
  const claims: readonly (readonly [holds: boolean, otherwise: string])[] = [
    [failure === undefined, failure ?? ''],
    [early?.received === 0, 'a ping was answered before the tunnel was up'],
    [tunnel?.state === 'up', 'the tunnel is not up'],
    [
      isWhole(negotiation(found)),
      'the negotiation was not six messages of Main mode, the last two encrypted, and three encrypted ones of Quick mode',
    ],
    [ping !== undefined && ping.received === ping.sent, 'not every ping was answered'],
    [
      received !== undefined && received.octets > 0 && received.digest === sent?.digest,
      'the TCP transfer did not arrive as it was sent',
    ],
    [wire !== undefined && wire.kinds.isakmp >= 9, 'the capture does not show the negotiation'],
    [
      wire !== undefined && wire.kinds.esp + wire.kinds['esp-in-udp'] > 0,
      'the capture does not show ESP',
    ],
    [
      wire?.plaintext === 0,
      `${wire?.plaintext ?? 'unknown'} frames between the gateways were in clear`,
    ],
  ]
  return claims.filter(([holds]) => !holds).map(([, otherwise]) => otherwise)
}

export function bitsPerSecond(report: TransferReport | undefined): number {
  if (report === undefined || report.milliseconds <= 0) return 0
  return Math.round((report.octets * 8 * 1000) / report.milliseconds)
}

function tunnelOf(status: TunnelStatus): DemoDocument['tunnel'] {
  const { name, state, local, peer, networks, ikeSas, childSas } = status
  const [ikeSa] = ikeSas
  const [childSa] = childSas
  return {
    name,
    state,
    local,
    peer,
    networks: networks.map((pair) => `${pair.local} <-> ${pair.remote}`),
    ...(ikeSa === undefined
      ? {}
      : {
          phase1: {
            version: ikeSa.version,
            exchange: ikeSa.exchange,
            suite: ikeSa.suite,
            role: ikeSa.role,
          },
        }),
    ...(childSa === undefined
      ? {}
      : {
          phase2: {
            suite: childSa.suite,
            pfs: childSa.pfs,
            mode: childSa.mode,
            encapsulation: childSa.encapsulation,
          },
        }),
  }
}

function negotiation({ events }: Findings): readonly LadderMessage[] {
  return ladderDocument(events).filter(
    ({ exchange }) => exchange === 'main' || exchange === 'quick',
  )
}

/** Retransmissions may happen on a slow machine and change nothing. */
function isWhole(messages: readonly LadderMessage[]): boolean {
  const seen = messages
    .filter(({ repeat }) => repeat === 0)
    .map(
      ({ exchange, number, encrypted }) =>
        `${exchange} ${number} ${encrypted ? 'encrypted' : 'clear'}`,
    )
  return seen.join() === EXPECTED.join()
}

const EXPECTED = [
  'main 1 clear',
  'main 2 clear',
  'main 3 clear',
  'main 4 clear',
  'main 5 encrypted',
  'main 6 encrypted',
  'quick 1 encrypted',
  'quick 2 encrypted',
  'quick 3 encrypted',
]
