import type { Endpoint } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import type { DataPlaneEvent, DataPlaneSettings } from '../port.ts'

/** From the main thread to the worker; after posting one the eventfd is written, because the worker waits in poll(). */
export type ToWorker =
  | {
      readonly kind: 'configure'
      readonly id: number
      readonly settings: DataPlaneSettings
      /** One for each tunnel, `TUNNEL_COUNTER_FIELDS` float64 long. */
      readonly tunnelCounters: ReadonlyMap<string, SharedArrayBuffer>
    }
  | {
      readonly kind: 'install-sa'
      readonly sa: PlainSa
      /** `SA_COUNTER_FIELDS` float64 long. */
      readonly counters: SharedArrayBuffer
    }
  | {
      readonly kind: 'remove-sa'
      readonly direction: 'inbound' | 'outbound'
      readonly child: ChildId
      readonly spi: EspSpi
    }
  | {
      readonly kind: 'move-sas'
      readonly tunnel: string
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  | {
      readonly kind: 'send-ike'
      readonly octets: Uint8Array
      readonly local: Endpoint
      readonly remote: Endpoint
      readonly whole: boolean
    }
  | {
      readonly kind: 'probe-path'
      readonly tunnel: string
      readonly id: number
      readonly octets: number
    }
  | {
      readonly kind: 'limit-path'
      readonly tunnel: string
      readonly octets: number | undefined
    }
  | { readonly kind: 'nat-keepalive'; readonly local: Endpoint; readonly remote: Endpoint }
  | { readonly kind: 'close' }

/** From the worker to the main thread. */
export type FromWorker =
  | { readonly kind: 'configured'; readonly id: number }
  | { readonly kind: 'not-configured'; readonly id: number; readonly message: string }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'event'; readonly event: DataPlaneEvent }
  | { readonly kind: 'closed' }

/** What the worker is started with. */
export type WorkerData = {
  /** Of the eventfd that wakes it. */
  readonly wakeFd: number
  /** `GLOBAL_COUNTER_FIELDS` float64 long. */
  readonly globalCounters: SharedArrayBuffer
}

export const TunnelCounter = { mtu: 0, noSa: 1, noPolicy: 2, tooBig: 3 } as const
export const TUNNEL_COUNTER_FIELDS = 4

export const GlobalCounter = {
  unknownSpi: 0,
  malformed: 1,
  ikeOverflow: 2,
  notSent: 3,
  /** IKE datagrams that the main thread has taken; the one field that it writes. */
  ikeTaken: 4,
  /** 1 as soon as routes of ours may stand in the host's tables; before that they are another process's. */
  routesAreOurs: 5,
} as const
export const GLOBAL_COUNTER_FIELDS = 6

/** An SA as it crosses between threads: a `Secret` would arrive empty there, which is what it is for. */
export type PlainSa = Plain<InboundSa> | Plain<OutboundSa>
type Plain<Sa> = Omit<Sa, 'encryptionKey' | 'integrityKey'> & {
  readonly encryptionKey: Uint8Array
  readonly integrityKey: Uint8Array
}

export function plainSa(sa: InboundSa | OutboundSa): PlainSa {
  return {
    ...sa,
    encryptionKey: sa.encryptionKey.reveal(),
    integrityKey: sa.integrityKey.reveal(),
  }
}

export function saFromPlain(sa: PlainSa): InboundSa | OutboundSa {
  return {
    ...sa,
    encryptionKey: new Secret(sa.encryptionKey),
    integrityKey: new Secret(sa.integrityKey),
  }
}
