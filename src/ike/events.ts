import type { Endpoint } from '#bytes/ip'
import type { Assignment } from '#config/config'
import type { ChildId, EspEncapsulation, EspSpi } from '#esp/sa'
import type { EspSuite, IkeSuite, Lifetime, Pfs } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'
import type { Payload } from '#wire/v1/payloads'

/** Everything the engine says about itself; logs, `up`, the demo's ladder and the tests are made from these. No secrets. */
export type Event =
  | MessageEvent
  | { readonly kind: 'ike-sa-established'; readonly tunnel: string; readonly ikeSa: IkeSaFacts }
  | {
      readonly kind: 'child-sa-established'
      readonly tunnel: string
      readonly childSa: ChildSaFacts
      readonly rekeyOf?: EspSpi
    }
  | {
      readonly kind: 'ike-sa-closed'
      readonly tunnel: string
      readonly initiatorSpi: string
      readonly why: CloseReason
    }
  | {
      readonly kind: 'child-sa-closed'
      readonly tunnel: string
      readonly child: ChildId
      readonly inboundSpi: EspSpi
      readonly outboundSpi: EspSpi
      readonly why: CloseReason
    }
  /** A negotiation ended without an SA, or the peer refused one; `retryAt` is when the gateway tries again. */
  | {
      readonly kind: 'negotiation-failed'
      readonly tunnel: string
      readonly phase: 1 | 2
      /** Of phase 2: the network pair, where it can be told. */
      readonly pair?: number
      readonly failure: Failure
      readonly retryAt?: number
    }
  /** A message of ours is sent again and again: told once, while there is still time for an answer. */
  | ({ readonly kind: 'message-unanswered'; readonly tunnel: string } & UnansweredMessage)
  /** The peer, or someone in its name, said no in clear: shown at once, but the negotiation goes on until its time is up. */
  | { readonly kind: 'refusal-hinted'; readonly tunnel: string; readonly failure: Failure }
  | {
      readonly kind: 'nat-detected'
      readonly tunnel: string
      readonly local: boolean
      readonly remote: boolean
    }
  | { readonly kind: 'peer-alive'; readonly tunnel: string; readonly roundTrip: number }
  /** A datagram or message that was dropped; `tunnel` where it could be told. */
  | {
      readonly kind: 'dropped'
      readonly tunnel?: string
      readonly remote: Endpoint
      readonly reason: DropReason
      readonly detail: string
    }
  /** Everything that first shows at a rekey, or with large packets, has been tried; `after` milliseconds since it came up. */
  | { readonly kind: 'tunnel-proven'; readonly tunnel: string; readonly after: number }
  /** The daemon's word: a tunnel that is up does not carry what it should. */
  | { readonly kind: 'traffic-degraded'; readonly tunnel: string; readonly failure: Failure }
  /** The daemon's word: something happened to a tunnel that had been working. */
  | { readonly kind: 'incident'; readonly tunnel: string; readonly failure: Failure }
  /** Either of these has passed; `lasted` in milliseconds. */
  | {
      readonly kind: 'recovered'
      readonly tunnel: string
      readonly code: string
      readonly lasted: number
    }
  /** The wall clock of this host was set, by so many milliseconds. */
  | { readonly kind: 'clock-jumped'; readonly by: number }
  /** Something the peer does that is allowed, or harmless, and unusual: told for whoever wonders. */
  | {
      readonly kind: 'peer-habit'
      readonly tunnel: string
      readonly code: string
      readonly text: string
    }
  /** The same but for parts that the peer gives no means to show. */
  | {
      readonly kind: 'proof-incomplete'
      readonly tunnel: string
      readonly after: number
      readonly seen: readonly ProofPart[]
      readonly unshown: readonly ProofPart[]
    }
  /** Outer packets above `octets` vanish and nobody says so; packets inside have at most `inner` from now on. */
  | {
      readonly kind: 'path-limited'
      readonly tunnel: string
      readonly octets: number
      readonly inner: number
    }
  /** They pass again up to `octets`, which is what the host says. */
  | { readonly kind: 'path-widened'; readonly tunnel: string; readonly octets: number }
  | { readonly kind: 'warning'; readonly tunnel: string; readonly text: string }
  /** A mistake in this program; the input that showed it was dropped. */
  | { readonly kind: 'defect'; readonly detail: string }
  | {
      readonly kind: 'configured'
      readonly added: readonly string[]
      readonly changed: readonly string[]
      readonly removed: readonly string[]
      readonly unchanged: readonly string[]
    }

export type ExchangeName = 'main' | 'aggressive' | 'quick' | 'informational' | 'transaction'

/** One IKE message as it went over the wire, decoded. */
export type MessageEvent = {
  readonly kind: 'message'
  readonly tunnel: string
  readonly direction: 'sent' | 'received'
  readonly exchange: ExchangeName
  /** Of this exchange: whether we began it. */
  readonly role: 'initiator' | 'responder'
  /** Place in its exchange, from 1. */
  readonly number: number
  readonly messageId: number
  readonly initiatorSpi: string
  readonly responderSpi: string
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly octets: number
  readonly encrypted: boolean
  /** 0 for the first time, then counting retransmissions. */
  readonly repeat: number
  readonly payloads: readonly Payload[]
  /** In SA payloads of phase 1 and Quick mode: what this side understood of them. */
  readonly note?: string
}

