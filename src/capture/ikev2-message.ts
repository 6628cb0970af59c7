import { Ikev2Exchange, Ikev2Notify, Ikev2Payload } from '#iana/ikev2'
import { HEADER_OCTETS, type IkeHeader } from '#wire/ike-header'

/** As much of an IKEv2 message as stands in clear. */
export type Ikev2Content = {
  readonly exchange: string
  readonly request: boolean
  /** `SA`, `KE`, `N(COOKIE)`; ends with `SK` where the rest is encrypted. */
  readonly payloads: readonly string[]
  readonly encrypted: boolean
  /** Where the chain could not be followed. */
  readonly problem?: string
}

/** Names the payloads of a message in clear (RFC 7296 §3.2). Never throws. */
export function readIkev2(header: IkeHeader, octets: Uint8Array): Ikev2Content {
  const payloads: string[] = []
  const request = (header.flags & FLAG_RESPONSE) === 0
  const exchange = Ikev2Exchange.nameOf(header.exchangeType)
  const read = (problem?: string): Ikev2Content => ({
    exchange,
    request,
    payloads,
    encrypted: SEALED.includes(payloads.at(-1) ?? ''),
    ...(problem === undefined ? {} : { problem }),
  })
  let type = header.nextPayload
  let at = HEADER_OCTETS
  while (type !== 0) {
    if (payloads.length === MOST_PAYLOADS) return read(`more than ${MOST_PAYLOADS} payloads`)
    const left = header.length - at
    const length = ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0)
    if (left < 4 || length < 4 || length > left) return read('a payload is longer than the message')
    payloads.push(nameOf(type, octets.subarray(at + 4, at + length)))
    // What is inside comes next in the header of the encrypted payload.
    if (SEALED.includes(Ikev2Payload.nameOf(type))) return read()
    type = octets[at] ?? 0
    at += length
  }
  return read()
}

const FLAG_RESPONSE = 0x20
const MOST_PAYLOADS = 64
const SEALED: readonly string[] = ['SK', 'SKF']

function nameOf(type: number, body: Uint8Array): string {
  const name = Ikev2Payload.nameOf(type)
  if (name !== 'N' || body.length < 4) return name
  return `N(${Ikev2Notify.nameOf(((body[2] ?? 0) << 8) | (body[3] ?? 0))})`
}
