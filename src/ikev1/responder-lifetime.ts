import type { EspSpi } from '#esp/sa'
import { Phase1Attribute } from '#iana/ikev1'
import { SaAttribute } from '#iana/ipsec-doi'
import { NotifyType, ProtocolId } from '#iana/isakmp'
import { every } from '#ike/message-rules'
import type { Lifetime } from '#policy/proposal'
import { decode, encode } from '#wire/codec'
import { MalformedMessage } from '#wire/malformed'
import type { NotificationPayload, Payload } from '#wire/v1/payloads'
import { attributeList } from '#wire/v1/sa-payload'
import { type AgreedLifetime, findLifetime, lifetimeAttributes, shorter } from './attributes.ts'
import { messageIdOctets } from './keys.ts'
import { childNotify, phase1Notify } from './notify.ts'

/**
 * The lifetime both sides have when the responder lets a longer one stand in its SA payload and names its own beside it
 * (RFC 2407 §4.5.4), as Cisco's and Check Point's gateways do.
 */
export function withResponderLifetime(agreed: Lifetime, payloads: readonly Payload[]): Lifetime {
  const said = every(payloads, 'N').filter((notify) => isResponderLifetime(notify, 'ESP'))
  return said.map((notify) => readLifetime(notify, [CHILD_SA])).reduce(shorter, agreed)
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
  const data = encodeLifetime(lifetime, CHILD_SA)
  return [{ ...childNotify('RESPONDER-LIFETIME', messageIdOctets(spi)), data }]
}

/**
 * The same of the ISAKMP SA. It may stand in the last message of Main mode or in an Informational exchange after phase 1, never in
 * Aggressive mode itself, which does not protect it (RFC 2407 §4.6.3).
 */
export function phase1ResponderLifetime(
  cookies: Uint8Array,
  lifetime: AgreedLifetime,
): readonly NotificationPayload[] {
  if (lifetime.shortened !== true) return []
  return [phase1Notify('RESPONDER-LIFETIME', cookies, encodeLifetime(lifetime, ISAKMP_SA))]
}

/** What the ISAKMP SA has left of its agreed lifetime after what its responder says of it. */
export function withPhase1ResponderLifetime(
  agreed: Lifetime,
  payloads: readonly Payload[],
): Lifetime {
  const said = every(payloads, 'N').filter((notify) => isResponderLifetime(notify, 'ISAKMP'))
  return said.map((notify) => readLifetime(notify, [ISAKMP_SA, CHILD_SA])).reduce(shorter, agreed)
}

/** What a notify in an Informational exchange says of a Child SA. */
export function childLifetime(notify: NotificationPayload): Partial<Lifetime> {
  return readLifetime(notify, [CHILD_SA])
}

export function isResponderLifetime(
  { notifyType, protocolId }: NotificationPayload,
  protocol: 'ESP' | 'ISAKMP',
): boolean {
  return (
    notifyType === NotifyType.number('RESPONDER-LIFETIME') &&
    protocolId === ProtocolId.number(protocol)
  )
}

/** The classes of the attributes: phase 1 and the DOI number them each its own way. */
type LifeClasses = { readonly type: number; readonly duration: number }

function encodeLifetime(lifetime: Lifetime, { type, duration }: LifeClasses): Uint8Array {
  return encode(attributeList, lifetimeAttributes(type, duration, lifetime))
}

/** RFC 2407 §4.6.3.1: the data are attributes; what is none is no reason to refuse the SA. */
function readLifetime(
  { data }: NotificationPayload,
  classes: readonly LifeClasses[],
): Partial<Lifetime> {
  try {
    const attributes = decode(attributeList, data)
    const used = classes.find(({ type }) => attributes.some((one) => one.type === type))
    return used === undefined ? {} : findLifetime(attributes, used.type, used.duration)
  } catch (error) {
    if (error instanceof MalformedMessage) return {}
    throw error
  }
}

const CHILD_SA: LifeClasses = {
  type: SaAttribute.number('SA Life Type'),
  duration: SaAttribute.number('SA Life Duration'),
}
const ISAKMP_SA: LifeClasses = {
  type: Phase1Attribute.number('Life Type'),
  duration: Phase1Attribute.number('Life Duration'),
}
