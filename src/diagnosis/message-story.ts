import { toHex } from '#bytes/hex'
import { IdType } from '#iana/ipsec-doi'
import { isErrorNotify, NotifyType, ProtocolId } from '#iana/isakmp'
import type { MessageEvent } from '#ike/events'
import { formatIdentity } from '#policy/identity'
import { formatSelector } from '#policy/traffic-selector'
import { identityFromPayload, selectorFromPayload } from '#wire/v1/id-payload'
import type { IdPayload, NotificationPayload, Payload } from '#wire/v1/payloads'
import { vendorIdOf } from '#wire/v1/vendor-id'
import { transactionHeading, transactionText } from './transaction-story.ts'
import { type OfferText, phase1OfferText, quickOfferText } from './transform-text.ts'

/** What one message carried and what both sides had when it arrived, in words for an operator. */
export type MessageStory = { readonly carried: string; readonly achieved: string }

/** The heading under which a message stands, where it opens a part of the negotiation. */
export function headingOf({ exchange, number, payloads }: MessageEvent): string | undefined {
  const attributes = payloads.find(({ type }) => type === 'ATTR')
  if (number === 1 && attributes?.type === 'ATTR') return transactionHeading(attributes)
  if (exchange === 'main') return MAIN_HEADINGS[number]
  if (exchange === 'aggressive') return AGGRESSIVE_HEADINGS[number]
  if (exchange === 'quick') return number === 1 ? 'Phase 2: what traffic, which keys' : undefined
  return undefined
}

/** @param offered what message 1 of the same exchange proposed, where it is known. */
export function storyOf(event: MessageEvent, offered: OfferText | undefined): MessageStory {
  // Of a capture whose keys are not at hand.
  if (event.encrypted && event.payloads.length === 0) return { carried: 'encrypted', achieved: '' }
  const error = event.payloads.find(isErrorNotification)
  if (error !== undefined) return errorStory(event, error)
  if (event.exchange === 'main') return mainStory(event, offered)
  if (event.exchange === 'aggressive') return aggressiveStory(event, offered)
  if (event.exchange === 'quick') return quickStory(event, offered)
  return { carried: otherText(event), achieved: otherAchieved(event) }
}

/** The offer in the SA payload of a first or second message. */
export function offerOf({ exchange, payloads }: MessageEvent): OfferText | undefined {
  const payload = payloads.find(({ type }) => type === 'SA')
  if (payload?.type !== 'SA') return undefined
  return exchange === 'quick' ? quickOfferText(payload) : phase1OfferText(payload)
}

/** Which product the sender's vendor IDs name. */
export function vendorOf({ payloads }: MessageEvent): string | undefined {
  for (const payload of payloads) {
    if (payload.type !== 'VID') continue
    const known = vendorIdOf(payload.data)
    if (known?.says === 'product') return known.label
  }
  return undefined
}

/** Payload names as RFC 2408 writes them; notifications and deletes say which. */
export function payloadNames({ payloads }: MessageEvent): readonly string[] {
  return payloads.map((payload) => {
    if (payload.type === 'N') return `N(${NotifyType.nameOf(payload.notifyType)})`
    if (payload.type === 'D') return `D(${ProtocolId.nameOf(payload.protocolId)})`
    if (payload.type === 'unknown') return `payload ${payload.number}`
    return payload.type
  })
}

const MAIN_HEADINGS: Readonly<Record<number, string>> = {
  1: 'Phase 1, first exchange: agree on algorithms',
  3: 'Phase 1, second exchange: Diffie-Hellman, look for NAT',
  5: 'Phase 1, third exchange: prove identity (encrypted from here)',
}

const AGGRESSIVE_HEADINGS: Readonly<Record<number, string>> = {
  1: 'Phase 1: algorithms, Diffie-Hellman and identities at once, in clear',
  3: 'Phase 1: the initiator proves itself',
}

function mainStory(event: MessageEvent, offered: OfferText | undefined): MessageStory {
  switch (event.number) {
    case 1:
      return {
        carried: offerText(offerOf(event)),
        achieved: 'the responder knows every set of algorithms the initiator accepts',
      }
    case 2:
      return {
        carried: acceptedText(offerOf(event), offered),
        achieved: `both sides use ${choiceText(offerOf(event), offered)} from here on`,
      }
    case 3:
      return {
        carried: keyExchangeText(event),
        achieved: 'the responder can compute the shared secret and see a NAT',
      }
    case 4:
      return {
        carried: keyExchangeText(event),
        achieved: 'both sides hold the same secret; who they are is still open',
      }
    case 5:
      return {
        carried: identityText(event),
        achieved: `the responder knows who the initiator is and that it has ${proofOf(event)}`,
      }
    case 6:
      return {
        carried: identityText(event),
        achieved: 'both sides have proven who they are: phase 1 is done',
      }
    default:
      return { carried: otherText(event), achieved: '' }
  }
}

function aggressiveStory(event: MessageEvent, offered: OfferText | undefined): MessageStory {
  switch (event.number) {
    case 1:
      return {
        carried: `${offerText(offerOf(event))}, ${keyExchangeText(event)}, ${identityText(event)}`,
        achieved: 'the responder knows what the initiator accepts, and who it says it is',
      }
    case 2:
      return {
        carried: `${acceptedText(offerOf(event), offered)}, ${keyExchangeText(event)}, ${identityText(event)}`,
        achieved: `the initiator knows that the responder has ${proofOf(event)}`,
      }
    case 3:
      return {
        carried: `proof of ${proofOf(event)}`,
        achieved: 'both sides have proven who they are: phase 1 is done',
      }
    default:
      return { carried: otherText(event), achieved: '' }
  }
}

