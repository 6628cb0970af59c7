import { z } from 'zod'
import type { Endpoint } from '#bytes/ip'
import type { ConfigChanges } from '#config/changes'
import type { Event, TunnelSnapshot } from '#ike/events'
import type { NetworkStatus, StatusDocument, Timestamp } from './status.ts'
import type { TraceDocument, TracedPacket } from './trace.ts'

/** Grows when a field changes its meaning; additions leave it. */
export const CONTROL_SCHEMA = 1

/** A request longer than this is refused and its connection closed. */
export const MAX_REQUEST_OCTETS: number = 64 * 1024

/** A day: long enough for every maintenance window. */
export const MAX_CONFIRM_SECONDS = 86_400

type Patterns = readonly string[]

/**
 * What a client may ask: one JSON object a line. `tunnels` are names or globs (`paris-*`); each request is answered by
 * exactly one line with its `id`, so several may be under way on one connection.
 */
export type Request = { readonly id: number } & Command

export type Command =
  | { readonly command: 'status'; readonly tunnels?: Patterns | undefined }
  | { readonly command: 'up'; readonly tunnels: Patterns }
  | { readonly command: 'down'; readonly tunnels: Patterns }
  /** Whether the peer is there: asked at once, and answered by an event `peer-alive`. */
  | { readonly command: 'ask-peer'; readonly tunnels: Patterns }
  | { readonly command: 'rekey'; readonly tunnels: Patterns; readonly phase?: 1 | 2 | undefined }
  /** With `confirmWithin` (seconds), what was before comes back unless `confirm` is said in time. */
  | { readonly command: 'reload'; readonly confirmWithin?: number | undefined }
  /** What `reload` would change. */
  | { readonly command: 'diff' }
  | { readonly command: 'confirm' }
  /** Back to the configuration before. */
  | { readonly command: 'undo' }
  /** Past events, oldest first. */
  | { readonly command: 'log'; readonly tunnels?: Patterns | undefined }
  /** From now on every event goes to this connection, with the `id` of this request. */
  | { readonly command: 'subscribe'; readonly tunnels?: Patterns | undefined }
  /** Where a packet would go; addresses are of one family, ports 0 where there are none. */
  | ({ readonly command: 'trace' } & TracedPacket)
  /** The IKE datagrams kept of tunnels, oldest first. */
  | { readonly command: 'datagrams'; readonly tunnels: Patterns }
  /** Writes the keys in use into a folder of the gateway's own user; they do not cross the socket. */
  | { readonly command: 'keys'; readonly tunnels: Patterns; readonly folder: string }
  | { readonly command: 'shutdown' }

const names = z.array(z.string().min(1).max(200)).max(1_000)
const id = z.number().int().nonnegative()
const portNumber = z.number().int().min(0).max(65_535)

export const requestSchema: z.ZodType<Request> = z.discriminatedUnion('command', [
  z.strictObject({ id, command: z.literal('status'), tunnels: names.optional() }),
  z.strictObject({ id, command: z.literal('up'), tunnels: names }),
  z.strictObject({ id, command: z.literal('down'), tunnels: names }),
  z.strictObject({ id, command: z.literal('ask-peer'), tunnels: names }),
  z.strictObject({
    id,
    command: z.literal('rekey'),
    tunnels: names,
    phase: z.union([z.literal(1), z.literal(2)]).optional(),
  }),
  z.strictObject({
    id,
    command: z.literal('reload'),
    confirmWithin: z.number().int().min(1).max(MAX_CONFIRM_SECONDS).optional(),
  }),
  z.strictObject({ id, command: z.literal('diff') }),
  z.strictObject({ id, command: z.literal('confirm') }),
  z.strictObject({ id, command: z.literal('undo') }),
  z.strictObject({ id, command: z.literal('log'), tunnels: names.optional() }),
  z.strictObject({ id, command: z.literal('subscribe'), tunnels: names.optional() }),
  z.strictObject({
    id,
    command: z.literal('trace'),
    source: z.string().max(50),
    destination: z.string().max(50),
    protocol: z.number().int().min(0).max(255),
    sourcePort: portNumber,
    destinationPort: portNumber,
  }),
  z.strictObject({ id, command: z.literal('datagrams'), tunnels: names }),
  z.strictObject({
    id,
    command: z.literal('keys'),
    tunnels: names,
    folder: z.string().startsWith('/').max(4_096),
  }),
  z.strictObject({ id, command: z.literal('shutdown') }),
])

/** What each command answers. */
export type Results = {
  readonly status: StatusDocument
  readonly up: { readonly tunnels: readonly TunnelState[] }
  readonly down: { readonly tunnels: readonly TunnelState[] }
  readonly 'ask-peer': { readonly tunnels: readonly TunnelState[] }
  readonly rekey: { readonly tunnels: readonly TunnelState[] }
  readonly reload: ReloadResult
  readonly diff: DiffResult
  readonly confirm: ConfirmResult
  readonly undo: ReloadResult
  readonly log: { readonly events: readonly ToldEvent[] }
  readonly subscribe: Record<string, never>
  readonly trace: TraceDocument
  readonly datagrams: { readonly datagrams: readonly KeptDatagram[] }
  /** How many SAs of each kind have a row now, and how many rows are new. */
  readonly keys: { readonly ike: number; readonly esp: number; readonly added: number }
  readonly shutdown: Record<string, never>
}

/** An IKE message as it was on the wire, without the non-ESP marker. */
export type KeptDatagram = {
  readonly at: Timestamp
  readonly tunnel: string
  readonly direction: 'sent' | 'received'
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly octets: Uint8Array
}

/** A tunnel's state when the command was taken, before it had any effect. */
export type TunnelState = {
  readonly tunnel: string
  readonly state: TunnelSnapshot['state']
  readonly since: Timestamp
  readonly networks: readonly NetworkStatus[]
}

export type ReloadResult =
  | {
      readonly outcome: 'applied'
      readonly added: readonly string[]
      readonly changed: readonly string[]
      readonly removed: readonly string[]
      readonly unchanged: readonly string[]
      /** When what was before comes back, unless it is confirmed. */
      readonly confirmBy?: Timestamp
    }
  /** The running configuration stays. `problems` is text for people, `count` how many errors. */
  | { readonly outcome: 'refused'; readonly problems: string; readonly count: number }

/** Secrets are never shown, only that they differ. */
export type DiffResult =
  | { readonly outcome: 'read'; readonly changes: ConfigChanges; readonly problems: string }
  | { readonly outcome: 'refused'; readonly problems: string; readonly count: number }

export type ConfirmResult = { readonly outcome: 'confirmed' | 'nothing-to-confirm' }

/** What a subscriber and `log` get: the engine's events, and the daemon's word on the state of a tunnel. */
export type ToldEvent = {
  readonly sequence: number
  readonly at: Timestamp
  readonly event: Event | StateEvent
  /** Of a failure: the line of the configuration that decides. */
  readonly line?: { readonly file: string; readonly line: number; readonly column: number }
}

export type StateEvent = {
  readonly kind: 'state'
  readonly tunnel: string
  readonly state: TunnelSnapshot['state']
}

export type ControlError = {
  readonly code:
    | 'bad-request'
    | 'unknown-tunnel'
    | 'not-permitted'
    | 'busy'
    | 'stopping'
    | 'internal'
  readonly message: string
}

/** Everything a server sends, one JSON object a line. */
export type Reply =
  | { readonly schema: 1; readonly id: number; readonly result: unknown }
  | { readonly schema: 1; readonly id: number | null; readonly error: ControlError }
  | { readonly schema: 1; readonly id: number; readonly event: ToldEvent }
