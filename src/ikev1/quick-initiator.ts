import type { KeyPair } from '#crypto/port'
import type { ChildId, EspSpi } from '#esp/sa'
import type { Datagram, IkeContext } from '#ike/version'
import { equalSelectorPair, formatSelectorPair, type SelectorPair } from '#policy/traffic-selector'
import type { IkeHeader } from '#wire/ike-header'
import { conclude, inboundSa, outboundSa } from './child-sa.ts'
import { tellLifetime } from './peer-habits.ts'
import { boundTo, freshMessageId } from './phase2-channel.ts'
import { asksToCommit } from './protect.ts'
import {
  EXCHANGE_TIME,
  NONCE_OCTETS,
  type QuickExchange,
  type QuickHost,
} from './quick-exchange.ts'
import {
  type ChildRequest,
  type ChildTerms,
  message1,
  type QuickState,
  readMessage2,
  wishOf,
} from './transitions/quick-mode.ts'

/** Begins Quick mode for a network pair: message 1, or first the key pair that PFS needs. */
export function initiate(
  host: QuickHost,
  child: ChildId,
  rekeyOf: EspSpi | undefined,
  context: IkeContext,
): void {
  const written = host.tunnel.networks[child.pair]
  // What the peer narrowed when it began is all it would agree to again.
  const renewsPart = host.tunnel.narrow === 'allow' && rekeyOf !== undefined
  const selectors = (renewsPart ? context.selectorsOf(child) : undefined) ?? written
  if (selectors === undefined) return
  const messageId = freshMessageId(context)
  const wish = wishOf(host.tunnel, host.udp())
  const request: ChildRequest = {
    child,
    selectors,
    wish,
    ownSpi: context.freshSpi(child.tunnel),
    nonceI: context.crypto.random(NONCE_OCTETS),
    ...(rekeyOf === undefined ? {} : { rekeyOf }),
  }
  const begun: QuickExchange = {
    messageId,
    role: 'initiator',
    child,
    state: { kind: 'generating', request },
    iv: host.channel.firstIv(messageId, context),
    startedAt: context.now,
    forgetAt: context.now + EXCHANGE_TIME,
  }
  if (wish.pfs === 'none') sendMessage1(host, begun, request, undefined, context)
  else host.ask(begun, { kind: 'generate-key-pair', group: wish.pfs }, context)
}

export function sendMessage1(
  host: QuickHost,
  exchange: QuickExchange,
  request: ChildRequest,
  own: KeyPair | undefined,
  context: IkeContext,
): void {
  const { offer, payloads } = message1(request, own, host.sa)
  const state: QuickState = {
    kind: 'offered',
    request,
    offer,
    ...(own === undefined ? {} : { own }),
  }
  const bound = boundTo(exchange.messageId)
  host.send({ ...exchange, state }, 1, payloads, bound, 'repeated', context)
}

/** @throws MalformedMessage, PeerViolation */
export function handleMessage2(
  host: QuickHost,
  exchange: QuickExchange<Extract<QuickState, { kind: 'offered' }>>,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): void {
  const { state, iv, messageId } = exchange
  const bound = boundTo(messageId, state.request.nonceI)
  const { payloads, hashed, nextIv } = host.channel.open(datagram, header, iv, bound, context)
  const { terms, peerPublic } = readMessage2(payloads, state)
  if (!equalSelectorPair(terms.selectors, state.request.selectors))
    tellNarrowed(host, state.request.selectors, terms, context)
  tellLifetime(host, terms, payloads, context)
  host.tellReceived(exchange, 2, hashed, datagram, context)
  const { retransmission: _, ...rest } = exchange
  const read: QuickExchange = {
    ...rest,
    iv: nextIv,
    commit: exchange.commit === true || asksToCommit(header),
    received: datagram.octets,
    message2: { iv, bound, confirms: boundOf3(messageId, terms) },
    state: { kind: 'agreeing', terms },
  }
  if (peerPublic === undefined || state.own === undefined || terms.wish.pfs === 'none') {
    sendMessage3(host, read, terms, undefined, context)
    return
  }
  const { own } = state
  host.ask(read, { kind: 'agree', group: terms.wish.pfs, own, peerPublic }, context)
}

/** RFC 2409 §5.5 knows no narrowing, yet some gateways answer with less: what is left works, the rest would be dropped there. */
function tellNarrowed(
  { tunnel }: QuickHost,
  asked: SelectorPair,
  { selectors }: ChildTerms,
  context: IkeContext,
): void {
  const [theirs, ours] = [selectors, asked].map(formatSelectorPair)
  const text = `CW-401 ${tunnel.name} accepts no more than ${theirs} of ${ours}, and the rest is not carried: make networks the same on both sides`
  context.tell({ kind: 'warning', tunnel: tunnel.name, text })
}

/** The inbound SA opens, and the responder hears that we are ready. */
export function sendMessage3(
  host: QuickHost,
  exchange: QuickExchange,
  terms: ChildTerms,
  sharedSecret: Uint8Array | undefined,
  context: IkeContext,
): void {
  const inbound = inboundSa(host, terms, sharedSecret, 'initiator', context)
  const outbound = outboundSa(host, terms, sharedSecret, 'initiator', context)
  const bound = boundOf3(exchange.messageId, terms)
  host.send({ ...exchange, state: { kind: 'done' } }, 3, [], bound, 'once', context, inbound)
  const sent = host.exchange(exchange.messageId)
  if (sent !== undefined) host.commit(conclude(host, sent, terms, outbound, context))
}

/**
 * Another copy of message 2: its sender lacks message 3. Padding is not hashed, so the copies may differ, and message 3 goes on from the last block
 * of the one that is answered. @throws MalformedMessage, PeerViolation
 */
export function confirmAgain(
  host: QuickHost,
  exchange: QuickExchange,
  { iv, bound, confirms }: NonNullable<QuickExchange['message2']>,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): void {
  const { nextIv } = host.channel.open(datagram, header, iv, bound, context)
  const again = { ...exchange, iv: nextIv, received: datagram.octets }
  host.send(again, 3, [], confirms, 'once', context)
}

function boundOf3(
  messageId: number,
  { nonceI, nonceR }: Pick<ChildTerms, 'nonceI' | 'nonceR'>,
): readonly Uint8Array[] {
  return [Uint8Array.of(0), ...boundTo(messageId, nonceI, nonceR)]
}
