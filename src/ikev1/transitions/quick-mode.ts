/**
 * Quick mode (RFC 2409 §5.5), all of it under the ISAKMP SA's keys:
 *
 *   1  HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr] -->
 *                                              <-- 2  HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr]
 *   3  HDR*, HASH(3)                           -->
 *
 * The responder opens its inbound SA when it sends message 2, and sends on the outbound one only after message 3 has shown that
 * the initiator is ready; the initiator opens both at message 2.
 */
import type { TunnelConfig } from '#config/config'
import type { KeyPair } from '#crypto/port'
import type { ChildId, EspSpi, OutboundSa } from '#esp/sa'
import { NoAgreement, PeerViolation } from '#ike/errors'
import { every, match } from '#ike/message-rules'
import { covers, type SelectorPair, type TrafficSelector } from '#policy/traffic-selector'
import { selectorFromPayload, selectorToPayload } from '#wire/v1/id-payload'
import type { IdPayload, Payload, SaPayload } from '#wire/v1/payloads'
import { type GatewayEnds, meantBy, originalAddresses } from '../original-addresses.ts'
import { choosePair, type ServedSelectors } from '../pair-choice.ts'
import { noChildProposal } from '../quick-failures.ts'
import {
  type ChildChoice,
  type ChildWish,
  chooseChild,
  offerChild,
  offeredPfs,
  readChildChoice,
  type UdpNumbers,
} from '../quick-proposals.ts'
import { responderLifetime, withResponderLifetime } from '../responder-lifetime.ts'

/** What an initiator asks for; fixed when Quick mode begins. */
export type ChildRequest = {
  readonly child: ChildId
  readonly selectors: SelectorPair
  readonly wish: ChildWish
  readonly ownSpi: EspSpi
  readonly nonceI: Uint8Array
  readonly rekeyOf?: EspSpi
}

/** Everything both sides need to make the Child SA's keys, but the PFS secret. */
export type ChildTerms = {
  readonly child: ChildId
  readonly selectors: SelectorPair
  readonly choice: ChildChoice
  readonly wish: ChildWish
  /** As the initiator sent them, and the responder gives them back: none, or both. */
  readonly ids: readonly IdPayload[]
  readonly ownSpi: EspSpi
  readonly nonceI: Uint8Array
  readonly nonceR: Uint8Array
  readonly rekeyOf?: EspSpi
}

export type QuickState =
  // Initiator
  | { readonly kind: 'generating'; readonly request: ChildRequest }
  | {
      readonly kind: 'offered'
      readonly request: ChildRequest
      readonly offer: SaPayload
      readonly own?: KeyPair
    }
  | { readonly kind: 'agreeing'; readonly terms: ChildTerms }
  // Responder
  | { readonly kind: 'answering'; readonly terms: ChildTerms; readonly answer: SaPayload }
  | { readonly kind: 'answered'; readonly terms: ChildTerms; readonly sharedSecret?: Uint8Array }
  // Both; the peer set the commit bit, and is to say when it is ready
  | { readonly kind: 'committing'; readonly terms: ChildTerms; readonly outbound: OutboundSa }
  // Both; kept for a while because the peer may repeat itself
  | { readonly kind: 'done' }

export function wishOf(tunnel: TunnelConfig, udp: UdpNumbers): ChildWish {
  const { suites, pfs, lifetime } = tunnel.phase2
  return { suites, pfs, lifetime, mode: tunnel.mode, udp }
}

/** Message 1 behind its hash. */
export function message1(
  request: ChildRequest,
  own: KeyPair | undefined,
  ends: GatewayEnds,
): { offer: SaPayload; payloads: Payload[] } {
  const offer = offerChild(request.wish, request.ownSpi)
  return {
    offer,
    payloads: [
      offer,
      { type: 'NONCE', data: request.nonceI },
      ...kePayload(own),
      selectorToPayload(request.selectors.local),
      selectorToPayload(request.selectors.remote),
      ...originalAddresses(request.wish, 'initiator', ends),
    ],
  }
}

/** The responder's reading of message 1. @throws NoAgreement, PeerViolation */
export function readMessage1(
  payloads: readonly Payload[],
  tunnel: TunnelConfig,
  udp: UdpNumbers,
  ends: GatewayEnds,
  vendor: string | undefined,
  ownSpi: EspSpi,
  nonceR: Uint8Array,
  served: ServedSelectors,
): { readonly terms: ChildTerms; readonly answer: SaPayload; readonly peerPublic?: Uint8Array } {
  const { SA, NONCE } = match('Quick mode message 1', payloads, ['SA', 'NONCE'])
  checkNonce(NONCE.data)
  const wish = wishOf(tunnel, udp)
  const [idInitiator, idResponder] = identities(payloads)
  const asked: SelectorPair = {
    remote: meantBy(idInitiator, ends.remote.address, wish),
    local: meantBy(idResponder, ends.local.address, wish),
  }
  const pair = choosePair(tunnel, asked, served, vendor)
  const choice = chooseChild(SA, wish, ownSpi)
  const peerPublic = publicValue(payloads)
  if (choice === undefined || (offeredPfs(SA) !== 'none') !== (peerPublic !== undefined)) {
    throw new NoAgreement('no-proposal', noChildProposal(tunnel, SA, wish, vendor), pair)
  }
  const { answer, ...chosen } = choice
  const child = { tunnel: tunnel.name, pair }
  return {
    terms: {
      child,
      selectors: asked,
      choice: chosen,
      wish,
      ids: every(payloads, 'ID'),
      ownSpi,
      nonceI: NONCE.data,
      nonceR,
    },
    answer,
    ...(peerPublic === undefined ? {} : { peerPublic }),
  }
}

