import { ExchangeType } from '#iana/isakmp'
import type { Datagram, Ends, IkeContext } from '#ike/version'
import { HEADER_OCTETS, type IkeHeader } from '#wire/ike-header'
import { decodePayloads, type PlacedPayload } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { type NotifyName, phase1Notify } from './notify.ts'
import { freshMessageId } from './phase2-channel.ts'
import { encodePlain, outgoingHeader } from './protect.ts'
import type { Cookies } from './step.ts'

/** Eight random octets, never all zero: that would mean "not known yet" (RFC 2408 §3.1). */
export function freshCookie({ crypto }: IkeContext): Uint8Array {
  const cookie = crypto.random(8)
  return cookie.some((octet) => octet !== 0) ? cookie : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
}

/** The payloads of a message in clear. @throws MalformedMessage */
export function decodeClear(
  datagram: Pick<Datagram, 'octets'>,
  header: IkeHeader,
): readonly PlacedPayload[] {
  const octets = datagram.octets.subarray(0, header.length)
  return decodePayloads(header.nextPayload, octets, HEADER_OCTETS).payloads
}

/** The values without their places. */
export function plainOf(payloads: readonly PlacedPayload[]): readonly Payload[] {
  return payloads.map(({ payload }) => payload)
}

/** An Informational exchange without keys: a word the peer may take as a hint, shorter than what provoked it (RFC 2408 §5.14). */
export function sendClearNotify(
  name: NotifyName,
  cookies: Cookies,
  spi: Uint8Array,
  { local, remote }: Ends,
  context: IkeContext,
): void {
  const exchangeType = ExchangeType.number('INFORMATIONAL')
  const header = outgoingHeader(cookies, exchangeType, freshMessageId(context))
  const octets = encodePlain(header, [phase1Notify(name, spi)])
  context.effects.push({ kind: 'send', octets, local, remote })
}
