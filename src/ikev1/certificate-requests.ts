/** What a peer asks for by CERTREQ payloads (RFC 4945 §3.2.7), and whether our certificate is that. */
import type { TunnelConfig } from '#config/config'
import { CertEncoding } from '#iana/isakmp'
import { every } from '#ike/message-rules'
import type { Certificate } from '#pki/certificate'
import { isRequested, requestedAuthorities } from '#pki/certificate-request'
import { formatDn } from '#policy/distinguished-name'
import type { CertRequestPayload, Payload } from '#wire/v1/payloads'

/** DER of names of CAs; an empty one stands for any. */
export type RequestedAuthorities = readonly Uint8Array[]

/** For certificates of the CAs we trust; nothing where a key is shared. */
export function certificateRequests({
  authentication,
}: TunnelConfig): readonly CertRequestPayload[] {
  if (!('trust' in authentication)) return []
  const names = requestedAuthorities(authentication.trust)
  return names.map((data) => ({ type: 'CR', encoding: X509_SIGNATURE, data }))
}

/** What a message adds. Requests for other things than certificates to verify signatures, such as CRLs, may be ignored (§3.2.3). */
export function learnRequests(
  known: RequestedAuthorities | undefined,
  payloads: readonly Payload[],
): RequestedAuthorities | undefined {
  const asked = every(payloads, 'CR').filter(({ encoding }) => encoding === X509_SIGNATURE)
  if (asked.length === 0) return known
  return [...(known ?? []), ...asked.map(({ data }) => data.slice())].slice(0, MOST_NAMES)
}

/**
 * Our certificates for a peer that asked for some: of its CA or not, they are what we have, and it may know more CAs than it names. None
 * where it did not ask (§3.3.6), unless the operator says so, or the peer has none itself: clients of hybrid authentication such as vpnc need ours
 * and do not ask.
 */
export function certificatesFor(
  { authentication }: TunnelConfig,
  requested: RequestedAuthorities | undefined,
): readonly Certificate[] {
  if (!('own' in authentication)) return []
  const unasked = authentication.kind === 'hybrid-server' || authentication.send === 'always'
  return requested !== undefined || unasked ? authentication.own : []
}

/** CW-310: our certificate goes out though the peer asks for others; it may refuse it. */
export function unsuitedWarning(
  { name, authentication }: TunnelConfig,
  asked: RequestedAuthorities | undefined,
): string | undefined {
  const own = 'own' in authentication ? authentication.own : []
  const [leaf] = own
  if (leaf === undefined || asked === undefined || isRequested(own, asked)) return undefined
  const names = asked.slice(0, MOST_SHOWN).map((der) => formatDn(der) ?? 'an unreadable name')
  return `CW-310 ${name} asks for certificates of ${names.join('; ')}; ours is of ${leaf.issuer.text}`
}

const X509_SIGNATURE = CertEncoding.number('X509-SIGNATURE')
/** Kept of what a peer asks for. */
const MOST_NAMES = 200
const MOST_SHOWN = 4
