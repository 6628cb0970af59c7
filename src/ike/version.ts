import type { Endpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { Crypto } from '#crypto/port'
import type { ChildId, EspSpi, OutboundSa } from '#esp/sa'
import type { Identity } from '#policy/identity'
import type { Lifetime } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'
import type { IkeHeader } from '#wire/ike-header'
import type { Answer, Effect, Instant, Question } from './effects.ts'
import type {
  ChildSaFacts,
  CloseReason,
  Event,
  Failure,
  IkeSaFacts,
  UnansweredMessage,
} from './events.ts'
import type { ExpectedAnswers } from './expected-answers.ts'
import type { Holder } from './holder.ts'
import type { LookMemory } from './look-memory.ts'
import type { RareWork } from './rare-work.ts'

/** What `ike/` knows of a protocol version; each version exports one such value and the daemon hands them over. */
export interface IkeVersion {
  readonly major: 1 | 2
  /** Begins an IKE SA; the first message is among the context's effects. */
  /** @param along where the peer is known to be; as configured when absent */
  initiate(
    tunnel: TunnelConfig,
    isFirstContact: () => boolean,
    context: IkeContext,
    along?: Ends,
  ): IkeSa
  /** Whether tunnels of this kind are begun by this version. */
  initiates(tunnel: TunnelConfig): boolean
  /** How near a first message comes to a tunnel that does not take it; undefined for what is no first message. */
  likeness(datagram: Datagram, header: IkeHeader, tunnel: TunnelConfig): Likeness | undefined
  /** Whether a first message of this exchange type may open an IKE SA for this tunnel. */
  answers(header: IkeHeader, tunnel: TunnelConfig): boolean
  /** For one engine to keep. */
  firstMessages(): FirstMessages
  /**
   * Makes the responder's IKE SA from a first message, or drops it (told in the context). `tunnels` are those it may be for, at least
   * one; where only the peer's identity can tell, the SA's `tunnel` may change until it is established.
   */
  accept(
    datagram: Datagram,
    header: IkeHeader,
    tunnels: readonly TunnelConfig[],
    context: IkeContext,
  ): IkeSa | undefined
}

/** First messages before there is an SA to keep anything of them; bounded, since nobody has shown who it is. */
export interface FirstMessages {
  /**
   * @param from whether a tunnel names this peer by its address, or takes one from anywhere
   * @returns the message as it is, or the whole that it completes; undefined while something of that is missing
   */
  take(
    datagram: Datagram,
    header: IkeHeader,
    from: 'named' | 'anywhere',
    context: IkeContext,
  ): readonly [Datagram, IkeHeader] | undefined
}

/** What of a first message is not as a tunnel has it, and the identity it shows, if it does. */
export type Likeness = { readonly differs: readonly string[]; readonly identity?: Identity }

/** Ours and the peer's. */
export type Ends = { readonly local: Endpoint; readonly remote: Endpoint }

export type Datagram = Ends & { readonly octets: Uint8Array }

/** One IKE SA. All it wants is left in the context; it never acts. */
export interface IkeSa {
  readonly tunnel: string
  readonly role: 'initiator' | 'responder'
  readonly initiatorSpi: string
  /** All zero until the responder's first message is known. */
  readonly responderSpi: string
  readonly startedAt: Instant
  readonly state: 'negotiating' | 'established' | 'closed'
  /** The remote end as authenticated messages last showed it. */
  readonly local: Endpoint
  readonly remote: Endpoint
  /** Last moment the peer proved to be there. */
  readonly peerAliveAt: Instant
  /** When the peer last answered a question whether it is there, under the keys of this SA. */
  readonly answeredProbeAt: Instant
  /** Who the peer has proven to be, once the SA is established. */
  readonly holder: Holder | undefined
  facts(): IkeSaFacts | undefined
  handleDatagram(datagram: Datagram, header: IkeHeader, context: IkeContext): void
  handleAnswer(id: number, answer: Answer, context: IkeContext): void
  handleDeadline(context: IkeContext): void
  deadline(): Instant | undefined
  /** Begins a Child SA for a network pair; `rekeyOf` names the one it replaces. */
  openChild(child: ChildId, rekeyOf: EspSpi | undefined, context: IkeContext): void
  /** Children being negotiated by us or by the peer. */
  negotiating(): readonly ChildId[]
  /** Messages of ours that the peer has not answered for some time, as far as nothing better is known of why. */
  unanswered(now: Instant): readonly UnansweredRequest[]
  /** Tells the peer that our inbound SAs are gone. */
  deleteChildren(inboundSpis: readonly EspSpi[], context: IkeContext): void
  /** Follows a peer that its NAT moved; where nobody is behind a NAT nothing changes. */
  follow(remote: Endpoint): void
  /** ESP of the peer came: as good as a sign of life (RFC 3706 §5.4). */
  heard(at: Instant): void
  /** Asks the peer whether it is there. @returns whether it knows such questions */
  probe(context: IkeContext): boolean
  /** How the peer can be asked whether large packets reach it; undefined where it cannot. */
  pathProbe(): PathProbe | undefined
  /** Ends without a word, after a defect. */
  abandon(context: IkeContext): void
  /** Tells the peer, where keys exist, and ends; the inbound SAs named are deleted in the same message, so that both news arrive or neither. */
  close(why: CloseReason, inboundSpis: readonly EspSpi[], context: IkeContext): void
}

/** A question to the peer itself whose outer packet has a size of our choosing. */
export type PathProbe = {
  /** The largest there can be of at most so many octets. */
  readonly fit: (octets: number) => number
  /** @returns by what the answer, an outcome `path-probe-answered`, is known */
  readonly send: (octets: number, context: IkeContext) => number
}

/** What happened in a version that the engine must act on. */
export type Outcome =
  | { readonly kind: 'ike-sa-established'; readonly sa: IkeSa }
  /** The peer says it holds no older SA with us (RFC 2407 §4.6.3.3). */
  | { readonly kind: 'initial-contact'; readonly sa: IkeSa }
  /** A first message that suits no configuration; there is no SA. */
  | { readonly kind: 'refused'; readonly tunnel: string; readonly failure: Failure }
  | { readonly kind: 'ike-sa-failed'; readonly sa: IkeSa; readonly failure: Failure }
  | { readonly kind: 'ike-sa-closed'; readonly sa: IkeSa; readonly why: CloseReason }
  | {
      readonly kind: 'child-established'
      readonly sa: IkeSa
      readonly facts: Omit<ChildSaFacts, 'state'>
      readonly role: 'initiator' | 'responder'
      readonly rekeyOf: EspSpi | undefined
      readonly startedAt: Instant
      /** Its inbound counterpart is installed already. */
      readonly outbound: OutboundSa
    }
  | {
      readonly kind: 'child-failed'
      readonly sa: IkeSa
      readonly child: ChildId | undefined
      /** The network pair the peer asked for in vain, where that can be told; nothing of ours failed. */
      readonly askedPair?: number
      readonly failure: Failure
    }
  | {
      readonly kind: 'children-deleted'
      readonly sa: IkeSa
      readonly outboundSpis: readonly EspSpi[]
    }
  /** The peer keeps its end of a Child SA for less than was agreed on. */
  | {
      readonly kind: 'child-shortened'
      readonly sa: IkeSa
      readonly outboundSpi: EspSpi
      readonly lifetime: Partial<Lifetime>
    }
  | { readonly kind: 'peer-moved'; readonly sa: IkeSa }
  | { readonly kind: 'path-probe-answered'; readonly sa: IkeSa; readonly id: number }

/** Values in, lists out: what a version works with during one input. */
export interface IkeContext {
  readonly now: Instant
  readonly crypto: Crypto
  readonly effects: Effect[]
  readonly outcomes: Outcome[]
  /** @returns the id under which the answer will come to the same IKE SA. */
  ask(sa: IkeSa, question: Question): number
  tell(event: Event): void
  /** All that are configured. */
  readonly tunnels: readonly TunnelConfig[]
  readonly rareWork: RareWork
  /** A message from there with this initiator SPI answers a question that belongs to no SA. */
  readonly expected: ExpectedAnswers
  /** An inbound ESP SPI no SA uses, for one of the tunnel. */
  freshSpi(tunnel: string): EspSpi
  /** What the active Child SA of a network pair is for, which may be less than was written. */
  selectorsOf(child: ChildId): SelectorPair | undefined
  /** Who has the tunnel now. */
  holderOf(tunnel: string): Holder | undefined
  /** What second looks at its phase 2 have shown. */
  looksOf(tunnel: string): LookMemory | undefined
}

/** `rekeyOf`: of phase 2, the inbound SPI of the Child SA it renews. */
export type UnansweredRequest = UnansweredMessage & { readonly rekeyOf?: EspSpi }

/** How a tunnel begins phase 1; `along` as for `IkeVersion.initiate`. */
export type Initiate = (
  tunnel: TunnelConfig,
  isFirstContact: () => boolean,
  context: IkeContext,
  along?: Ends,
) => IkeSa
