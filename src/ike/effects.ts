import type { Endpoint, IpAddress } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import type { Assignment, Config } from '#config/config'
import type { KeyPair } from '#crypto/port'
import type { KeyExchangeName } from '#crypto/registry'
import type { ChildId, EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import type { Moment } from '#pki/moment'
import type { PrivateKey } from '#pki/node-private-key'
import type { SignatureScheme } from '#pki/signature-scheme'
import type { PeerDemands, PeerEvidence, RefusedPeer, VerifiedPeer } from '#pki/verify-peer'
import type { PacketSummary } from '#policy/packet-summary'
import type { Event } from './events.ts'

/** Milliseconds of a monotonic clock; only differences mean anything. */
export type Instant = number
/** Milliseconds. */
export type Duration = number

/** Everything that can happen to the engine. Plain data: a run is a list of these. */
export type Input =
  | {
      readonly kind: 'datagram'
      readonly octets: Uint8Array
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  /** A deadline asked for by `wake-at` has come; early or doubled ones do no harm. */
  | { readonly kind: 'timer' }
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'acquire'; readonly child: ChildId; readonly packet: PacketSummary }
  | {
      readonly kind: 'sa-expired'
      readonly direction: 'inbound' | 'outbound'
      readonly spi: EspSpi
      readonly hard: boolean
    }
  /** When ESP of the peer last came through a tunnel, as far as it did; told before deadlines are dealt with. */
  | {
      readonly kind: 'traffic'
      readonly heard: readonly { readonly tunnel: string; readonly at: Instant }[]
    }
  /** ESP came for an SPI that is none of ours: the sender holds an SA that we no longer, or never, had. */
  | { readonly kind: 'unknown-spi'; readonly spi: EspSpi; readonly remote: IpAddress }
  | { readonly kind: 'peer-moved'; readonly spi: EspSpi; readonly remote: Endpoint }
  /**
   * How large the outer packets of a tunnel may be as the host and the routers say, and what that, with the limit that holds, leaves
   * for packets inside. Told when there is an SA, when it changes, and after each `limit-path`.
   */
  | {
      readonly kind: 'path'
      readonly tunnel: string
      readonly octets: number
      readonly inner: number
      /** What a packet of 1,280 octets inside makes outside: less would leave IPv6 none to fall back on (RFC 8200 §5). */
      readonly base: number
      readonly limit?: number
    }
  /**
   * What came of a `probe-path`: an answer of the same size, news from the other gateway that it arrived, word of this host that it is
   * too big, or that nothing inside can be asked. Silence is told by nobody.
   */
  | {
      readonly kind: 'path-probed'
      readonly tunnel: string
      readonly id: number
      readonly came: 'back' | 'across' | 'too-big' | 'impossible'
    }
  | {
      readonly kind: 'unreachable'
      readonly remote: Endpoint
      /** Who sent the error, where the kernel knows. */
      readonly reporter?: IpAddress | undefined
      readonly icmpType: number
      readonly icmpCode: number
    }
  /** The answer to an earlier `ask`. */
  | { readonly kind: 'answer'; readonly to: number; readonly answer: Answer }

export type Command =
  /** Replaces the configuration; tunnels that are equal in both keep running untouched. */
  | { readonly kind: 'configure'; readonly config: Config }
  | { readonly kind: 'up'; readonly tunnel: string }
  /** Closes the tunnel and keeps it closed until `up`, or until the peer or a new configuration opens it. */
  | { readonly kind: 'down'; readonly tunnel: string }
  | { readonly kind: 'rekey'; readonly tunnel: string; readonly phase: 1 | 2 }
  /** Asks the peer at once whether it is there, where it knows such questions; `peer-alive` tells of the answer. */
  | { readonly kind: 'ask-peer'; readonly tunnel: string }
  /** Says goodbye to every peer (deletes) and takes nothing more. */
  | { readonly kind: 'shutdown' }

/** Everything the engine can want. Executed in order. */
export type Effect =
  | {
      readonly kind: 'send'
      readonly octets: Uint8Array
      readonly local: Endpoint
      readonly remote: Endpoint
      /** In one piece or not at all, whatever the host believes of the path: what is sent is a question about the path. */
      readonly whole?: true
    }
  /** A packet through the tunnel whose outer one has so many octets, and is answered if anybody inside can. */
  | {
      readonly kind: 'probe-path'
      readonly tunnel: string
      readonly id: number
      readonly octets: number
    }
  /** Outer packets of the tunnel may be so large at most; as large as the host says when absent. */
  | { readonly kind: 'limit-path'; readonly tunnel: string; readonly octets?: number }
  | { readonly kind: 'nat-keepalive'; readonly local: Endpoint; readonly remote: Endpoint }
  | { readonly kind: 'install-sa'; readonly sa: InboundSa | OutboundSa }
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
  /** The tunnel's interface has these addresses from now on, in place of those assigned before. */
  | {
      readonly kind: 'assign-addresses'
      readonly tunnel: string
      readonly assigned: Assignment
    }
  /**
   * Once for each IKE SA, when its keys are derived: before the first message under them leaves, and whether or not the peer then
   * proves itself. For an operator who asked to read the messages; everyone else lets it pass.
   */
  | {
      readonly kind: 'ike-keys'
      readonly tunnel: string
      readonly initiatorSpi: Uint8Array
      readonly cipherKey: Secret
    }
  /**
   * SPIs of ours, each of an IKE SA that we began, that a configured address began, or whose peer has proved itself: what comes for them
   * goes before what anybody could have made up.
   */
  | {
      readonly kind: 'ike-spis'
      readonly come: readonly string[]
      readonly gone: readonly string[]
    }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'tell'; readonly event: Event }
  /** At most one, always last; replaces the one before. */
  | { readonly kind: 'wake-at'; readonly at: Instant }

/** Public-key work, done off the main thread by `daemon/`. */
export type Question =
  | { readonly kind: 'generate-key-pair'; readonly group: KeyExchangeName }
  | {
      readonly kind: 'agree'
      readonly group: KeyExchangeName
      readonly own: KeyPair
      readonly peerPublic: Uint8Array
    }
  /** A responder's two steps in one. */
  | {
      readonly kind: 'generate-and-agree'
      readonly group: KeyExchangeName
      readonly peerPublic: Uint8Array
    }
  /** Our signature over HASH_I or HASH_R. The key is a handle; its octets cross to no thread. */
  | {
      readonly kind: 'sign'
      readonly key: PrivateKey
      readonly scheme: SignatureScheme
      readonly data: Uint8Array
    }
  /**
   * Path, identity, signature and revocation of the peer in one, so that nothing can be established between two of them. The
   * date and what has to be fetched for it are the executor's.
   */
  | {
      readonly kind: 'verify-peer'
      readonly demands: PeerDemands
      readonly evidence: PeerEvidence
    }

export type Answer =
  | { readonly kind: 'key-pair'; readonly own: KeyPair }
  | { readonly kind: 'agreed'; readonly own: KeyPair; readonly sharedSecret: Uint8Array }
  /** `at`: the date, where whoever signed knows it; an engine has none. */
  | { readonly kind: 'signed'; readonly signature: Uint8Array; readonly at?: Moment }
  | VerifiedPeer
  | RefusedPeer
  /** `by`: the peer, whose public value must not be used; else us, who could not do the work. */
  | { readonly kind: 'refused'; readonly reason: string; readonly by?: 'peer' }
