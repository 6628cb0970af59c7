import type { TunnelConfig } from '#config/config'
import { type EspSpi, espSpi } from '#esp/sa'
import { ExchangeType, NotifyType } from '#iana/isakmp'
import type { Instant } from '#ike/effects'
import type { Datagram, IkeContext, IkeSa, PathProbe } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import type { NotificationPayload } from '#wire/v1/payloads'
import { DeadPeerWatch, numberOf } from './dead-peer.ts'
import { deleteMessages, readInformational, sendInformational } from './informational.ts'
import { refuseNewGroup } from './new-group-mode.ts'
import { phase1Notify } from './notify.ts'
import { paddedLiveness } from './path-probe.ts'
import type { Phase2Channel } from './phase2-channel.ts'
import { QuickExchanges } from './quick-exchanges.ts'
import type { UdpNumbers } from './quick-proposals.ts'
import {
  childLifetime,
  isResponderLifetime,
  withPhase1ResponderLifetime,
} from './responder-lifetime.ts'
import type { SaLife } from './sa-life.ts'
import type { Transactions } from './transactions.ts'
import { readUnserved } from './unserved-transaction.ts'

type Options = {
  readonly udp: () => UdpNumbers
  readonly peerKnowsDpd: boolean
  /** Of the ISAKMP SA. */
  readonly life: SaLife
  /** Of tunnels that have XAUTH or Mode Config. */
  readonly transactions: Transactions | undefined
}

/** What runs under an established ISAKMP SA: Quick mode, Informational exchanges, dead peer detection. */
export class Phase2 {
  readonly quick: QuickExchanges
  readonly life: SaLife
  readonly #sa: IkeSa
  readonly #channel: Phase2Channel
  readonly #transactions: Transactions | undefined
  #deadPeer: DeadPeerWatch | undefined
  /** Of a peer that asks us and did not say that it knows such questions: whether it answers one. */
  #tryout: DeadPeerWatch | undefined
  readonly #limits: TunnelConfig['deadPeer']
  /** Message IDs that began an exchange; one is never accepted twice, whatever it carried (RFC 2408 §5.1 wants replays met, and does not say how). */
  readonly #seen = new Set<string>()
  #aliveAt: Instant
  /** The last fresh message under these keys; ESP says nothing about them. */
  #messageAt: Instant
  /** The peer does not answer under these keys, though it may live. */
  #unanswered = false
  #answeredProbeAt = Number.NEGATIVE_INFINITY
  #closedByPeer = false
  #initialContact = false
  #refusedWith: number | undefined

  constructor(
    sa: IkeSa,
    tunnel: TunnelConfig,
    channel: Phase2Channel,
    options: Options,
    context: IkeContext,
  ) {
    this.#sa = sa
    this.#channel = channel
    this.#transactions = options.transactions
    this.life = options.life
    this.quick = new QuickExchanges(sa, tunnel, channel, options.udp)
    this.#limits = tunnel.deadPeer
    this.#deadPeer = options.peerKnowsDpd ? new DeadPeerWatch(tunnel.deadPeer, context) : undefined
    this.#aliveAt = context.now
    this.#messageAt = context.now
  }

  get aliveAt(): Instant {
    return this.#aliveAt
  }

  get answeredProbeAt(): Instant {
    return this.#answeredProbeAt
  }

  /** The peer deleted this ISAKMP SA, or never took it for one. */
  get closedByPeer(): boolean {
    return this.#closedByPeer
  }

  /** The word by which it did not take it for one, where it said any. */
  get refusedWith(): number | undefined {
    return this.#refusedWith
  }

  /** The peer said so before its login, until which that counts for nothing. */
  get initialContact(): boolean {
    return this.#initialContact
  }

  /** ESP of the peer came. */
  heard(at: Instant): void {
    this.#aliveAt = Math.max(this.#aliveAt, at)
    this.#deadPeer?.heard(at)
  }

