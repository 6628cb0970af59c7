import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'

/** Whether a certificate is a CA that browsers trust, or is issued by one; Node has Mozilla's list of them. */
export function isPublicAuthority(der: Uint8Array): boolean {
  try {
    const certificate = new X509Certificate(der)
    return roots().some((one) => certificate.checkIssued(one) && certificate.verify(one.publicKey))
  } catch {
    // What OpenSSL cannot read is none of those.
    return false
  }
}

let parsed: readonly X509Certificate[] | undefined

function roots(): readonly X509Certificate[] {
  parsed ??= rootCertificates.map((pem) => new X509Certificate(pem))
  return parsed
}
