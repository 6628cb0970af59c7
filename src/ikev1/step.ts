import { concat } from '#bytes/concat'
import type { Endpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { Crypto } from '#crypto/port'
import type { Question } from '#ike/effects'
import type { NatVerdict } from '#ike/nat'
import type { Payload } from '#wire/v1/payloads'
import type { PeerAuthenticated } from './auth.ts'
import type { KeySearch } from './key-search.ts'
import type { Keyed, PeerAbilities, Phase1State } from './state.ts'

/** All a phase 1 transition may know besides its state and the message. */
export type Phase1Environment = {
  readonly crypto: Crypto
  readonly tunnel: TunnelConfig
  readonly cookies: Cookies
  /** Where the message at hand came to and from; for what we send first, the configured ends. */
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly abilities: PeerAbilities
  /** Whether we hold no older SA with this peer, and say so beside our proof as the initiator (RFC 2407 §4.6.3.3). */
  isFirstContact(): boolean
  readonly findKey: KeySearch
}

export type Cookies = {
  readonly initiator: Uint8Array
  readonly responder: Uint8Array
  /** Both, as notifies about the ISAKMP SA carry them. */
  readonly pair: Uint8Array
}

export function cookiesOf(initiator: Uint8Array, responder: Uint8Array): Cookies {
  return { initiator, responder, pair: concat(initiator, responder) }
}

/** What a transition wants: a next state, payloads to send, a question to ask. The SA commits it as a whole or not at all. */
export type Step = {
  readonly next: Phase1State | Authenticated
  /** Sealed with the keys and from the IV of `under`, or in clear. */
  readonly send?: { readonly payloads: readonly Payload[]; readonly under?: Keyed }
  readonly ask?: Question
  readonly nat?: NatVerdict
  readonly initialContact?: boolean
}

/** Both hashes are right; the SA turns it into `established` when the last message's IV is known. */
export type Authenticated = {
  readonly kind: 'authenticated'
  readonly peer: PeerAuthenticated
  readonly from: Keyed
}