export type IkeSaFacts = {
  readonly initiatorSpi: string
  readonly responderSpi: string
  readonly role: 'initiator' | 'responder'
  readonly version: 'IKEv1'
  readonly exchange: 'Main mode' | 'Aggressive mode'
  readonly suite: IkeSuite
  readonly lifetime: Lifetime
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly localId: string
  readonly remoteId: string
  readonly peerVendor?: string
  /** What the peer proved itself with; `notAfter` in milliseconds since 1970, no Instant. */
  readonly peerCertificate?: { readonly subject: string; readonly notAfter: number }
  readonly nat: { readonly local: boolean; readonly remote: boolean }
  /** Whom the peer logged in as by XAUTH. */
  readonly user?: string
  /** What the peer gave us by Mode Config. */
  readonly assigned?: Assignment
  readonly establishedAt: number
  readonly rekeyAt: number
  readonly expiresAt: number
}

export type ChildSaFacts = {
  readonly child: ChildId
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
  readonly suite: EspSuite
  readonly pfs: Pfs
  readonly mode: 'tunnel' | 'transport'
  readonly encapsulation: EspEncapsulation
  readonly selectors: SelectorPair
  readonly lifetime: Lifetime
  readonly establishedAt: number
  readonly rekeyAt: number
  readonly expiresAt: number
  readonly state: 'active' | 'draining'
}

export type CloseReason =
  | 'operator'
  | 'peer-deleted'
  | 'expired'
  | 'rekeyed'
  | 'dead-peer'
  | 'reconfigured'
  | 'shutdown'
  | 'peer-restarted'
  | 'failed'

export type DropReason =
  | 'malformed'
  | 'unknown-peer'
  | 'unknown-sa'
  | 'admission'
  | 'undecryptable'
  | 'bad-hash'
  | 'replayed'
  | 'out-of-state'
  | 'unauthenticated'

/** Why a negotiation failed, in the catalogue's terms; `code` such as `CW-201`. */
export type Failure = {
  readonly code: string
  /** One sentence, with both sides' values where they are known. */
  readonly summary: string
  readonly ours?: string
  readonly theirs?: string
  readonly evidence: string
  readonly certainty: 'certain' | 'very likely' | 'possible'
  /** Path of the configuration key that decides, such as `phase1`; its line is in the tunnel's positions. */
  readonly key?: string
  readonly remedy: string
  /** A line to paste that tells more: `causeway probe 203.0.113.200`. */
  readonly findOut?: string
  /** What to write to the peer's administrator, in whole sentences that need nothing of ours to be understood. */
  readonly forPeer?: string
  /** What else it could be, most likely first, three at most. */
  readonly otherCauses?: readonly string[]
}

/** A message of ours that was sent again and has no answer yet. */
export type UnansweredMessage = {
  readonly phase: 1 | 2
  /** Of phase 2: the network pair. */
  readonly pair?: number
  readonly exchange: 'main' | 'aggressive' | 'quick'
  /** Its place in the exchange; those of the peer before it came. */
  readonly message: number
  /** How often, so far. */
  readonly sent: number
  /** Milliseconds since the first time, and until it is given up. */
  readonly waited: number
  readonly remaining: number
  /** What it will have failed of, as far as is known, should no answer come. */
  readonly failure: Failure
}

/** What a tunnel has shown since it came up for the first time. A packet of full size: both ways, or at least to the peer. */
export type ProofPart =
  | 'peer-answered'
  | 'phase-2-rekeyed'
  | 'phase-1-rekeyed'
  | 'full-size-packet'
  | 'full-size-packet-sent'

/** `provenAt`: when all of it had been seen. */
export type ProofFacts = {
  readonly seen: readonly ProofPart[]
  readonly provenAt?: number
  /** What the peer gives no means to show; set when all the rest has been seen. */
  readonly unshown?: readonly ProofPart[]
  readonly failure?: Failure
}

/** What is known of how large packets of a tunnel may be on their way. */
export type PathFacts = {
  /** Of outer packets, and what that leaves for those inside. */
  readonly octets: number
  readonly inner: number
  /** What the host and the routers say, where they are not the ones to know. */
  readonly host: number
  /** Larger ones vanish without a word. */
  readonly blackHole: boolean
  /** Asked through the tunnel, or by liveness probes beside it. */
  readonly by: 'inside' | 'liveness'
  /** How far packets of that size were seen to come; absent while it is being tried. */
  readonly shown?: 'both-ways' | 'outwards' | 'nothing'
  readonly probedAt?: number
}

/** How a network pair fares. What failed last stays known until the pair is up, or renewed. */
export type PairFacts = {
  /** `idle`: nobody wants it now. `failed`: wanted, and the last negotiation came to nothing. */
  readonly state: 'up' | 'connecting' | 'idle' | 'failed'
  readonly failure?: Failure
  /** When it is tried again, where that is later. */
  readonly retryAt?: number
}

/** What an engine knows of one tunnel, for `status`. Times are Instants. */
export type TunnelSnapshot = {
  readonly tunnel: string
  readonly state: 'up' | 'connecting' | 'down' | 'stopped'
  readonly since: number
  readonly ikeSas: readonly IkeSaFacts[]
  readonly childSas: readonly ChildSaFacts[]
  /** One for each network pair of the configuration, in its order. */
  readonly pairs: readonly PairFacts[]
  /** Absent where nothing waits for longer than it should. */
  readonly unanswered?: readonly UnansweredMessage[]
  /** The newest of what has not passed since. */
  readonly lastFailure?: Failure
  readonly failures: number
  readonly rekeys: number
  readonly retryAt?: number
  readonly peerAliveAt?: number
  /** Absent where nothing is to be proven, or the peer began. */
  readonly proof?: ProofFacts
  /** Absent before there was an SA. */
  readonly path?: PathFacts
}
