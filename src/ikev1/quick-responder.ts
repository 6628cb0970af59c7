import type { Answer } from '#ike/effects'
import { NoAgreement } from '#ike/errors'
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import type { Payload, SaPayload } from '#wire/v1/payloads'
import { conclude, inboundSa, outboundSa } from './child-sa.ts'
import { sendInformational } from './informational.ts'
import { childNotify } from './notify.ts'
import { boundTo } from './phase2-channel.ts'
import { asksToCommit } from './protect.ts'
import {
  EXCHANGE_TIME,
  NONCE_OCTETS,
  type QuickExchange,
  type QuickHost,
} from './quick-exchange.ts'
import { chooseChild } from './quick-proposals.ts'
import {
  type ChildTerms,
  message2,
  type QuickState,
  readMessage1,
  wishOf,
} from './transitions/quick-mode.ts'

/**
 * The peer begins: message 2, or first the key agreement that PFS needs, or a refusal.
 * @returns whether the message was truly the peer's. @throws MalformedMessage, PeerViolation
 */
export function handleMessage1(
  host: QuickHost,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): boolean {
  const { messageId } = header
  if (host.full) {
    host.channel.drop(datagram, 'admission', 'too many Quick mode exchanges under way', context)
    return false
  }
  const iv = host.channel.firstIv(messageId, context)
  const { payloads, hashed, nextIv } = host.channel.open(
    datagram,
    header,
    iv,
    boundTo(messageId),
    context,
  )
  const begun = {
    messageId,
    role: 'responder',
    iv: nextIv,
    commit: asksToCommit(header),
    received: datagram.octets,
    startedAt: context.now,
    forgetAt: context.now + EXCHANGE_TIME,
  } as const
  host.tellReceived(begun, 1, hashed, datagram, context)
  try {
    const nonceR = context.crypto.random(NONCE_OCTETS)
    const { tunnel, sa } = host
    const spi = context.freshSpi(tunnel.name)
    const served = (pair: number) => context.selectorsOf({ tunnel: tunnel.name, pair })
    const vendor = sa.facts()?.peerVendor
    const read = readMessage1(payloads, tunnel, host.udp(), sa, vendor, spi, nonceR, served)
    const { terms, answer, peerPublic } = read
    const state: QuickState = { kind: 'answering', terms, answer }
    const exchange: QuickExchange = { ...begun, child: terms.child, state }
    const { pfs } = terms.wish
    if (peerPublic === undefined || pfs === 'none') {
      sendMessage2(host, exchange, terms, answer, undefined, context)
    } else host.ask(exchange, { kind: 'generate-and-agree', group: pfs, peerPublic }, context)
  } catch (error) {
    if (!(error instanceof NoAgreement)) throw error
    refuse(host, begun, payloads, error, context)
  }
  return true
}

/** The inbound SA opens: the initiator may use it as soon as it reads this. */
export function sendMessage2(
  host: QuickHost,
  exchange: QuickExchange,
  terms: ChildTerms,
  answer: SaPayload,
  agreed: Extract<Answer, { kind: 'agreed' }> | undefined,
  context: IkeContext,
): void {
  const secret = agreed === undefined ? {} : { sharedSecret: agreed.sharedSecret }
  const inbound = inboundSa(host, terms, agreed?.sharedSecret, 'responder', context)
  const payloads = message2(terms, answer, agreed?.own, host.sa)
  const bound = boundTo(exchange.messageId, terms.nonceI)
  const state: QuickState = { kind: 'answered', terms, ...secret }
  host.send({ ...exchange, state }, 2, payloads, bound, 'repeated', context, inbound)
}

/** The initiator is ready: now we send on the new SA, too. @throws MalformedMessage, PeerViolation */
export function handleMessage3(
  host: QuickHost,
  exchange: QuickExchange<Extract<QuickState, { kind: 'answered' }>>,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): void {
  const { terms, sharedSecret } = exchange.state
  const bound = [Uint8Array.of(0), ...boundTo(exchange.messageId, terms.nonceI, terms.nonceR)]
  const { hashed, nextIv } = host.channel.open(datagram, header, exchange.iv, bound, context)
  host.tellReceived(exchange, 3, hashed, datagram, context)
  const outbound = outboundSa(host, terms, sharedSecret, 'responder', context)
  const { retransmission: _, sent: __, ...rest } = exchange
  const read: QuickExchange = {
    ...rest,
    iv: nextIv,
    received: datagram.octets,
    commit: exchange.commit === true || asksToCommit(header),
  }
  host.commit(conclude(host, read, terms, outbound, context))
}

/** The notify goes in an Informational exchange of its own (RFC 2408 §5.14); the initiator's repeats are absorbed. */
function refuse(
  host: QuickHost,
  begun: Omit<QuickExchange, 'state'>,
  payloads: readonly Payload[],
  error: NoAgreement,
  context: IkeContext,
): void {
  const offer = payloads.find((payload) => payload.type === 'SA')
  const spi = offer?.proposals[0]?.spi ?? new Uint8Array(0)
  const name = error.code === 'no-selectors' ? 'INVALID-ID-INFORMATION' : 'NO-PROPOSAL-CHOSEN'
  host.commit({ ...begun, state: { kind: 'done' } })
  sendInformational(host.channel, [childNotify(name, spi)], context)
  const { sa } = host
  if (host.refusals.isAskedBeside(payloads, context.now)) return
  const { failure, pair: askedPair } = error
  context.outcomes.push({
    kind: 'child-failed',
    sa,
    child: undefined,
    failure,
    ...(askedPair === undefined ? {} : { askedPair }),
  })
  // No hash covers the NAT-D payloads (RFC 3947 §3.2): once the two ends judge differently, only another phase 1 makes them agree.
  if (offer?.type === 'SA' && differsInNat(host, offer, context)) sa.close('failed', [], context)
}

function differsInNat({ tunnel, udp }: QuickHost, offer: SaPayload, context: IkeContext): boolean {
  const otherwise = wishOf(tunnel, udp() === false ? 'rfc3947' : false)
  return chooseChild(offer, otherwise, context.freshSpi(tunnel.name)) !== undefined
}