  /** So many Message IDs, or so much of its volume, are used up, or the peer seems to have lost the keys: the SA should be replaced before its time. */
  get worn(): boolean {
    return (
      this.#unanswered ||
      this.#seen.size >= MAX_SEEN / 2 ||
      this.life.isWornBy(this.#channel.octets)
    )
  }

  /** All of its volume is used up. */
  get spent(): boolean {
    return this.life.isSpentBy(this.#channel.octets)
  }

  /** @returns whether the message was new and truly the peer's. */
  handle(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const { exchangeType, messageId } = header
    const exchanges = this.#exchangesOf(exchangeType)
    const ongoing = exchanges?.has(messageId) === true
    const key = `${exchangeType}/${messageId}`
    if (messageId === 0 || (!ongoing && (this.#seen.has(key) || this.#seen.size >= MAX_SEEN))) {
      this.#channel.drop(datagram, 'replayed', `Message ID ${messageId} was used before`, context)
      return false
    }
    const fresh =
      exchanges?.handle(datagram, header, context) ?? this.#handleSingle(datagram, header, context)
    if (!fresh) return false
    this.#seen.add(key)
    this.#messageAt = context.now
    this.#unanswered = false
    this.heard(context.now)
    return true
  }

  handleDeadline(context: IkeContext): 'alive' | 'dead' {
    this.#transactions?.handleDeadline(context)
    const givenUp = this.quick.handleDeadline(context)
    this.#unanswered ||= givenUp.some(
      ({ role, startedAt }) => role === 'initiator' && startedAt > this.#messageAt,
    )
    if (this.#deadPeer === undefined) return 'alive'
    if (this.#deadPeer.isDead(context.now)) return 'dead'
    if (this.#deadPeer.probeDue(context.now)) this.probe(context)
    return 'alive'
  }

  deadline(): Instant {
    return Math.min(
      this.quick.deadline(),
      this.#transactions?.deadline() ?? Number.POSITIVE_INFINITY,
      this.#deadPeer?.deadline() ?? Number.POSITIVE_INFINITY,
    )
  }

  /** R-U-THERE (RFC 3706 §5.3), to a peer that knows it. */
  probe(context: IkeContext): boolean {
    if (this.#deadPeer === undefined) return false
    this.#ask(this.#deadPeer, context)
    return true
  }

  #ask(watch: DeadPeerWatch, context: IkeContext): void {
    const sequence = watch.nextProbe(context.now)
    sendInformational(
      this.#channel,
      [phase1Notify('R-U-THERE', this.#channel.cookies.pair, sequence)],
      context,
    )
  }

  pathProbe(): PathProbe | undefined {
    return this.#deadPeer && paddedLiveness(this.#channel, this.#deadPeer)
  }

  /** Once, if there is anything to say. */
  say(notifies: readonly NotificationPayload[], context: IkeContext): void {
    if (notifies.length > 0) sendInformational(this.#channel, notifies, context)
  }

  sendDeletes(
    inboundSpis: readonly EspSpi[],
    ikeSa: 'with ISAKMP SA' | 'children only',
    context: IkeContext,
  ): void {
    const ends = ikeSa === 'with ISAKMP SA'
    const cookies = ends ? this.#channel.cookies.pair : undefined
    const spis = ends ? [...inboundSpis, ...this.quick.committing()] : inboundSpis
    for (const payloads of deleteMessages(spis, cookies)) {
      sendInformational(this.#channel, payloads, context)
    }
  }

  /** Those of an exchange that has more than one message. */
  #exchangesOf(exchangeType: number): QuickExchanges | Transactions | undefined {
    if (exchangeType === QUICK_MODE) return this.quick
    return exchangeType === TRANSACTION ? this.#transactions : undefined
  }

  /** Cisco's gateways send that of the ISAKMP SA right behind phase 1; of a Child SA it is under the SPI that its responder receives on. */
  #heedLifetime(notify: NotificationPayload, context: IkeContext): void {
    if (isResponderLifetime(notify, 'ESP')) {
      const lifetime = childLifetime(notify)
      for (const outboundSpi of espSpiOf(notify.spi))
        context.outcomes.push({ kind: 'child-shortened', sa: this.#sa, outboundSpi, lifetime })
      return
    }
    if (this.#sa.role !== 'initiator') return
    const { lifetime } = this.life
    this.life.shorten(withPhase1ResponderLifetime(lifetime, [notify]), context.crypto)
  }

  /** A message that is an exchange of its own, here. */
  #handleSingle(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    switch (header.exchangeType) {
      case NEW_GROUP_MODE:
        return refuseNewGroup(this.#channel, datagram, header, context)
      case TRANSACTION:
        return readUnserved(this.#channel, datagram, header, context)
      default:
        return this.#handleInformational(datagram, header, context)
    }
  }

  #handleInformational(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const news = readInformational(this.#channel, datagram, header, context)
    if (news === undefined) return false
    const trusted = this.#sa.state === 'established'
    if (!trusted) this.#initialContact ||= news.notifies.some(isInitialContact)
    const notifies = trusted ? news.notifies : news.notifies.filter(concernsThisSaAlone)
    for (const notify of notifies) this.#handleNotify(notify, header.messageId, context)
    // With XAUTH still to come, many may have these keys: what others have built is not theirs to end.
    if (trusted && news.deletedSpis.length > 0) {
      this.quick.takenBack(news.deletedSpis, context)
      context.outcomes.push({
        kind: 'children-deleted',
        sa: this.#sa,
        outboundSpis: news.deletedSpis,
      })
    }
    this.#closedByPeer ||= news.ikeSaDeleted
    return true
  }

  #handleNotify(notify: NotificationPayload, messageId: number, context: IkeContext): void {
    switch (notify.notifyType) {
      case NotifyType.number('CONNECTED'):
        this.quick.connected(messageId, context)
        return
      case NotifyType.number('R-U-THERE'): {
        const answer = phase1Notify(
          'R-U-THERE-ACK',
          this.#channel.cookies.pair,
          notify.data.slice(0, 4),
        )
        sendInformational(this.#channel, [answer], context)
        if (this.#deadPeer !== undefined || this.#tryout !== undefined) return
        this.#tryout = new DeadPeerWatch(this.#limits, context)
        this.#ask(this.#tryout, context)
        return
      }
      case NotifyType.number('R-U-THERE-ACK'): {
        const watch = this.#deadPeer ?? this.#tryout
        const roundTrip = watch?.roundTrip(notify.data, context.now)
        const id = numberOf(notify.data.subarray(0, 4))
        context.outcomes.push({ kind: 'path-probe-answered', sa: this.#sa, id })
        if (roundTrip === undefined) return
        this.#deadPeer = watch
        this.#answeredProbeAt = context.now
        context.tell({ kind: 'peer-alive', tunnel: this.#channel.tunnel, roundTrip })
        return
      }
      case NotifyType.number('INVALID-SPI'): {
        // Sent under these keys for ESP of ours that it has no SA for: Cisco's "invalid SPI recovery" (RFC 2408 §3.14.1).
        const outboundSpis = [notify.spi, notify.data].flatMap(espSpiOf)
        context.outcomes.push({ kind: 'children-deleted', sa: this.#sa, outboundSpis })
        return
      }
      case NotifyType.number('RESPONDER-LIFETIME'):
        this.#heedLifetime(notify, context)
        return
      case NotifyType.number('INITIAL-CONTACT'):
        context.outcomes.push({ kind: 'initial-contact', sa: this.#sa })
        return
      default:
        if (!this.quick.refusedBy(notify, context)) this.#heedRefusal(notify)
    }
  }

  /** Before anything else under the keys, an initiator says that we are not who its tunnel is with: it stays in phase 1, and so nothing runs here. */
  #heedRefusal({ notifyType }: NotificationPayload): void {
    const { tunnel } = this.quick
    const answersMessage6 = this.#sa.role === 'responder' && tunnel.ike === 'v1-main'
    if (!answersMessage6 || this.#seen.size > 0 || !REFUSALS.has(notifyType)) return
    // Then it may be about one of those.
    if (this.quick.negotiating().length > 0) return
    this.#refusedWith = notifyType
    this.#closedByPeer = true
  }
}

function isInitialContact({ notifyType }: NotificationPayload): boolean {
  return notifyType === NotifyType.number('INITIAL-CONTACT')
}

function concernsThisSaAlone(notify: NotificationPayload): boolean {
  const { notifyType } = notify
  return (
    isResponderLifetime(notify, 'ISAKMP') ||
    notifyType === NotifyType.number('R-U-THERE') ||
    notifyType === NotifyType.number('R-U-THERE-ACK')
  )
}

/** None, unless it is four octets. */
function espSpiOf(octets: Uint8Array): readonly EspSpi[] {
  if (octets.length !== 4) return []
  return [espSpi(new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0))]
}

/** How gateways say it: the second is libreswan's word. */
const REFUSALS: ReadonlySet<number> = new Set([
  NotifyType.number('AUTHENTICATION-FAILED'),
  NotifyType.number('INVALID-ID-INFORMATION'),
])
const NEW_GROUP_MODE = ExchangeType.number('NEW-GROUP-MODE')
const QUICK_MODE = ExchangeType.number('QUICK-MODE')
const TRANSACTION = ExchangeType.number('TRANSACTION')
/** Two probes a peer every ten seconds over eight hours stay below half of it. */
const MAX_SEEN = 16_384
