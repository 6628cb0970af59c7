import type { EspSpi } from '#esp/sa'
import { SaAttribute } from '#iana/ipsec-doi'
import { NotifyType, ProtocolId } from '#iana/isakmp'
import { every } from '#ike/message-rules'
import type { Lifetime } from '#policy/proposal'
import { decode, encode } from '#wire/codec'
import { MalformedMessage } from '#wire/malformed'
import type { NotificationPayload, Payload } from '#wire/v1/payloads'
import { attributeList } from '#wire/v1/sa-payload'
import { type AgreedLifetime, findLifetime, lifetimeAttributes } from './attributes.ts'
import { messageIdOctets } from './keys.ts'
import { childNotify } from './notify.ts'

/**
 * The lifetime both sides have when the responder lets a longer one stand in its SA payload and names its own beside it
 * (RFC 2407 §4.5.4), as Cisco's and Check Point's gateways do.
 */
export function withResponderLifetime(agreed: Lifetime, payloads: readonly Payload[]): Lifetime {
  return every(payloads, 'N').filter(isResponderLifetime).map(lifetimeOf).reduce(shorter, agreed)
}

/**
 * What a responder says beside the offer that it gives back unchanged, when it keeps the Child SA for less time or traffic. `spi` is
 * its own (RFC 2407 §4.6.3.1).
 */
export function responderLifetime(
  spi: EspSpi,
  lifetime: AgreedLifetime,
): readonly NotificationPayload[] {
  if (lifetime.shortened !== true) return []
  const data = encode(attributeList, lifetimeAttributes(LIFE_TYPE, LIFE_DURATION, lifetime))
  return [{ ...childNotify('RESPONDER-LIFETIME', messageIdOctets(spi)), data }]
}

function isResponderLifetime({ notifyType, protocolId }: NotificationPayload): boolean {
  return (
    notifyType === NotifyType.number('RESPONDER-LIFETIME') &&
    protocolId === ProtocolId.number('ESP')
  )
}

/** RFC 2407 §4.6.3.1: the data are attributes; what is none is no reason to refuse the SA. */
function lifetimeOf({ data }: NotificationPayload): Partial<Lifetime> {
  try {
    return findLifetime(decode(attributeList, data), LIFE_TYPE, LIFE_DURATION)
  } catch (error) {
    if (error instanceof MalformedMessage) return {}
    throw error
  }
}

function shorter(a: Lifetime, b: Partial<Lifetime>): Lifetime {
  const kilobytes = Math.min(a.kilobytes ?? Infinity, b.kilobytes ?? Infinity)
  return {
    seconds: Math.min(a.seconds, b.seconds ?? Infinity),
    ...(Number.isFinite(kilobytes) ? { kilobytes } : {}),
  }
}

const LIFE_TYPE = SaAttribute.number('SA Life Type')
const LIFE_DURATION = SaAttribute.number('SA Life Duration')
