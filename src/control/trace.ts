import type { Timestamp } from './status.ts'

/** A packet as an operator describes it. Ports are 0 where the protocol has none. */
export type TracedPacket = {
  readonly source: string
  readonly destination: string
  readonly protocol: number
  readonly sourcePort: number
  readonly destinationPort: number
}

/** `stops`: the packet gets no farther. `note`: it does, and this should be known. */
export type TraceStep = {
  readonly step: 'route' | 'selector' | 'sa' | 'size' | 'result' | 'back'
  readonly verdict: 'ok' | 'stops' | 'note'
  readonly text: string
  /** A command or line of configuration. */
  readonly fix?: string
}

/** `causeway trace --json`. */
export type TraceDocument = {
  readonly schema: 1
  readonly at: Timestamp
  readonly packet: TracedPacket
  readonly tunnel?: string
  /** Index into `networks`. */
  readonly pair?: number
  /** Of the outbound SA, in hexadecimal. */
  readonly spi?: string
  readonly mtu?: number
  readonly mss?: number
  /** Whether it would leave, encrypted. */
  readonly passes: boolean
  readonly steps: readonly TraceStep[]
}
