import { Doi, NotifyType, ProtocolId } from '#iana/isakmp'
import type { NotificationPayload } from '#wire/v1/payloads'

export type NotifyName = Parameters<typeof NotifyType.number>[0]

/** About the ISAKMP SA itself: its SPI is the pair of cookies (RFC 2407 §4.6.3). */
export function phase1Notify(
  name: NotifyName,
  cookies: Uint8Array,
  data: Uint8Array = new Uint8Array(0),
): NotificationPayload {
  return {
    type: 'N',
    doi: Doi.number('IPSEC'),
    protocolId: ProtocolId.number('ISAKMP'),
    spi: cookies,
    notifyType: NotifyType.number(name),
    data,
  }
}

/** About a Child SA that is being negotiated, under the SPI its initiator gave. */
export function childNotify(name: NotifyName, spi: Uint8Array): NotificationPayload {
  return {
    type: 'N',
    doi: Doi.number('IPSEC'),
    protocolId: ProtocolId.number('ESP'),
    spi,
    notifyType: NotifyType.number(name),
    data: new Uint8Array(0),
  }
}