/** Message 2 behind its hash. */
export function message2(
  terms: ChildTerms,
  answer: SaPayload,
  own: KeyPair | undefined,
  ends: GatewayEnds,
): Payload[] {
  return [
    answer,
    { type: 'NONCE', data: terms.nonceR },
    ...kePayload(own),
    ...terms.ids,
    ...originalAddresses(terms.wish, 'responder', ends),
    ...responderLifetime(terms.ownSpi, terms.choice.lifetime),
  ]
}

/** The initiator's reading of message 2. @throws PeerViolation */
export function readMessage2(
  payloads: readonly Payload[],
  { request, offer, own }: Extract<QuickState, { kind: 'offered' }>,
): { readonly terms: ChildTerms; readonly peerPublic?: Uint8Array } {
  const { SA, NONCE } = match('Quick mode message 2', payloads, ['SA', 'NONCE'])
  checkNonce(NONCE.data)
  const choice = readChildChoice(SA, offer, request.wish)
  if (choice === undefined) {
    throw new PeerViolation(
      'no-proposal',
      'Quick mode message 2 chooses what message 1 did not offer',
    )
  }
  const peerPublic = publicValue(payloads)
  if ((own === undefined) !== (peerPublic === undefined)) {
    throw new PeerViolation(
      'missing-payload',
      'Quick mode message 2 and ours differ in having a KE payload',
    )
  }
  const [idInitiator, idResponder] = identities(payloads)
  const selectors = {
    local: answered(idInitiator, request.selectors.local, request.wish),
    remote: answered(idResponder, request.selectors.remote, request.wish),
  }
  if (
    !covers(request.selectors.local, selectors.local) ||
    !covers(request.selectors.remote, selectors.remote)
  ) {
    throw new PeerViolation(
      'no-selectors',
      'Quick mode message 2 answers with networks we did not ask for',
    )
  }
  const { child, wish, ownSpi, nonceI, rekeyOf } = request
  return {
    terms: {
      child,
      wish,
      ownSpi,
      nonceI,
      selectors,
      choice: { ...choice, lifetime: withResponderLifetime(choice.lifetime, payloads) },
      ids: every(payloads, 'ID'),
      nonceR: NONCE.data,
      ...(rekeyOf === undefined ? {} : { rekeyOf }),
    },
    ...(peerPublic === undefined ? {} : { peerPublic }),
  }
}

/** What the responder gave back of a selector we asked for; without identities, just that. */
function answered(
  identity: TrafficSelector | undefined,
  asked: TrafficSelector,
  wish: ChildWish,
): TrafficSelector {
  return identity === undefined ? asked : meantBy(identity, asked.start, wish)
}

function kePayload(own: KeyPair | undefined): readonly Payload[] {
  return own === undefined ? [] : [{ type: 'KE', data: own.publicValue }]
}

function publicValue(payloads: readonly Payload[]): Uint8Array | undefined {
  const [first, second] = every(payloads, 'KE')
  if (second !== undefined)
    throw new PeerViolation('repeated-payload', 'Quick mode has more than one KE payload')
  return first?.data
}

/** IDci and IDcr in this order, or neither. @throws PeerViolation for one alone, and for what names no addresses. */
function identities(payloads: readonly Payload[]) {
  const ids = every(payloads, 'ID')
  if (ids.length === 0) return []
  if (ids.length !== 2)
    throw new PeerViolation(
      'wrong-payload-content',
      `Quick mode has ${ids.length} ID payloads, not two`,
    )
  return ids.map((id) => {
    const selector = selectorFromPayload(id)
    if (selector === undefined) {
      throw new PeerViolation('no-selectors', `an ID of type ${id.idType} names no addresses`)
    }
    return selector
  })
}

/** RFC 2409 §5: between 8 and 256 octets. */
function checkNonce(nonce: Uint8Array): void {
  if (nonce.length < 8 || nonce.length > 256) {
    throw new PeerViolation(
      'wrong-payload-content',
      `a nonce has ${nonce.length} octets; 8 to 256 are allowed`,
    )
  }
}
