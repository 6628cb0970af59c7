import type { Endpoint, IpAddress } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import type { SpiShare } from '#platform/spi-steering'
import type { TunOffloads } from '#platform/tun'
import type { DataPlaneEvent, DataPlaneSettings, HostEcho, IkeDatagram } from '../port.ts'
import type { PlannedTunnel } from './routing-plan.ts'

/** From the main thread to the worker; after posting one the eventfd is written, because the worker waits in epoll_wait(). */
export type ToWorker =
  | {
      readonly kind: 'configure'
      readonly id: number
      readonly settings: DataPlaneSettings
      /** One for each tunnel of any lane, in the order of the configuration; `TUNNEL_COUNTER_FIELDS` float64 long. */
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
      readonly kind: 'trust-ike-spis'
      readonly come: readonly bigint[]
      readonly gone: readonly bigint[]
    }
  | {
      readonly kind: 'probe-path'
      readonly tunnel: string
      readonly id: number
      readonly octets: number
    }
  | { readonly kind: 'ask-host'; readonly tunnel: string; readonly echo: HostEcho }
  | {
      readonly kind: 'limit-path'
      readonly tunnel: string
      readonly octets: number | undefined
    }
  | { readonly kind: 'nat-keepalive'; readonly local: Endpoint; readonly remote: Endpoint }
  /** An inbound SA that another thread opens packets of. */
  | { readonly kind: 'note-inbound-sa'; readonly child: ChildId; readonly spi: EspSpi }
  /** What another thread heard of a path. */
  | { readonly kind: 'path-mtu'; readonly remote: Endpoint; readonly mtu: number }
  /** A gateway at the other end of a tunnel, as words, that whoever opens packets has seen. */
  | { readonly kind: 'echo-shown'; readonly tunnel: string; readonly address: Uint32Array }
  /** To the thread that lays the routes: what the tunnels of another lane need. */
  | {
      readonly kind: 'plan'
      readonly id: number
      readonly lane: number
      readonly tunnels: readonly PlannedTunnel[]
    }
  /** Before `configure`, to every thread: what `settings` no longer have is given up. */
  | {
      readonly kind: 'release'
      readonly id: number
      readonly settings: DataPlaneSettings
      /** Of all lanes. */
      readonly peers: readonly IpAddress[]
    }
  /** After it: what there is now. */
  | {
      readonly kind: 'adopt'
      readonly id: number
      readonly devices: SharedDevices
      readonly tunnelCounters: ReadonlyMap<string, SharedArrayBuffer>
    }
  | { readonly kind: 'close' }

/**
 * What one thread opened and another reads or writes too. `fd` is a descriptor of the other's own, given when there is something new; without
 * it the one it has is still good.
 */
export type SharedDevices = {
  readonly sockets: readonly { readonly local: Endpoint; readonly fd?: number }[]
  readonly tunnels: readonly {
    readonly name: string
    readonly interfaceName: string
    readonly index: number
    readonly offloads: TunOffloads
    readonly fd?: number
  }[]
}

/** Which part of the work a thread has: all of it, what the host sends, or what the network brings. */
export type Role = 'both' | 'outbound' | 'inbound'

/** From the worker to the main thread. */
export type FromWorker =
  /** `devices`, where another thread needs them. */
  | { readonly kind: 'configured'; readonly id: number; readonly devices?: SharedDevices }
  | {
      readonly kind: 'not-configured'
      readonly id: number
      readonly message: string
      readonly devices?: SharedDevices
    }
  | { readonly kind: 'path-mtu'; readonly remote: Endpoint; readonly mtu: number }
  | { readonly kind: 'echo-shown'; readonly tunnel: string; readonly address: Uint32Array }
  /** What the tunnels of this lane need of the routes, which another one lays. */
  | { readonly kind: 'plan'; readonly tunnels: readonly PlannedTunnel[] }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'event'; readonly event: Exclude<DataPlaneEvent, IkeDatagram> }
  /** `trusted`: it goes before the others that wait. */
  | { readonly kind: 'ike'; readonly trusted: boolean; readonly event: IkeDatagram }
  | { readonly kind: 'closed' }

/** What the worker is started with. */
export type WorkerData = {
  readonly role: Role
  /** Of the packets from the network. */
  readonly share: SpiShare
  /** Of the eventfd that wakes it. */
  readonly wakeFd: number
  /** `GLOBAL_COUNTER_FIELDS` float64 long. */
  readonly globalCounters: SharedArrayBuffer
}

export const TunnelCounter = {
  mtu: 0,
  noSa: 1,
  noPolicy: 2,
  tooBig: 3,
  probes: 4,
  /** Refused by this host, counted by the thread that sends; */
  notSent: 5,
  /** and by one that only opens packets: no field has two writers. */
  notTaken: 6,
  /** What segments of TCP have to fit into; less than `mtu` where the device cannot be so narrow. */
  mtuInside: 7,
} as const
export const TUNNEL_COUNTER_FIELDS = 8

export const GlobalCounter = {
  unknownSpi: 0,
  malformed: 1,
  ikeOverflow: 2,
  notSent: 3,
  /** IKE datagrams that the main thread has taken; the one field that it writes. */
  ikeTaken: 4,
  /** 1 as soon as routes of ours may stand in the host's tables; before that they are another process's. */
  routesAreOurs: 5,
  /** Dropped by filters for clear packets that stand no longer; the one that stands is asked. */
  cameInClear: 6,
  notReceived: 7,
} as const
export const GLOBAL_COUNTER_FIELDS = 8

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
