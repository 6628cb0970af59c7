import { equalDn } from '#policy/distinguished-name'
import type { Certificate } from './certificate.ts'

/** What a CERTREQ payload of type "X.509 certificate - signature" holds for each CA we trust (RFC 4945 §3.2.7.1). */
export function requestedAuthorities(trust: readonly Certificate[]): readonly Uint8Array[] {
  return trust.map(({ subject }) => subject.der)
}

/**
 * Whether one of our chains suits what the peer asked for. An empty name asks for any CA (RFC 4945 §3.2.7.2), and so does no
 * CERTREQ at all.
 *
 * @param chain ours, leaf first
 */
export function isRequested(
  chain: readonly Certificate[],
  authorities: readonly Uint8Array[],
): boolean {
  if (authorities.length === 0) return true
  return authorities
    .slice(0, 200)
    .some((name) => isEmptyName(name) || chain.some(({ issuer }) => equalDn(issuer.der, name)))
}

/** What goes into CERT payloads: the leaf first, without a self-signed root, which the peer must have already. */
export function certificatesToSend(chain: readonly Certificate[]): readonly Uint8Array[] {
  return chain
    .filter(({ subject, issuer }, i) => i === 0 || !equalDn(subject.der, issuer.der))
    .map(({ der }) => der)
}

function isEmptyName(name: Uint8Array): boolean {
  return name.length === 0 || (name.length === 2 && name[0] === 0x30 && name[1] === 0)
}
