/**
 * Informational exchanges under an ISAKMP SA: one message, never answered as such (RFC 2409 §5.7, RFC 2408 §4.8):
 *
 *   HDR*, HASH(1), N or D…
 */
import { equalOctets } from '#bytes/equal'
import type { EspSpi } from '#esp/sa'
import { espSpi } from '#esp/sa'
import { Doi, ProtocolId } from '#iana/isakmp'
import { PeerViolation } from '#ike/errors'
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { DeletePayload, NotificationPayload, Payload } from '#wire/v1/payloads'
import { messageIdOctets } from './keys.ts'
import { boundTo, freshMessageId, type Phase2Channel } from './phase2-channel.ts'

export type InformationalNews = {
  readonly notifies: readonly NotificationPayload[]
  /** Our outbound SPIs: the peer names SAs by the SPI it receives on. */
  readonly deletedSpis: readonly EspSpi[]
  /** The peer ended this very ISAKMP SA. */
  readonly ikeSaDeleted: boolean
}

/**
 * Sends `payloads` once; there is no acknowledgement to wait for.
 * @param sealedOctets a multiple of the cipher block; with it, the encrypted part is padded to so many and sent in one piece or not at all
 */
export function sendInformational(
  channel: Phase2Channel,
  payloads: readonly Payload[],
  context: IkeContext,
  sealedOctets?: number,
): void {
  const messageId = freshMessageId(context)
  const { message, octets } = channel.seal(
    { exchange: 'informational', messageId, role: 'initiator', number: 1, payloads },
    channel.firstIv(messageId, context),
    boundTo(messageId),
    context,
    sealedOctets,
  )
  channel.transmit(message, octets, 0, context, sealedOctets === undefined ? 'as it fits' : 'whole')
}

/** @returns the news; undefined when the message is not the peer's, which is told as dropped. */
export function readInformational(
  channel: Phase2Channel,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): InformationalNews | undefined {
  const { messageId } = header
  try {
    const { payloads, hashed } = openInformational(channel, datagram, header, context)
    channel.tellReceived(
      { exchange: 'informational', messageId, role: 'responder', number: 1, payloads: hashed },
      datagram,
      context,
    )
    return newsOf(payloads, channel.cookies.pair)
  } catch (error) {
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    const reason = error instanceof MalformedMessage ? 'undecryptable' : 'bad-hash'
    channel.drop(datagram, reason, `Informational: ${error.message}`, context)
    return undefined
  }
}

/**
 * Deletes of our inbound SAs and, with `ikeSa`, of the ISAKMP SA: one list for each message. RFC 2408 §3.15 would allow all in one
 * message, but strongSwan heeds only one protocol's deletes in each.
 */
export function deleteMessages(
  inboundSpis: readonly EspSpi[],
  ikeSa: Uint8Array | undefined,
): readonly (readonly DeletePayload[])[] {
  const doi = Doi.number('IPSEC')
  const messages: DeletePayload[][] = []
  for (let i = 0; i < inboundSpis.length; i += SPIS_A_PAYLOAD) {
    const spis = inboundSpis.slice(i, i + SPIS_A_PAYLOAD).map(messageIdOctets)
    messages.push([{ type: 'D', doi, protocolId: ProtocolId.number('ESP'), spis }])
  }
  if (ikeSa !== undefined)
    messages.push([{ type: 'D', doi, protocolId: ProtocolId.number('ISAKMP'), spis: [ikeSa] }])
  return messages
}

/**
 * A side that refuses the other's proof has no last block of phase 1 yet, and RFC 2409 appendix B leaves open what its IV is made of then:
 * libreswan takes the Message ID alone.
 * @throws MalformedMessage, or PeerViolation `bad-hash`
 */
function openInformational(
  channel: Phase2Channel,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): ReturnType<Phase2Channel['open']> {
  const { messageId } = header
  const open = (iv: Uint8Array) => channel.open(datagram, header, iv, boundTo(messageId), context)
  try {
    return open(channel.firstIv(messageId, context))
  } catch (error) {
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    try {
      return open(channel.ivOfMessageIdAlone(messageId, context))
    } catch {
      throw error
    }
  }
}

function newsOf(payloads: readonly Payload[], cookies: Uint8Array): InformationalNews {
  const notifies: NotificationPayload[] = []
  const deletedSpis: EspSpi[] = []
  let ikeSaDeleted = false
  for (const payload of payloads) {
    if (payload.type === 'N') notifies.push(payload)
    if (payload.type !== 'D') continue
    if (payload.protocolId === ProtocolId.number('ISAKMP')) {
      ikeSaDeleted ||= payload.spis.some((spi) => equalOctets(spi, cookies))
    }
    if (payload.protocolId === ProtocolId.number('ESP')) {
      const spis = payload.spis.filter((spi) => spi.length === 4)
      deletedSpis.push(
        ...spis.map((spi) => espSpi(new DataView(spi.buffer, spi.byteOffset, 4).getUint32(0))),
      )
    }
  }
  return { notifies, deletedSpis, ikeSaDeleted }
}

/** Peers with small buffers cope with this many at a time. */
const SPIS_A_PAYLOAD = 64