/** What a message with a HASH or SIG payload proves that its sender has. */
function proofOf({ payloads }: MessageEvent): string {
  return payloads.some(({ type }) => type === 'SIG') ? 'the key of its certificate' : 'the key'
}

function quickStory(event: MessageEvent, offered: OfferText | undefined): MessageStory {
  switch (event.number) {
    case 1:
      return {
        carried: quickOfferedText(event),
        achieved: 'the responder knows the traffic, the algorithms and the new nonce',
      }
    case 2:
      return {
        carried: acceptedText(offerOf(event), offered),
        achieved: `both sides can compute the keys of the traffic, ${choiceText(offerOf(event), offered)}`,
      }
    case 3:
      return {
        carried: 'confirmed',
        achieved: 'the responder knows the initiator is live: traffic may flow',
      }
    default:
      return { carried: otherText(event), achieved: '' }
  }
}

function errorStory(event: MessageEvent, notification: NotificationPayload): MessageStory {
  const name = NotifyType.nameOf(notification.notifyType)
  // In clear anyone could have sent it (RFC 2408 §5.14 asks no proof): a hint, no verdict.
  return event.encrypted
    ? { carried: name, achieved: 'the negotiation is refused' }
    : { carried: `${name} (unauthenticated)`, achieved: 'a hint that the negotiation is refused' }
}

function isErrorNotification(payload: Payload): payload is NotificationPayload {
  return payload.type === 'N' && isErrorNotify(payload.notifyType)
}

/** Two suites by name, the others by number. */
function offerText(offer: OfferText | undefined): string {
  if (offer === undefined || offer.suites.length === 0) return 'no proposal'
  const shown = offer.suites.slice(0, 2).join(', ')
  const more = offer.suites.length > 2 ? ` and ${offer.suites.length - 2} more` : ''
  const lifetime = offer.lifetime === undefined ? '' : `, ${offer.lifetime}`
  return `${shown}${more}${lifetime}`
}

/** Why this one: with a single offer there was nothing to choose. */
function acceptedText(choice: OfferText | undefined, offered: OfferText | undefined): string {
  const suite = choice?.suites[0]
  if (suite === undefined) return 'no proposal'
  if (offered === undefined) return `chooses ${suite}`
  const count = offered.suites.length
  if (count === 1 && offered.suites[0] === suite) return 'accepted'
  const place = offered.suites.indexOf(suite) + 1
  if (place === 0) return `chooses ${suite}, which was not offered`
  return `chooses ${suite}, number ${place} of ${count}`
}

/** What was chosen, and why that. */
function choiceText(choice: OfferText | undefined, offered: OfferText | undefined): string {
  const suite = choice?.suites[0] ?? 'the same algorithms'
  const count = offered?.suites.length ?? 0
  if (count === 0) return suite
  return `${suite} (${count === 1 ? 'the only set offered' : 'the responder’s choice of what was offered'})`
}

function quickOfferedText(event: MessageEvent): string {
  const [initiator, responder] = event.payloads.filter((payload) => payload.type === 'ID')
  const offer = offerOf(event)
  const traffic =
    initiator === undefined || responder === undefined
      ? 'the gateways themselves'
      : trafficText(event, initiator, responder)
  const group = offer?.group === undefined ? '' : `, ${offer.group}`
  return `${traffic}, ${offer === undefined ? 'no proposal' : offer.suites.slice(0, 2).join(', ')}${group}`
}

/** Ours first, whoever asks. */
function trafficText({ role }: MessageEvent, initiator: IdPayload, responder: IdPayload): string {
  const [ours, theirs] = role === 'initiator' ? [initiator, responder] : [responder, initiator]
  return `${idText(ours)} ↔ ${idText(theirs)}`
}

function idText(payload: IdPayload): string {
  const selector = selectorFromPayload(payload)
  return selector === undefined ? unreadableId(payload) : formatSelector(selector)
}

function identityText(event: MessageEvent): string {
  const payload = event.payloads.find(({ type }) => type === 'ID')
  if (payload?.type !== 'ID') return otherText(event)
  const identity = identityFromPayload(payload)
  return `I am ${identity === undefined ? unreadableId(payload) : formatIdentity(identity)}`
}

function unreadableId({ idType, data }: IdPayload): string {
  return `${IdType.nameOf(idType)} ${toHex(data.subarray(0, 16))}`
}

function keyExchangeText({ payloads }: MessageEvent): string {
  const has = (type: Payload['type']) => payloads.some((payload) => payload.type === type)
  const parts: string[] = []
  if (has('KE')) parts.push('public value')
  if (has('NONCE')) parts.push('nonce')
  return parts.length === 0 ? 'nothing known' : parts.join(', ')
}

function otherText(event: MessageEvent): string {
  const attributes = event.payloads.find(({ type }) => type === 'ATTR')
  if (attributes?.type === 'ATTR') return transactionText(attributes)
  return payloadNames(event)
    .filter((name) => name !== 'HASH')
    .join(', ')
}

function otherAchieved({ payloads }: MessageEvent): string {
  for (const payload of payloads) {
    if (payload.type === 'D') return 'the sender has removed these SAs'
    if (payload.type !== 'N') continue
    const name = NotifyType.nameOf(payload.notifyType)
    if (name === 'INITIAL-CONTACT') return 'the receiver forgets older SAs of the sender'
    if (name === 'R-U-THERE') return 'the sender asks whether the receiver is there'
    if (name === 'R-U-THERE-ACK') return 'the sender is there'
  }
  return ''
}
